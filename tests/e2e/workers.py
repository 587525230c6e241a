#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same capture gives the same events: on 1, 2 and 4 workers, with and without hand-over, in one file or in ten."""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import Failure, Workspace, canonical, difference, each, json_lines, program, run_ok
from report import Report

PACKETS = 300_000
PARTS = 10
PCAP_HEADER = 24
RECORD_HEADER = 16


def split(path, folder, parts):
    """A pcap file cut into `parts` files of equally many packets, named in order; their paths."""
    data = path.read_bytes()
    starts = []
    at = PCAP_HEADER
    while at < len(data):
        starts.append(at)
        at += RECORD_HEADER + struct.unpack_from("<I", data, at + 8)[0]
    folder.mkdir()
    cuts = [starts[len(starts) * i // parts] for i in range(parts)] + [len(data)]
    files = []
    for i in range(parts):
        files.append(folder / f"part{i:02}.pcap")
        files[-1].write_bytes(data[:PCAP_HEADER] + data[cuts[i]:cuts[i + 1]])
    return files


def tests(space):
    capture, _ = space.capture("whole.pcap", "--packets", PACKETS)
    files = split(capture, space / "parts", PARTS)

    def analyze(*paths, workers=1, handover="off"):
        done = run_ok(program("resetscope"), "analyze", *paths, "--output", "json", "--workers", workers,
                      "--sensor-args", f"--handover {handover}")
        return canonical(json_lines(done.stdout))

    one = analyze(capture)

    def same(name, *paths, **options):
        def test():
            return list(difference(one, analyze(*paths, **options))) or f"{len(one)} events"
        test.__doc__ = name
        return test

    return [
        same("workers: two read the whole capture each", capture, workers=2),
        same("workers: four read the whole capture each", capture, workers=4),
        same("workers: one reads and hands over to one other", capture, workers=2, handover="on"),
        same("workers: one reads and hands over to three others", capture, workers=4, handover="on"),
        same("workers: ten files in the order of their names", *files),
        same("workers: ten files, named in any order", *files[::-2], *files[::2]),
        same("workers: ten files, four workers, hand-over", *files, workers=4, handover="on"),
    ]


if __name__ == "__main__":
    report = Report()
    with Workspace("workers") as workspace:
        try:
            each(report, tests(workspace))
        except Failure as e:
            report.fail("workers", str(e))
    report.exit()
