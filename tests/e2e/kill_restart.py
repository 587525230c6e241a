#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at ten random moments, sensor or control plane, and starting again: no event is lost, none counts twice.

The sensor reads the same capture again after each restart; an ending has the same id however often it is read, so the
store must hold exactly what an undisturbed run leaves.
"""
import pathlib
import random
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import BY_ARRIVAL, Control, Failure, Workspace, canonical, difference, each, sensor_command
from report import Report

KILLS = 10
PACKETS, CONNECTIONS_PER_SECOND = 240_000, 4000   # about 3 s of packet time
FINISH_S = 120


def finish(process, what):
    try:
        status = process.wait(FINISH_S)
    except subprocess.TimeoutExpired:
        raise Failure(f"{what}: the sensor has not ended after {FINISH_S} s") from None
    if status != 0:
        raise Failure(f"{what}: the sensor ended with status {status}")


def undisturbed(capture):
    with Workspace("kill-undisturbed") as space:
        space.forget_logs()
        control = Control(space).start()
        finish(space.start("sensor", sensor_command(space, control, capture, "--no-fold")), "undisturbed run")
        events = canonical(control.events(), BY_ARRIVAL)
        control.stop()
    return events


def killed_ten_times():
    """killed ten times, no event lost or doubled."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else time.time_ns() % 1_000_000
    chance = random.Random(seed)
    print(f"seed {seed}: kill_restart.py {seed} repeats this run")
    with Workspace("kill") as space:
        space.forget_logs()
        capture, _ = space.capture("big.pcap", "--packets", PACKETS, "--connections-per-second", CONNECTIONS_PER_SECOND)
        want = undisturbed(capture)
        if not want:
            raise Failure("the undisturbed run left no event")
        control = Control(space).start()
        command = sensor_command(space, control, capture, "--no-fold", "--speed", "1")
        sensor = space.start("sensor", command)
        victims = ["sensor", "control"] * (KILLS // 2)
        chance.shuffle(victims)
        for victim in victims:
            time.sleep(chance.uniform(0.1, 1.5))
            if sensor.poll() is not None:   # it had read all and ended well: again
                if sensor.returncode != 0:
                    raise Failure(f"seed {seed}: the sensor ended with status {sensor.returncode} by itself")
                sensor = space.start("sensor", command)
                time.sleep(chance.uniform(0.1, 1.0))
            if victim == "sensor":
                sensor.kill()
                sensor.wait()
                sensor = space.start("sensor", command)
            else:
                control.kill()
                time.sleep(chance.uniform(0, 0.5))
                control.start()
        finish(sensor, f"seed {seed}: after the last kill")
        got = canonical(control.events(), BY_ARRIVAL)
        control.stop()
    problems = list(difference(want, got))
    return problems or f"{len(want)} events, seed {seed}"


if __name__ == "__main__":
    report = Report()
    each(report, [killed_ten_times])
    report.exit()
