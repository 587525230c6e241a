#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The page in a browser. This side runs the control plane, the sensors and the command line; page.mjs drives Chromium
and asks for them."""
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import Failure, Workspace
from report import Report, build_dir

import browser
import stage
import traffic


class Host:
    """What page.mjs asks for."""

    def __init__(self, s, empty):
        self.s, self.empty = s, empty

    def feed(self, count):
        self.s.feed(traffic.fresh(time.time_ns(), count), "ams2-b")
        return True

    def cli(self, *arguments):
        return self.s.cli(*arguments)

    def stop(self):
        self.s.control.stop()
        return True

    def start(self):
        self.s.control.start()
        return True


def main():
    report = Report()
    if not browser.present():
        report.fail("the page in Chromium", "chromium or node is not installed")
        report.exit()
    try:
        with Workspace("web-page") as space:
            run(report, space)
    except (Failure, OSError, subprocess.SubprocessError) as e:
        report.fail("the page in Chromium", str(e))
    report.exit()


def run(report, space):
    s = stage.Stage(space)
    until = time.time_ns()
    s.feed(traffic.company(until, hours=3.0))
    s.settle()
    (space / "empty").mkdir()
    empty_port = stage.free_port()
    empty = space.start("empty", [stage.program("resetscope-control"), "--store", ":memory:", "--listen",
                                  f"unix:{space.path}/empty/c.sock", "--web", f"127.0.0.1:{empty_port}"])
    gallery = build_dir() / "gallery"
    gallery.mkdir(exist_ok=True)
    host = Host(s, empty)
    setup = {"base": s.base, "empty": f"http://127.0.0.1:{empty_port}", "gallery": str(gallery),
             "until": until // 1_000_000, "hours": 3, "hostile": traffic.HOSTILE}
    browser.drive(report, "page.mjs", setup, host)


if __name__ == "__main__":
    main()
