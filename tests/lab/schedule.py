# SPDX-License-Identifier: Apache-2.0
"""Which scenarios run when: several at a time, the long ones first, those that exclude each other one by one."""
import threading
import time

import context

AT_ONCE = 10  # scenarios running at the same time: most of them wait for timers
PATIENCE_S = 60  # with nothing finished for so long, what still runs never will


def jobs(lab, names, families):
    """(scenario, family) pairs that this lab can run, the longest first."""
    specs = [context.SCENARIOS[n] for n in names]
    pairs = [(s, f) for s in specs for f in families if f in s.families and (lab.network.wires or not s.needs_delay)]
    return sorted(pairs, key=lambda pair: -pair[0].seconds)


class Queue:
    """Jobs to be taken; a job whose exclusive word is in use waits, the others pass it."""

    def __init__(self, pairs):
        self.waiting = list(pairs)
        self.busy = set()
        self.changed = threading.Condition()

    def take(self):
        """The next job, or None when none is left."""
        with self.changed:
            while self.waiting:
                for k, (spec, _) in enumerate(self.waiting):
                    if spec.exclusive not in self.busy:
                        if spec.exclusive:
                            self.busy.add(spec.exclusive)
                        return self.waiting.pop(k)
                self.changed.wait()
            return None

    def done(self, spec):
        with self.changed:
            self.busy.discard(spec.exclusive)
            self.changed.notify_all()


def run_all(lab, names, families, connections, at_once=AT_ONCE):
    """Runs scenarios several at a time; returns all truths and the failures."""
    queue = Queue(jobs(lab, names, families))
    truths, failures, running = [], [], {}
    alive = [time.monotonic()]  # when something finished last

    def work():
        while (job := queue.take()) is not None:
            spec, family = job
            start = running[f"{spec.name}.{family}"] = time.monotonic()
            try:
                truths.extend(lab.run(spec.name, family, connections))
            except Exception as e:  # one scenario's trouble is not the others'
                failures.append(f"{spec.name}.{family}: {type(e).__name__}: {e}")
                lab.say(f"FAILED {failures[-1]}")
            finally:
                del running[f"{spec.name}.{family}"]
                alive[0] = time.monotonic()
                if alive[0] - start > 3 * spec.seconds + 5:
                    lab.say(f"{spec.name}.{family} took {alive[0] - start:.0f} s, {spec.seconds:.0f} expected")
                queue.done(spec)

    # Daemons: an interrupt does not wait for them.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(at_once)]
    for t in threads:
        t.start()
    for t in threads:
        while t.is_alive() and time.monotonic() - alive[0] < PATIENCE_S:
            t.join(1)
    failures += [f"{name}: still running after {time.monotonic() - at:.0f} s" for name, at in list(running.items())]
    return truths, failures
