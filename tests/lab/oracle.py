# SPDX-License-Identifier: Apache-2.0
"""The oracle: the kernel's own word on each reset, from the tracepoints tcp:tcp_send_reset and tcp_receive_reset.

Reads a private tracefs instance, so that nobody else's tracing is disturbed. Kernels before 6.10 give no reason
field (then `reason` is None); without tracefs the lab runs on and says that nothing was confirmed.
"""
import contextlib
import os
import re
import select
import tempfile
import threading
import time

from net import run

LINE = re.compile(
    r"^\s*(?P<task>.+?)-(?P<pid>\d+)\s+\[\d+\]\s+\S+\s+(?P<at>\d+\.\d+):" r" (?P<event>tcp_\w+): (?P<rest>.*)$"
)
ADDRESS = re.compile(r"^(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+)):(?P<port>\d+)$")
MARK = re.compile(r"tracing_mark_write: lab-mark-(\d+)")
EVENTS = ("tcp_send_reset", "tcp_receive_reset")


def endpoint(text):
    m = ADDRESS.match(text)
    return (m["six"] or m["four"], int(m["port"])) if m else None


def parse(line, offset_ns):
    m = LINE.match(line)
    if not m:
        return None
    words = dict(w.split("=", 1) for w in m["rest"].split() if "=" in w)
    if m["event"] == "tcp_send_reset" and "src" in words:
        src, dst = endpoint(words["src"]), endpoint(words["dest"])
    else:
        v6 = words.get("family") == "AF_INET6"
        src = (words.get("saddrv6" if v6 else "saddr"), int(words.get("sport", 0)))
        dst = (words.get("daddrv6" if v6 else "daddr"), int(words.get("dport", 0)))
    if not src or not dst:
        return None
    seconds, fraction = m["at"].split(".")
    at = int(seconds) * 10**9 + int(fraction.ljust(9, "0")[:9]) + offset_ns
    return {
        "time_ns": at,
        "event": m["event"][4:],
        "src": src,
        "dst": dst,
        "state": words.get("state"),
        "reason": words.get("reason"),
        "task": m["task"].strip(),
    }


class Oracle:
    def __init__(self, name):
        self.name = name
        self.mount = None
        self.instance = None
        self.seen = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.thread = None
        self.problem = None
        self.unparsed = 0
        self.marks = 0
        self.mark_seen = threading.Condition(self.lock)
        self.last_mark = 0

    def start(self):
        try:
            self.mount = tempfile.mkdtemp(prefix=f"{self.name}-tracefs-")
            run("mount", "-t", "tracefs", "none", self.mount)
            instance = os.path.join(self.mount, "instances", self.name)
            os.mkdir(instance)
            self.instance = instance
            self.write("trace_clock", "mono")
            for event in EVENTS:
                self.write(f"events/tcp/{event}/enable", "1")
        except Exception as e:  # no tracefs, no such tracepoint: the lab is still useful
            self.problem = str(e)
            self.stop()
            return
        self.thread = threading.Thread(target=self.read, name="oracle", daemon=True)
        self.thread.start()

    def write(self, path, text):
        with open(os.path.join(self.instance, path), "w", encoding="ascii") as f:
            f.write(text)

    def read(self):
        fd = os.open(os.path.join(self.instance, "trace_pipe"), os.O_RDONLY | os.O_NONBLOCK)
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        rest = ""
        try:
            while not self.stopping.is_set():
                poll.poll(200)
                try:
                    data = os.read(fd, 65536)
                except BlockingIOError:
                    continue
                offset = time.time_ns() - time.monotonic_ns()
                *lines, rest = (rest + data.decode("ascii", "replace")).split("\n")
                for line in lines:
                    event = parse(line, offset)
                    mark = MARK.search(line)
                    with self.lock:
                        if mark:
                            self.last_mark = int(mark[1])
                            self.mark_seen.notify_all()
                        elif event:
                            self.seen.append(event)
                        elif line.strip() and not line.startswith("#"):
                            self.unparsed += 1
        finally:
            os.close(fd)

    def catch_up(self):
        """Waits until all that the kernel has said so far is read: it repeats a mark in the same order."""
        if not self.instance:
            return
        with self.lock:
            self.marks += 1
            self.write("trace_marker", f"lab-mark-{self.marks}\n")
            if not self.mark_seen.wait_for(lambda: self.last_mark >= self.marks, timeout=10):
                self.unparsed += 1

    def between(self, start_ns, end_ns):
        self.catch_up()
        with self.lock:
            return [e for e in self.seen if start_ns <= e["time_ns"] <= end_ns]

    def forget(self, before_ns):
        with self.lock:
            self.seen = [e for e in self.seen if e["time_ns"] >= before_ns]

    def stop(self):
        self.stopping.set()
        if self.thread:
            self.thread.join(timeout=2)
            self.thread = None
        if self.instance:
            for event in EVENTS:
                with contextlib.suppress(OSError):
                    self.write(f"events/tcp/{event}/enable", "0")
            for _ in range(20):  # the reader's descriptor may take a moment to go
                try:
                    os.rmdir(self.instance)
                    break
                except OSError:
                    time.sleep(0.05)
            self.instance = None
        if self.mount:
            run("umount", self.mount, check=False)
            with contextlib.suppress(OSError):
                os.rmdir(self.mount)
            self.mount = None
