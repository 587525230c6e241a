#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A damaged store, a control plane that is away for long, and one that ends under load: said clearly, counted, and
nothing acknowledged is lost. Disk full is in bad_peers.py, kills at random moments in kill_restart.py."""
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from live_net import Net, Sensor, rounds, sensor_state, until
from programs import (BY_ARRIVAL, Control, Failure, Skip, Workspace, canonical, difference, each, json_lines, program,
                      run, run_ok, sensor_command)
from report import Report

PAGE_BYTES = 8192
AWAY_CONNECTIONS, AWAY_TURNS = 1000, 10   # some 3 MiB of batches: more than the spool holds


def count(control):
    return len(control.events())


def damage_tests(space):
    def stored():
        """A store with some thousand events, closed in order, and what was in it."""
        capture, _ = space.capture("damage.pcap", "--packets", 100_000, "--reset-share", 0.9)
        control = Control(space, "damaged.db").start()
        run_ok(*sensor_command(space, control, capture, "--no-fold", spool="spool-damage"))
        events = canonical(control.events(), BY_ARRIVAL)
        control.stop()
        return capture, control, events

    def overwrite(path, first_page, every):
        with open(path, "r+b") as file:
            pages = os.path.getsize(path) // PAGE_BYTES
            for page in range(first_page, pages, every):
                file.seek(page * PAGE_BYTES)
                file.write(b"\x77" * 512)

    def damaged():
        """damaged store: refused with what, where and what to do, and left as it is; that advice mends it."""
        capture, control, want = stored()
        path = control.store
        overwrite(path, 40, 7)
        before = path.read_bytes()
        done = run(program("resetscope-control"), "--store", path, "--listen", control.server, timeout=30)
        found = []
        if done.returncode != 1:
            found.append(f"status {done.returncode}, not 1")
        for word in (str(path), "is damaged", "Move it away", ".recover"):
            if word not in done.stderr:
                found.append(f"\"{word}\" is not said: {done.stderr.strip()[-300:]}")
        if path.read_bytes() != before:
            found.append("the damaged file was changed")
        # As advised; the sensor reads its capture again.
        path.rename(path.with_suffix(".damaged"))
        for suffix in ("-wal", "-shm"):
            pathlib.Path(f"{path}{suffix}").unlink(missing_ok=True)
        control.start()
        run_ok(*sensor_command(space, control, capture, "--no-fold", spool="spool-damage"))
        found += difference(want, canonical(control.events(), BY_ARRIVAL))
        control.stop()
        return found

    def damaged_meanwhile():
        """store damaged while it is open: who asks for what is damaged is told, the others are answered."""
        _, control, want = stored()
        control.start()
        overwrite(control.store, 40, 2)
        done = run(program("resetscope"), "--server", control.server, "resets", "list", "--all", "--benign", "-o",
                   "json", timeout=60)
        found = []
        if done.returncode == 0 and len(json_lines(done.stdout)) < len(want):
            found.append(f"{len(json_lines(done.stdout))} of {len(want)} events, and no error")
        if done.returncode != 0 and "malformed" not in done.stderr and "damaged" not in done.stderr:
            found.append(f"the error does not say so: {done.stderr.strip()[-300:]}")
        run_ok(program("resetscope"), "--server", control.server, "sensors")
        if not control.alive():
            found.append("the control plane ended")
        control.kill()
        return found

    return [damaged, damaged_meanwhile]


def away_tests(space):
    def waits_in_spool():
        """control plane away, room in the spool: every event arrives later, once."""
        capture, _ = space.capture("away.pcap", "--packets", 200_000, "--reset-share", 0.9)
        reference = Control(space, "away-reference.db").start()
        run_ok(*sensor_command(space, reference, capture, "--no-fold", spool="spool-away-reference"))
        want = canonical(reference.events(), BY_ARRIVAL)
        reference.stop()
        control = Control(space, "away.db")
        command = sensor_command(space, control, capture, "--no-fold", spool="spool-away")
        sensor = space.start("sensor-away", command)
        time.sleep(3)
        # A sensor that is started anew meanwhile finds its spool.
        sensor.kill()
        sensor.wait()
        sensor = space.start("sensor-away", command)
        time.sleep(2)
        control.start()
        if sensor.poll() is not None:
            sensor = space.start("sensor-away", command)
        status = sensor.wait(60)
        got = canonical(control.events(), BY_ARRIVAL)
        control.stop()
        return ([] if status == 0 else [f"status {status}: {space.log('sensor-away')[-300:]}"]) + \
            list(difference(want, got))

    def overflows_spool():
        """control plane away for longer than the spool holds: the oldest go, each is counted, the rest arrives once."""
        if os.geteuid() != 0:
            return Skip("network namespaces need root")
        config = space / "away.yaml"
        config.write_text(f"spool:\n  dir: {space.path}/spool-live\n  max_mib: 1\n")
        with Net(1) as net:
            control = Control(space, "away-live.db")
            sensor = Sensor(space, net, control, "away-live", "--config", config, "--interface", "mirror0")
            sensor.notify.close()   # nobody reads it from here on: it would fill and hold the sensor up
            for turn in range(AWAY_TURNS):
                net.send(rounds(AWAY_CONNECTIONS, 1024 + turn * AWAY_CONNECTIONS))
            sent = AWAY_TURNS * AWAY_CONNECTIONS
            until(lambda: "spool is full" in sensor.log(), 30, "the sensor says that its spool is full")
            # Until the last are settled and spooled: what is dropped while it is on its way is counted, too.
            time.sleep(4)
            control.start()
            until(lambda: _settled(control, sent), 60, "all events arrived or were counted as lost")
            sensor.stop()
        events = control.events()
        state = sensor_state(control, "away-live")
        control.stop()
        ports = sorted(e["client_port"] for e in events)
        found = []
        if len(set(ports)) != len(ports):
            found.append(f"{len(ports) - len(set(ports))} events are stored twice")
        missing = sent - len(ports)
        known = state["lost_events"] + state["ring_dropped_events"]
        if missing != known or missing == 0:
            found.append(f"{missing} of {sent} are missing, {known} counted as lost")
        newest = set(range(1024 + sent - AWAY_CONNECTIONS, 1024 + sent))
        if not newest <= set(ports):
            found.append("the newest were dropped in place of the oldest")
        return found or f"{len(ports)} of {sent} arrived, {known} counted as lost"

    def _settled(control, sent):
        try:
            state = sensor_state(control, "away-live")
        except StopIteration:
            return False
        return count(control) + state["lost_events"] + state["ring_dropped_events"] >= sent

    return [waits_in_spool, overflows_spool]


if __name__ == "__main__":
    report = Report()
    with Workspace("faults") as workspace:
        workspace.forget_logs()
        try:
            each(report, [*damage_tests(workspace), *away_tests(workspace)])
        except Failure as e:
            report.fail("faults", str(e))
    report.exit()
