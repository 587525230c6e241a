# SPDX-License-Identifier: Apache-2.0
"""Sets of lab recordings: a directory as `lab.py run --record` leaves it, or the same packed into one file."""
import concurrent.futures
import io
import json
import os
import pathlib
import tarfile
import tempfile

from programs import Failure, json_lines, program, run
from split import merge

AT_ONCE = 2 * (os.cpu_count() or 1)  # the programs mostly wait for each other
ANALYZE_S = 60


def truths_of(directory):
    """{capture: [truths]} of a directory of recordings."""
    found = {}
    for path in sorted(pathlib.Path(directory).glob("*.truth.json")):
        capture = path.with_name(path.name.replace(".truth.json", ".pcap"))
        if capture.exists():
            found[capture] = json.loads(path.read_text(encoding="ascii"))["connections"]
    return found


def slim(about):
    """A truth file with what scoring needs."""
    keep = ("scenario", "family", "client_ip", "client_port", "server_ip", "server_port", "start_ns", "end_ns", "event",
            "ignore", "core", "note", "cause", "also_ok", "origin", "stage", "ending", "confirmed", "many")
    slimmer = {k: v for k, v in about.items() if k != "connections"}
    slimmer["connections"] = [{k: t[k] for k in keep if k in t} for t in about["connections"]]
    return slimmer


def pack(directory, target):
    """Recordings into one compressed file: one scenario after the other, so that alike stands near alike."""
    with tarfile.open(target, "w:xz", preset=9) as tar:
        for capture in truths_of(directory):
            truth = capture.with_name(capture.name.replace(".pcap", ".truth.json"))
            about = json.dumps(slim(json.loads(truth.read_text(encoding="ascii"))), separators=(",", ":")) + "\n"
            for name, data in ((truth.name, about.encode("ascii")), (capture.name, capture.read_bytes())):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def unpack(source, directory):
    with tarfile.open(source, "r:xz") as tar:
        for member in tar:
            if member.isfile() and "/" not in member.name:
                (pathlib.Path(directory) / member.name).write_bytes(tar.extractfile(member).read())


def analyze(capture):
    """The events of one capture, harmless ones too."""
    done = run(program("resetscope"), "analyze", capture, "--benign", "--output", "json", "--timeout", f"{ANALYZE_S}s",
               timeout=2 * ANALYZE_S)
    if done.returncode != 0:
        raise Failure(f"{capture.name}: status {done.returncode}: {done.stderr.strip()[-300:]}")
    return json_lines(done.stdout)


def analyze_all(captures):
    """{capture: events}, several at a time; the first failure is raised."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(captures, pool.map(analyze, captures)))


def analyze_together(captures):
    """The events of several captures as one, in the order of their packets."""
    with tempfile.TemporaryDirectory(prefix="rs-accuracy-") as directory:
        whole = pathlib.Path(directory) / "all.pcap"
        whole.write_bytes(merge([c.read_bytes() for c in captures]))
        return analyze(whole)


class Unpacked:
    """A packed set in a directory of its own while it is needed."""

    def __init__(self, source):
        self.source, self.directory = source, None

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="rs-accuracy-")
        unpack(self.source, self.directory.name)
        return self.directory.name

    def __exit__(self, *_):
        self.directory.cleanup()
