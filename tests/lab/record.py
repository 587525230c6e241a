# SPDX-License-Identifier: Apache-2.0
"""Recording: one capture file and one truth file for each scenario and family, so that replaying needs no root."""
import json
import os
import platform
import re
import signal
import struct
import time

import context
from net import LabError


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


def disorder(path):
    """How many packets of a capture are stamped earlier than the one before."""
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if data[:4] == b"\x4d\x3c\xb2\xa1" else ">"
    at, last, count = 24, (0, 0), 0
    while at + 16 <= len(data):
        seconds, nanos, size = struct.unpack_from(order + "III", data, at)
        count += (seconds, nanos) < last
        last = (seconds, nanos)
        at += 16 + size
    return count


def record(lab, names, families, connections, directory):
    os.makedirs(directory, exist_ok=True)
    failures = 0
    for name in names:
        spec = context.SCENARIOS[name]
        for family in families:
            base = os.path.join(directory, f"{name}.{family}")
            try:
                with Capture(lab, base + ".pcap.part") as capture:
                    truths = lab.run(name, family, connections)
                    time.sleep(0.3)
            except (LabError, OSError, AssertionError) as e:
                lab.say(f"{name}.{family}: FAILED: {e}")
                failures += 1
                continue
            os.replace(base + ".pcap.part", base + ".pcap")
            with open(base + ".truth.json", "w", encoding="ascii") as f:
                json.dump(
                    {
                        "scenario": name,
                        "family": family,
                        "description": spec.text,
                        "core": spec.core,
                        "recorded": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                        "kernel": platform.release(),
                        "legs": lab.network.legs,
                        "delay_ms": lab.network.delay_ms,
                        "packets": capture.packets,
                        "dropped": capture.dropped,
                        "stamped_backwards": disorder(base + ".pcap"),
                        "connections": truths,
                    },
                    f,
                    indent=1,
                )
                f.write("\n")
            failures += report(lab, f"{name}.{family}", truths, capture)
    lab.say(f"{directory}: {len(names) * len(families)} recordings, {failures} with a problem")
    return 1 if failures else 0


def report(lab, title, truths, capture):
    """One line a recording; what the kernel contradicts is listed. Returns 1 if something is wrong."""
    unconfirmed = [t for t in truths if t["confirmed"] is False]
    words = {}
    for t in truths:
        for e in t["kernel"]:
            if e["event"] == "send_reset":
                key = f"{e['by']}:{e['reason']}"
                words[key] = words.get(key, 0) + 1
    said = ", ".join(f"{k} x{v}" for k, v in sorted(words.items())) or "no reset sent"
    dropped = f", {capture.dropped} DROPPED" if capture.dropped else ""
    lab.say(
        f"{title:34} {len(truths):3} connections, {len(truths) - len(unconfirmed):3} as the kernel says ({said});"
        f" {capture.packets} packets{dropped}"
    )
    for t in unconfirmed:
        lab.say(
            f"    not confirmed: {context.tuple_of(t)} {t['note']}: expected {t['kernel_expect']}, kernel: "
            + (", ".join(f"{e['event']} by {e['by']} {e['reason']} {e['state']}" for e in t["kernel"]) or "nothing")
        )
    return 1 if unconfirmed or capture.dropped else 0
