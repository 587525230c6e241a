#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What deploy/quickstart shows first, from the lab's recordings: the page names the causes that the lab brought about,
and its numbers are those of the command line."""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "lab"), str(HERE.parent / "accuracy")]
from programs import Failure, Workspace, run_ok
from report import Report, build_dir, program

import browser
import stage
from demo import FIRST
from sets import Unpacked
from split import merge

RECORDINGS = HERE.parent / "accuracy" / "captures" / "centre.tar.xz"


class Host:
    """What lab.mjs asks for."""

    def __init__(self, s):
        self.s = s

    def cli(self, *arguments):
        return self.s.cli(*arguments)


def recorded(directory):
    """The captures of what the show begins with, over IPv4, and the causes their connections were made to have."""
    captures, causes = [], set()
    for name in FIRST:
        capture, truth = directory / f"{name}.4.pcap", directory / f"{name}.4.truth.json"
        if not capture.exists():
            continue
        captures.append(capture.read_bytes())
        for c in json.loads(truth.read_text(encoding="ascii"))["connections"]:
            # What may as well be told for another cause, or is nothing to tell, is the accuracy group's matter.
            if c.get("cause") and not c.get("ignore") and not c.get("also_ok"):
                causes.add(c["cause"])
    return captures, causes


def main():
    report = Report()
    if not browser.present():
        report.fail("the lab's causes on the page", "chromium or node is not installed")
        report.exit()
    try:
        with Workspace("web-lab") as space:
            s = stage.Stage(space)
            with Unpacked(RECORDINGS) as directory:
                captures, causes = recorded(pathlib.Path(directory))
            if len(captures) < len(FIRST) // 2 or len(causes) < 8:
                raise Failure(f"only {len(captures)} recordings with {len(causes)} causes")
            path = space / "lab.pcap"
            path.write_bytes(merge(captures))
            run_ok(program("resetscope-sensor"), "--read", path, "--export-server", s.control.server, "--name",
                   "quickstart", "--spool-dir", space / "spool", "--workers", "1", "--log-level", "error")
            s.settle()
            gallery = build_dir() / "gallery"
            gallery.mkdir(exist_ok=True)
            browser.drive(report, "lab.mjs", {"base": s.base, "gallery": str(gallery), "causes": sorted(causes),
                                              "until": 0, "hours": 0}, Host(s))
    except (Failure, OSError, subprocess.SubprocessError) as e:
        report.fail("the lab's causes on the page", str(e))
    report.exit()


if __name__ == "__main__":
    main()
