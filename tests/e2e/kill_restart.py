#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at random moments, sensor or control plane, and starting again: no event is lost, none counts twice.

The sensor reads the same capture again after each restart; an ending has the same id however often it is read, so the
store must hold exactly what an undisturbed run leaves.

kill_restart.py [--kills N] [--seed N]    a hundred kills by default, about a minute; the seed repeats a run
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import (BY_ARRIVAL, Control, Failure, Workspace, canonical, difference, each, json_lines, program, run_ok,
                      sensor_command)
from report import Report

PACKETS, CONNECTIONS_PER_SECOND = 240_000, 4000   # about 3 s of packet time
SPEED = 3                                         # times as fast, so that a sensor gets far between two kills
MOST_PAUSE_S = 0.9
FINISH_S = 120
# A capture is correlated in packet order once all of it is read; where the control plane is killed in between, in the
# order in which it came. What correlation adds may differ then: what the sensors said, and the sums of it, may not.
WITHOUT = (*BY_ARRIVAL, "incident_kind", "revised_cause", "revised_reason")


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
        events = canonical(control.events(), WITHOUT)
        control.stop()
    return events


def killed(kills, seed):
    chance = random.Random(seed)
    print(f"seed {seed}: kill_restart.py --kills {kills} --seed {seed} repeats this run")
    with Workspace("kill") as space:
        space.forget_logs()
        capture, _ = space.capture("big.pcap", "--packets", PACKETS, "--connections-per-second", CONNECTIONS_PER_SECOND)
        want = undisturbed(capture)
        if not want:
            raise Failure("the undisturbed run left no event")
        control = Control(space).start()
        command = sensor_command(space, control, capture, "--no-fold", "--speed", SPEED)
        sensor = space.start("sensor", command)
        victims = ["sensor", "control"] * (kills // 2)
        chance.shuffle(victims)
        for victim in victims:
            time.sleep(chance.uniform(0.05, MOST_PAUSE_S))
            if sensor.poll() is not None:   # it had read all and ended well: again
                if sensor.returncode != 0:
                    raise Failure(f"seed {seed}: the sensor ended with status {sensor.returncode} by itself")
                sensor = space.start("sensor", command)
                time.sleep(chance.uniform(0.05, MOST_PAUSE_S))
            if victim == "sensor":
                sensor.kill()
                sensor.wait()
                sensor = space.start("sensor", command)
            else:
                control.kill()
                time.sleep(chance.uniform(0, 0.2))
                control.start()
        finish(sensor, f"seed {seed}: after the last kill")
        got = canonical(control.events(), WITHOUT)
        problems = list(sums_differ(control, got))
        control.stop()
    problems += difference(want, got)
    return problems or f"{len(want)} events, seed {seed}"


def sums_differ(control, events):
    """The sums of endings, kept beside the events, must be those of the events."""
    counted = sum(json.loads(text)["count"] for text in events)
    top = json_lines(run_ok(program("resetscope"), "--server", control.server, "top", "--by", "sensor", "--benign",
                            "-o", "json").stdout)
    summed = sum(row["value"] for row in top)
    if summed != counted:
        yield f"{counted} endings listed, {summed:.0f} in the sums"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, metavar="N", help="how often (100)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, metavar="N", help="of the moments")
    options = parser.parse_args()

    def test():
        return killed(options.kills, options.seed)
    test.__doc__ = f"killed {options.kills} times, no event lost or doubled."
    report = Report()
    each(report, [test])
    report.exit()


if __name__ == "__main__":
    main()
