# SPDX-License-Identifier: Apache-2.0
"""Recording: one capture file and one truth file for each scenario and family, so that replaying needs no root."""
import contextlib
import json
import os
import platform
import re
import signal
import time

import context
import split
from net import LabError
from runtime import PORTS_PER_RUN
from schedule import run_all


class Capture:
    """tcpdump on the mirror, nanosecond stamps, from `with` to its end.

    It reads the mirror's inner end: there every packet is stamped as it leaves. At the outer end Linux stamps what a
    TCP socket sent when it is taken from the queue, but what a firewall or a raw socket sent when it is put there.
    """

    def __init__(self, lab, path):
        self.lab, self.path, self.process = lab, path, None
        self.packets = self.dropped = None

    def __enter__(self):
        log = os.path.basename(self.path) + ".log"
        command = [
            "tcpdump",
            "-i",
            "m0",
            "-Q",
            "out",
            "-n",
            "-U",
            "--immediate-mode",
            "-s",
            "2048",
            "-B",
            "32768",
            "--time-stamp-precision=nano",
            "-Z",
            "root",
            "-w",
            self.path,
        ]
        self.process = self.lab.processes.start(self.lab.network.router, command, log)
        deadline = time.monotonic() + 10
        while "listening on" not in self.lab.processes.tail(self.process):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"tcpdump does not start: {self.lab.processes.tail(self.process)}")
            time.sleep(0.02)
        return self

    def __exit__(self, *exc):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        text = self.lab.processes.tail(self.process)
        self.lab.processes.stop(self.process)
        found = re.search(r"(\d+) packets? captured", text), re.search(r"(\d+) packets? dropped by kernel", text)
        self.packets, self.dropped = (int(m[1]) if m else None for m in found)


@contextlib.contextmanager
def recording(lab, directory):
    """Everything that passes the mirror meanwhile, taken apart afterwards: DIR/<scenario>.<family>.pcap and .truth.json
    for each scenario that ran. Yields a list that holds the finished Capture afterwards."""
    os.makedirs(directory, exist_ok=True)
    whole = os.path.join(directory, "all.pcap.part")
    first = len(lab.runs)
    done = []
    with Capture(lab, whole) as capture:
        yield done
        time.sleep(0.3)
    with open(whole, "rb") as f:
        data = f.read()
    os.unlink(whole)
    runs = {f"{name}.{family}": (ports, truths) for name, family, ports, truths in lab.runs[first:]}
    owners = {p: title for title, (ports, _) in runs.items() for p in range(ports, ports + PORTS_PER_RUN)}
    for title, part in split.split(data, owners).items():
        write(lab, directory, title, part, runs[title][1], capture)
    done.append(capture)


def write(lab, directory, title, data, truths, capture):
    name, _, family = title.rpartition(".")
    spec = context.SCENARIOS[name]
    base = os.path.join(directory, title)
    with open(base + ".pcap", "wb") as f:
        f.write(data)
    stamps = [at for at, _, _ in split.records(data)]
    about = {
        "scenario": name,
        "family": int(family),
        "description": spec.text,
        "core": spec.core,
        "recorded": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "kernel": platform.release(),
        "legs": lab.network.legs,
        "delay_ms": lab.network.delay_ms,
        "client_delay_ms": lab.network.client_delay_ms,
        "packets": len(stamps),
        "dropped": capture.dropped,
        "stamped_backwards": sum(b < a for a, b in zip(stamps, stamps[1:])),
        "connections": truths,
    }
    with open(base + ".truth.json", "w", encoding="ascii") as f:
        json.dump(about, f, indent=1)
        f.write("\n")


def record(lab, names, families, connections, directory):
    with recording(lab, directory) as done:
        _, failures = run_all(lab, names, families, connections)
    problems = len(failures)
    for f in failures:
        lab.say(f"FAILED: {f}")
    for name, family, _, truths in sorted(lab.runs, key=lambda r: r[:2]):
        problems += report(lab, f"{name}.{family}", truths)
    if done[0].dropped:
        problems += 1
        lab.say(f"{done[0].dropped} packets DROPPED by the capture")
    lab.say(f"{directory}: {len(lab.runs)} recordings, {done[0].packets} packets, {problems} with a problem")
    return 1 if problems else 0


def report(lab, title, truths):
    """One line a recording; what the kernel contradicts is listed. Returns 1 if something is wrong."""
    unconfirmed = [t for t in truths if t["confirmed"] is False]
    words = {}
    for t in truths:
        for e in t["kernel"]:
            if e["event"] == "send_reset":
                key = f"{e['by']}:{e['reason']}"
                words[key] = words.get(key, 0) + 1
    said = ", ".join(f"{k} x{v}" for k, v in sorted(words.items())) or "no reset sent"
    lab.say(f"{title:34} {len(truths):3} connections, {len(truths) - len(unconfirmed):3} as the kernel says ({said})")
    for t in unconfirmed:
        lab.say(
            f"    not confirmed: {title} {context.tuple_of(t)} {t['note']}: expected {t['kernel_expect']}, kernel: "
            + (", ".join(f"{e['event']} by {e['by']} {e['reason']} {e['state']}" for e in t["kernel"]) or "nothing")
        )
    return 1 if unconfirmed else 0
