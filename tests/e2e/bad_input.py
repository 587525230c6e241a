#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bad captures, configurations and arguments: each gives a clear error or a counted drop, never a crash.

Status 0: done; 1: error; 2: bad usage. An error's text names what failed.
"""
import os
import pathlib
import random
import re
import struct
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "packet")]
from builder import Conversation, merge, write_pcap
from programs import Control, Failure, Workspace, each, json_lines, program, run, sensor_command
from report import Report

HEADER = struct.Struct("<IHHiIII")
MAGIC_NS = 0xA1B23C4D


def sample_packets():
    """Three aborted connections one second apart."""
    parts = []
    for i in range(3):
        c = Conversation("10.0.1.7", 40001 + i, "10.0.2.9", 8080).wait(i)
        parts.append(c.handshake().client_sends(800).wait(0.05).server_rst())
    return merge(*parts)


def sample(path):
    write_pcap(path, sample_packets())
    return path.read_bytes()


def expect(done, status, *words):
    """Problems with a finished run's status and with what its error text must name."""
    if done.returncode != status:
        yield f"status {done.returncode}, expected {status}: {done.stderr.strip()[-300:]}"
    for word in words:
        if word.lower() not in done.stderr.lower():
            yield f"standard error does not say \"{word}\": {done.stderr.strip()[-300:]}"


def analyze(path, *arguments):
    return run(program("resetscope"), "analyze", path, "--output", "json", *arguments)


def capture_tests(space):
    good = sample(space / "good.pcap")

    def made(name, content):
        path = space / name
        path.write_bytes(content)
        return path

    def empty():
        """capture: an empty file is an error that names it."""
        return list(expect(analyze(made("empty.pcap", b"")), 1, "empty.pcap"))

    def garbage():
        """capture: a file that is no capture is an error that names it."""
        noise = random.Random(7).randbytes(5000)
        return list(expect(analyze(made("noise.pcap", noise)), 1, "noise.pcap"))

    def missing():
        """capture: a missing file and a directory are errors that name them."""
        found = list(expect(analyze(space / "absent.pcap"), 1, "absent.pcap"))
        (space / "folder.pcap").mkdir()
        return found + list(expect(analyze(space / "folder.pcap"), 1, "folder.pcap"))

    def header_only():
        """capture: no packets, no events, no error."""
        done = analyze(made("header.pcap", good[:24]))
        return list(expect(done, 0)) + ([f"events: {done.stdout}"] if done.stdout.strip() else [])

    def cut():
        """capture: cut in the last record, the whole ones count."""
        done = analyze(made("cut.pcap", good[:-30]))
        found = list(expect(done, 0))
        # The last connection lost its RST with the cut.
        if not found and len(json_lines(done.stdout)) != 2:
            found.append(f"{len(json_lines(done.stdout))} events, 2 expected")
        return found

    def lying_record():
        """capture: a record that claims 4 GiB ends the reading, what came before counts."""
        packets = sample_packets()
        write_pcap(space / "two.pcap", packets[:12])
        lie = struct.pack("<IIII", 1_700_000_100, 0, 0xFFFFFFF0, 0xFFFFFFF0) + b"x" * 80
        done = analyze(made("lie.pcap", (space / "two.pcap").read_bytes() + lie))
        found = [] if done.returncode in (0, 1) else [f"status {done.returncode}"]
        if done.returncode == 0 and len(json_lines(done.stdout)) != 2:
            found.append(f"{len(json_lines(done.stdout))} events, 2 expected")
        return found

    def link_type():
        """capture: an unknown link type is refused by number or counted, never guessed at."""
        content = HEADER.pack(MAGIC_NS, 2, 4, 0, 0, 262144, 147) + good[24:]
        done = analyze(made("user0.pcap", content), "--stats")
        if done.returncode == 0 and done.stdout.strip():
            return [f"events from an unknown link type: {done.stdout[:200]}"]
        if done.returncode == 0 and not re.search(r"unsupported_link +18\b", done.stderr):
            return ["18 packets of an unknown link type are not counted as such"]
        done = analyze(space / "user0.pcap")
        if done.returncode == 0 and not done.stderr.strip():
            return ["no event, status 0 and not a word on standard error that no packet could be read"]
        return list(expect(done, done.returncode if done.returncode in (0, 1) else 1))

    def flipped_bits():
        """capture: two hundred captures with random bits flipped end without a crash."""
        chance = random.Random(11)
        crashes = []
        for group in range(10):
            for i in range(20):
                broken = bytearray(good)
                for _ in range(chance.randint(1, 40)):
                    broken[chance.randrange(24, len(broken))] ^= 1 << chance.randrange(8)
                made(f"flipped-{i}.pcap", bytes(broken))
            done = analyze(space / "flipped-*.pcap")
            if done.returncode not in (0, 1):
                crashes.append(f"group {group}: status {done.returncode}: {done.stderr.strip()[-200:]}")
        return crashes

    return [empty, garbage, missing, header_only, cut, lying_record, link_type, flipped_bits]


def usage_tests(space):
    good = space / "good.pcap"
    sample(good)

    def analyze_usage():
        """usage: bad arguments of analyze have status 2."""
        found = []
        for arguments in (["--no-such-flag"], ["--workers", "0"], ["--workers", "many"], ["--output", "poetry"]):
            found += [f"{' '.join(arguments)}: {p}" for p in expect(analyze(good, *arguments), 2)]
        found += [f"no file: {p}" for p in expect(run(program("resetscope"), "analyze"), 2)]
        return found

    def client_usage():
        """usage: unknown commands and flags have status 2; --help and version 0."""
        found = []
        for arguments in (["no-such-command"], ["resets", "list", "--no-such-flag"]):
            found += [f"{' '.join(arguments)}: {p}" for p in expect(run(program("resetscope"), *arguments), 2)]
        for arguments in (["--help"], ["version"]):
            found += [f"{' '.join(arguments)}: {p}" for p in expect(run(program("resetscope"), *arguments), 0)]
        return found

    def no_server():
        """client: no control plane is an error that names the address."""
        server = f"unix:{space.path}/nobody.sock"
        done = run(program("resetscope"), "--server", server, "resets", "list", timeout=40)
        return list(expect(done, 1, "nobody.sock"))

    def interface():
        """sensor: a missing interface is an error that names it."""
        return list(expect(run(program("resetscope-sensor"), "--interface", "nosuch0"), 1, "nosuch0"))

    def sensor_usage():
        """sensor: unknown flags have status 2, no input at all is an error."""
        found = list(expect(run(program("resetscope-sensor"), "--no-such-flag"), 2))
        done = run(program("resetscope-sensor"))
        if done.returncode not in (1, 2) or not done.stderr.strip():
            found.append(f"without arguments: status {done.returncode}, \"{done.stderr.strip()[-100:]}\"")
        return found

    def configuration():
        """sensor: an unknown key, a bad value and no YAML at all are refused with file and line."""
        found = []
        for name, text, words in (
                ("key.yaml", "capture:\n  workers: 1\n  no_such_key: 3\n", ["key.yaml:3", "no_such_key"]),
                ("value.yaml", "capture:\n  workers: -4\n", ["value.yaml:2", "workers"]),
                ("yaml.yaml", "workers: [1, 2\n  x: }\n", ["yaml.yaml"])):
            (space / name).write_text(text)
            done = run(program("resetscope-sensor"), "--config", space / name, "--check-config")
            found += [f"{name}: {p}" for p in expect(done, 1, *words)]
        done = run(program("resetscope-sensor"), "--config", space / "absent.yaml", "--check-config")
        return found + list(expect(done, 1, "absent.yaml"))

    def control_start():
        """control plane: a store that cannot be opened and a socket in the way are errors that name them."""
        found = []
        (space / "noise.db").write_bytes(os.urandom(20_000))
        listen = f"unix:{space.path}/c.sock"
        for store, word in ((space / "noise.db", "noise.db"), (space / "no" / "dir" / "x.db", "x.db")):
            done = run(program("resetscope-control"), "--store", store, "--listen", listen, timeout=30)
            found += list(expect(done, 1, word))
        done = run(program("resetscope-control"), "--store", ":memory:", "--listen", f"unix:{space.path}/no/dir/c.sock",
                   timeout=30)
        found += list(expect(done, 1, "c.sock"))
        return found + list(expect(run(program("resetscope-control"), "--no-such-flag"), 2))

    def unreachable_control():
        """sensor: with the control plane down its events wait in the spool and arrive later."""
        control = Control(space)
        process = space.start("sensor", sensor_command(space, control, good, "--no-fold"))
        try:
            process.wait(3)   # it may wait for the control plane or end and leave the spool
        except Exception:     # still waiting: as good
            pass
        control.start()
        if process.poll() is not None:
            process = space.start("sensor", sensor_command(space, control, good, "--no-fold"))
        status = process.wait(60)
        events = control.events()
        control.stop()
        found = [] if status == 0 else [f"status {status}: {space.log('sensor')[-300:]}"]
        return found + ([] if len(events) == 3 else [f"{len(events)} events arrived, 3 expected"])

    return [analyze_usage, client_usage, no_server, interface, sensor_usage, configuration, control_start,
            unreachable_control]


if __name__ == "__main__":
    report = Report()
    with Workspace("bad") as workspace:
        workspace.forget_logs()
        try:
            each(report, capture_tests(workspace) + usage_tests(workspace))
        except Failure as e:
            report.fail("bad input", str(e))
    report.exit()
