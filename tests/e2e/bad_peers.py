#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile peers and full disks: the control plane stays up and serves; nothing acknowledged or spooled is lost."""
import pathlib
import random
import socket
import subprocess
import sys
import time

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from clients import CALL_S, Clients, status_of
from programs import (BY_ARRIVAL, Control, Failure, Skip, Workspace, canonical, difference, each, run, run_ok,
                      sensor_command)
from report import Report

PUBLISH = "/resetscope.event.Ingest/Publish"


def serving(clients):
    """Problems, if the control plane does not answer a plain question."""
    code = status_of(clients.resetscope.GetServerInfo, clients.query.GetServerInfoRequest())
    return [] if code == grpc.StatusCode.OK else [f"afterwards GetServerInfo answers {code.name}"]


def hostile_tests(space, control, clients):
    path = control.server.removeprefix("unix:")

    def garbage():
        """ingest port: bytes that are no HTTP/2 are dropped."""
        chance = random.Random(3)
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        for content in (b"", b"GET / HTTP/1.1\r\n\r\n", bytes(9), preface + chance.randbytes(5000),
                        chance.randbytes(100_000)):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                s.connect(path)
                try:
                    s.sendall(content)
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(4096):
                        pass
                except OSError:
                    pass   # closed on us: fine
        return serving(clients)

    def flatbuffers():
        """ingest: FlatBuffers that do not verify are refused, not stored."""
        chance = random.Random(5)
        before = len(control.events())
        publish = clients.channel.stream_stream(PUBLISH, request_serializer=bytes, response_deserializer=bytes)
        refused = 0
        bodies = [b"", bytes(4), b"\xff" * 64, bytes(1_000_000), chance.randbytes(16)]
        bodies += [chance.randbytes(chance.randint(1, 4000)) for _ in range(200)]
        for body in bodies:
            try:
                answers = list(publish(iter([body]), timeout=CALL_S))
                refused += bool(answers)   # an acknowledgement with code refused
            except grpc.RpcError as e:
                if e.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                    return ["a bad batch is neither refused nor answered"]
                refused += 1
        found = serving(clients)
        if refused != len(bodies):
            found.append(f"{refused} of {len(bodies)} bad batches were refused")
        if len(control.events()) != before:
            found.append("a bad batch was stored")
        return found

    def filters():
        """query: absurd filters and pages give INVALID_ARGUMENT."""
        query, stub = clients.query, clients.resetscope
        found = []
        absurd = ["(" * 50_000, "cause = nonsense", "ip = 999.1.2.3", "and and", "port = 70000", "\x01\x02", "\"",
                  "a" * 1_000_000, "not " * 20_000 + "cause = port_closed", "ip = 10.0.0.0/99"]
        for text in absurd:
            code = status_of(stub.ListResets, query.ListResetsRequest(filter=text))
            if code != grpc.StatusCode.INVALID_ARGUMENT:
                found.append(f"filter \"{text[:30]}\" ({len(text)} bytes) gives {code.name}")
        code = status_of(stub.ListResets, query.ListResetsRequest(page_token="no token"))
        if code != grpc.StatusCode.INVALID_ARGUMENT:
            found.append(f"a bad page token gives {code.name}")
        code = status_of(stub.ListResets, query.ListResetsRequest(page_size=4_000_000_000))
        if code not in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT):
            found.append(f"a huge page size gives {code.name}")
        return found + serving(clients)

    return [garbage, flatbuffers, filters]


def namesakes(space):
    """two sensors with one name: the log says so, every event of both arrives, none twice."""
    alone, together = Control(space, "alone.db").start(), []
    captures = [space.capture(f"namesake{i}.pcap", "--packets", 60_000, "--seed", i)[0] for i in (1, 2)]
    for i, capture in enumerate(captures):
        run_ok(*sensor_command(space, alone, capture, "--no-fold", spool=f"spool-alone{i}"))
    want = canonical(alone.events(), BY_ARRIVAL)
    alone.stop()
    control = Control(space, "namesakes.db").start()
    for i, capture in enumerate(captures):
        together.append(space.start(f"namesake{i}", sensor_command(space, control, capture, "--no-fold", "--speed", "1",
                                                                   spool=f"spool-namesake{i}")))
    statuses = [sensor.wait(60) for sensor in together]
    got = canonical(control.events(), BY_ARRIVAL)
    control.stop()
    found = list(difference(want, got))
    if statuses != [0, 0]:
        found.append(f"the sensors ended with {statuses}")
    if "two sensors may have one name" not in "".join(space.log(f"namesake{i}") for i in (0, 1)) and \
            "give them different names" not in space.log("control"):
        found.append("nobody says that two sensors have one name")
    return found


def disk_tests(space):
    def full_store():
        """disk full: the store stops taking, nothing is lost, and all arrives once there is room."""
        disk = space.tmpfs("small", "3m")
        if disk is None:
            return Skip("mounting a tmpfs is not allowed here")
        capture, _ = space.capture("many.pcap", "--packets", 200_000, "--reset-share", 0.9)
        reference = Control(space, "reference.db").start()
        run_ok(*sensor_command(space, reference, capture, "--no-fold", spool="spool-reference"))
        want = canonical(reference.events(), BY_ARRIVAL)
        reference.stop()

        control = Control(space, "small/events.db").start()
        sensor = space.start("sensor-full", sensor_command(space, control, capture, "--no-fold", spool="spool-full"))
        time.sleep(8)
        if not control.alive():
            return [f"the control plane ended on a full disk: {space.log('control')[-300:]}"]
        if sensor.poll() == 0:
            return ["the sensor ended well although the store cannot hold its events: the test's disk is too large"]
        if sensor.poll() is not None and sensor.returncode < 0:
            return [f"the sensor died of signal {-sensor.returncode}"]
        subprocess.run(["mount", "-o", "remount,size=500m", disk], check=True)
        if sensor.poll() is None:
            status = sensor.wait(90)
        else:
            status = run(*sensor_command(space, control, capture, "--no-fold", spool="spool-full")).returncode
        got = canonical(control.events(), BY_ARRIVAL)
        control.stop()
        return ([] if status == 0 else [f"the sensor ended with status {status}"]) + list(difference(want, got))

    def full_spool():
        """disk full: a spool that cannot grow drops the oldest, counts them and says so."""
        disk = space.tmpfs("tiny", "256k")
        if disk is None:
            return Skip("mounting a tmpfs is not allowed here")
        capture, _ = space.capture("many2.pcap", "--packets", 200_000, "--reset-share", 0.9)
        nobody = Control(space, "never.db")
        nobody.server = f"unix:{space.path}/nobody.sock"
        sensor = space.start("sensor-spool", sensor_command(space, nobody, capture, "--no-fold", spool="tiny"))
        try:
            status = sensor.wait(15)
        except subprocess.TimeoutExpired:
            sensor.terminate()
            status = sensor.wait(30)
        log = space.log("sensor-spool")
        if status < 0 and status != -15:
            return [f"died of signal {-status}"]
        return [] if "lost" in log.lower() or "space" in log.lower() else [f"the log does not say so: {log[-300:]}"]

    return [full_store, full_spool]


if __name__ == "__main__":
    report = Report()
    with Workspace("peers") as workspace:
        workspace.forget_logs()
        try:
            plane = Control(workspace, ":memory:").start()
            asking = Clients(plane.server)
            each(report, hostile_tests(workspace, plane, asking))
            asking.close()
            plane.stop()
            def both():
                return namesakes(workspace)
            both.__doc__ = namesakes.__doc__
            each(report, [both, *disk_tests(workspace)])
        except Failure as e:
            report.fail("hostile peers", str(e))
    report.exit()
