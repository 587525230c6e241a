# SPDX-License-Identifier: Apache-2.0
"""One running lab: network, oracle, middlebox and programs, made together and removed together."""
import os
import shutil
import signal
import sys
import tempfile
import threading
import time

import context
from box import Box
from net import LabError, Network
from oracle import Oracle
from processes import Processes

FIRST_PORT = 20000  # server ports: 20 a scenario run
PORTS_PER_RUN = 20
LAST_PORT = 32000  # below the client side's ephemeral ports


class Lab:
    def __init__(self, prefix=None, legs="one", delay_ms=0.0, client_delay_ms=0.0, verbose=True):
        self.prefix = prefix or f"rl{os.getpid()}"
        self.network = Network(self.prefix, legs, delay_ms, client_delay_ms)
        self.verbose = verbose
        self.directory = None
        self.processes = None
        self.oracle = None
        self._box = None
        self.lock = threading.Lock()
        self.port = FIRST_PORT
        self.exclusive = {}
        self.makers, self.made = {}, {}
        self.runs = []  # (scenario, family, first port, truths), for taking a capture apart

    def say(self, text):
        if self.verbose:
            print(text, file=sys.stderr, flush=True)

    def __enter__(self):
        # A signal becomes an exception in the main thread, so that everything is unwound.
        signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell started us with it ignored
        for s in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(s, lambda number, frame: sys.exit(128 + number))
        self.directory = tempfile.mkdtemp(prefix=f"{self.prefix}-")
        os.chmod(self.directory, 0o755)  # nginx's worker reads its files
        try:
            self.processes = Processes(self.network, self.directory)
            self.network.create()
            wire = os.path.join(os.path.dirname(__file__), "wire.py")
            for one, other, ms in self.network.wires:
                command = [sys.executable, wire, one, other, str(int(ms * 1000))]
                self.processes.prefer(self.processes.start(self.network.wire, command, f"wire-{one}.log"))
            self.oracle = Oracle(self.prefix)
            self.oracle.start()
            self.processes.more_state = {
                "directories": [self.directory],
                "mounts": [self.oracle.mount] if self.oracle.mount else [],
                "trace_instances": [self.oracle.instance] if self.oracle.instance else [],
            }
            self.processes.remember()
            if self.oracle.problem:
                self.say(f"oracle: no tracepoints here ({self.oracle.problem}): nothing will be confirmed")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *exc):
        old = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half
        try:
            if self.processes:
                self.processes.stop_all()
            if self._box:
                self._box.stop()
            if self.oracle:
                self.oracle.stop()
            self.network.destroy()
            if self.directory:
                shutil.rmtree(self.directory, ignore_errors=True)
        finally:
            signal.signal(signal.SIGINT, old)

    def box(self):
        with self.lock:
            if self._box is None:
                self._box = Box(self.network)
            return self._box

    def shared(self, key, make):
        """What is made once for all scenarios, in a directory of its own."""
        with self.lock:
            gate = self.makers.setdefault(key, threading.Lock())
        with gate:
            if key not in self.made:
                directory = os.path.join(self.directory, "shared-" + key)
                os.mkdir(directory, mode=0o755)
                self.made[key] = make(directory)
            return self.made[key]

    def take_ports(self):
        with self.lock:
            first = self.port
            self.port += PORTS_PER_RUN
            if self.port > LAST_PORT:
                self.port = FIRST_PORT
            return first

    def run(self, name, family, connections):
        """Runs one scenario; returns its truths, judged by the kernel's words."""
        spec = context.SCENARIOS[name]
        missing = [p for p in spec.needs if not shutil.which(p)]
        if missing:
            raise LabError(f"{name} needs {', '.join(missing)}: apt-get install it")
        with self.lock:
            gate = self.exclusive.setdefault(spec.exclusive or f"{name}.{family}", threading.Lock())
        with gate:
            t = context.Context(self, spec, family, connections, self.take_ports(), PORTS_PER_RUN)
            start = time.time_ns()
            try:
                spec.function(t)
            finally:
                t.done()
            time.sleep(0.3)
            end = time.time_ns()
        for truth in t.truths:
            truth["end_ns"] = truth["end_ns"] or end
        context.judge(t.truths, self.oracle.between(start - 10**6, end + 10**8))
        if self.oracle.problem:
            for truth in t.truths:
                truth["confirmed"] = None
        with self.lock:
            self.runs.append((name, family, t.first_port, t.truths))
        return t.truths
