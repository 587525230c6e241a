# SPDX-License-Identifier: Apache-2.0
"""Programs the lab starts: each is remembered by its pid and ended by its pid, and logs into a file."""
import contextlib
import os
import signal
import subprocess
import threading
import time

import net
from net import LabError


class Processes:
    def __init__(self, network, directory):
        self.network = network
        self.directory = directory
        self.running = {}  # Popen -> log file
        self.lock = threading.Lock()
        self.more_state = {}
        self.closed = False

    def start(self, ns, args, log, stdin=None, pass_fds=(), env=None):
        path = os.path.join(self.directory, log)
        with open(path, "ab") as out, ns or contextlib.nullcontext():
            with self.lock:
                if self.closed:
                    raise LabError("the lab is being put away")
                p = subprocess.Popen(
                    args,
                    stdin=stdin or subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    pass_fds=pass_fds,
                    start_new_session=True,
                    env=env,
                )
                self.running[p] = path
                self.remember()
        return p

    def prefer(self, process):
        """Its turns come first: a sensor has cores of its own, and loses packets where it has not."""
        try:
            with open(f"/proc/{process.pid}/autogroup", "w", encoding="ascii") as f:
                f.write("-10")
        except OSError:  # no such groups here: the process counts by itself
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, -10)

    def remember(self):
        pids = [[p.pid, net.start_time(p.pid)] for p in self.running]
        self.network.write_state(processes=pids, **self.more_state)

    def tail(self, process, lines=5):
        with self.lock:
            path = self.running.get(process)
        if not path:
            return ""
        with open(path, encoding="utf-8", errors="replace") as f:
            return " | ".join(f.read().strip().splitlines()[-lines:])

    def stop(self, process, seconds=3, sig=signal.SIGTERM):
        with self.lock:
            if self.running.pop(process, None) is None:
                return
        if process.returncode is None:
            # The ended process is kept (WNOWAIT) until its group is gone too: its number cannot be reused meanwhile.
            if not ended(process, 0):
                os.kill(process.pid, sig)
                if not ended(process, seconds):
                    os.kill(process.pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        with self.lock:
            if self.network.owned:
                self.remember()

    def stop_all(self):
        with self.lock:
            self.closed = True
        for p in list(self.running):
            self.stop(p)


def ended(process, seconds):
    deadline = time.monotonic() + seconds
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True
