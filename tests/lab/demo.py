# SPDX-License-Identifier: Apache-2.0
"""The lab as a show: all scenarios over and over at a gentle rate, each truth written down as it happens."""
import itertools
import json
import shutil
import threading
import time

import context
from net import LabError

AT_ONCE = 5
PAUSE_S = 0.4  # between two starts, while somebody is watching
SLOW_S = 15  # between two starts later on

# What an operator meets first comes first.
FIRST = (
    "syn_blackhole",
    "keepalive_timeout",
    "port_closed",
    "app_abort_unread",
    "idle_timeout_rst",
    "ips_reset_both",
    "close_then_late_data",
    "client_cancel_curl",
    "host_restart_stale",
    "path_fw_reject",
    "app_abort_linger0",
    "client_fast_close",
    "censor_injection",
    "blind_rst_attempt",
    "port_scan",
    "host_fw_reject",
    "icmp_reject",
)


def order(delay):
    """What this machine has the programs for; with the long wires, if there are any."""

    def possible(s):
        return all(shutil.which(p) for p in s.needs) and (delay or not s.needs_delay)

    rest = [n for n, s in sorted(context.SCENARIOS.items()) if n not in FIRST and s.demo and possible(s)]
    return list(FIRST) + rest


def demo(lab, connections, seconds, slow_after, truth_file, ready_file):
    """Runs until `seconds` have passed (0: for ever) or the process is told to stop."""
    slow = time.monotonic() + slow_after if slow_after else float("inf")
    end = time.monotonic() + seconds if seconds else float("inf")
    slots = threading.Semaphore(AT_ONCE)
    lock = threading.Lock()
    running = []
    if ready_file:
        with open(ready_file, "w", encoding="ascii") as f:
            f.write(lab.network.mirror + "\n")

    def one(name, family):
        try:
            truths = lab.run(name, family, connections)
            with lock, open(truth_file, "a", encoding="ascii") as f:
                f.writelines(json.dumps(t) + "\n" for t in truths)
        except (LabError, OSError, AssertionError) as e:
            lab.say(f"{name}.{family}: {e}")
        finally:
            slots.release()

    names = order(bool(lab.network.wires))
    for k in itertools.count():
        turn, place = divmod(k, len(names))
        if place == 0:
            lab.oracle.forget(time.time_ns() - 60 * 10**9)
            running = [t for t in running if t.is_alive()]
        slots.acquire()
        if time.monotonic() > end:
            break
        # Families alternate, and change places each time round.
        families = context.SCENARIOS[names[place]].families
        family = families[(turn + place) % len(families)]
        t = threading.Thread(target=one, args=(names[place], family), daemon=True)
        t.start()
        running.append(t)
        time.sleep(PAUSE_S if time.monotonic() < slow else SLOW_S)
    for t in running:
        t.join(15)
    return 0
