# SPDX-License-Identifier: Apache-2.0
"""The whole product on the lab's mirror: control plane, sensor, and what the client lists, held against the truth."""
import contextlib
import dataclasses
import glob
import json
import os
import shutil
import signal
import subprocess
import time

import compare
import context
from net import LabError
from record import recording
from schedule import run_all

LATEST_S = 25  # how long after the last packet a silent ending may be reported


def find_program(build, name):
    """A program in a build directory, else on PATH."""
    found = [
        p
        for p in glob.glob(os.path.join(build, "**", name), recursive=True)
        if os.access(p, os.X_OK) and os.path.isfile(p)
    ]
    path = found[0] if found else shutil.which(name)
    if not path:
        raise LabError(f"no {name} in {build}: build it first (ninja -C {build})")
    return path


class Product:
    """resetscope-control and one resetscope-sensor on the lab's mirror."""

    def __init__(self, lab, build, workers=1):
        self.lab, self.workers = lab, workers
        self.control_path, self.sensor_path, self.client_path = (
            find_program(build, n) for n in ("resetscope-control", "resetscope-sensor", "resetscope")
        )
        self.address = f"unix:{lab.directory}/control.sock"
        self.control = self.sensor = None

    def start(self):
        self.start_control()
        self.start_sensor()

    def start_control(self):
        read, write = os.pipe()
        try:
            self.control = self.lab.processes.start(
                None,
                [
                    self.control_path,
                    "--store",
                    os.path.join(self.lab.directory, "store.db"),
                    "--listen",
                    self.address,
                    "--ready-fd",
                    str(write),
                ],
                "control.log",
                pass_fds=(write,),
            )
        finally:
            os.close(write)
        try:
            os.set_blocking(read, False)
            self.wait(self.control, "resetscope-control", lambda: self.said(read))
        finally:
            os.close(read)

    @staticmethod
    def said(fd):
        try:
            return bool(os.read(fd, 64))
        except BlockingIOError:
            return False

    def start_sensor(self):
        spool = os.path.join(self.lab.directory, "spool")
        os.makedirs(spool, exist_ok=True)
        self.sensor = self.lab.processes.start(
            None,
            [
                self.sensor_path,
                "--interface",
                self.lab.network.mirror,
                "--export-server",
                self.address,
                "--name",
                "lab",
                "--spool-dir",
                spool,
                "--workers",
                str(self.workers),
            ],
            "sensor.log",
        )
        self.lab.processes.prefer(self.sensor)
        self.wait(
            self.sensor, "resetscope-sensor", lambda: any(s.get("name") == "lab" for s in self.ask("sensors")), 30
        )

    def wait(self, process, name, ready, seconds=20):
        deadline = time.monotonic() + seconds
        while not ready():
            if process.poll() is not None:
                raise LabError(f"{name} ended with status {process.returncode}: {self.lab.processes.tail(process, 8)}")
            if time.monotonic() > deadline:
                raise LabError(f"{name} is not ready after {seconds} s: {self.lab.processes.tail(process, 8)}")
            time.sleep(0.1)

    def ask(self, *args):
        done = subprocess.run(
            [self.client_path, "--server", self.address, *args, "--timeout", "30s", "-o", "json"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode != 0:
            raise LabError(f"resetscope {' '.join(args)}: status {done.returncode}: {done.stderr.strip()}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    def events(self):
        return self.ask("resets", "list", "--all", "--benign")

    def stop(self):
        """Both must end by themselves when asked to."""
        for p, name in ((self.sensor, "resetscope-sensor"), (self.control, "resetscope-control")):
            if p is None or p.poll() is not None:
                continue
            p.send_signal(signal.SIGTERM)
            try:
                p.wait(15)
            except subprocess.TimeoutExpired as e:
                raise LabError(f"{name} does not end within 15 s of SIGTERM") from e
            if p.returncode != 0:
                raise LabError(f"{name} ended with status {p.returncode}: {self.lab.processes.tail(p, 8)}")


@dataclasses.dataclass
class Outcome:
    """What a live run came to."""

    results: list  # (truth, verdict, remarks), see compare.py
    failures: list  # scenarios that did not run
    unconfirmed: list  # truths the kernel contradicts
    lateness_ms: float  # the worst of: sensor's stamp of a reset minus the kernel's. More than some ms: it was starved


def run_live(lab, names, families, connections, build, workers=1, keep=None, record_to=None):
    product = Product(lab, build, workers)
    product.start()
    with recording(lab, record_to) if record_to else contextlib.nullcontext():
        truths, failures = run_all(lab, names, families, connections)
    deadline = time.monotonic() + LATEST_S
    while True:
        events = product.events()
        results = compare.compare(truths, events)
        if not any(v == compare.MISSING for _, v, _ in results) or time.monotonic() > deadline:
            break
        time.sleep(1)
    if keep:
        os.makedirs(keep, exist_ok=True)
        for name, data in (("events", events), ("truths", truths), ("sensors", product.ask("sensors"))):
            with open(os.path.join(keep, name + ".jsonl"), "w", encoding="utf-8") as f:
                f.writelines(json.dumps(x) + "\n" for x in data)
    product.stop()
    unconfirmed = [t for t in truths if t["confirmed"] is False]
    return Outcome(results, failures, unconfirmed, compare.lateness_ms(truths, events))


def live(lab, names, families, connections, build, workers, keep=None):
    """The run for people: a table."""
    lab.say(f"lab: {len(names)} scenarios on {lab.network.mirror}, watched by a sensor with {workers} worker(s)")
    done = run_live(lab, names, families, connections, build, workers, keep)
    good, wrong = compare.table(done.results, lab.say)
    for f in done.failures:
        lab.say(f"FAIL {f}")
    for t in done.unconfirmed:
        lab.say(f"FAIL {t['scenario']}.{t['family']}: the kernel contradicts {context.tuple_of(t)}: {t['kernel']}")
    lab.say(
        f"lab: {good} of {len(done.results)} connections right, {wrong} failures, {len(done.failures)} scenarios did"
        f" not run, {len(done.unconfirmed)} truths contradicted by the kernel; the sensor was at most"
        f" {done.lateness_ms:.0f} ms late"
    )
    return 1 if wrong or done.failures or done.unconfirmed else 0
