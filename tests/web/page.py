#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The page in a browser. This side runs the control plane, the sensors and the command line; page.mjs drives Chromium
and asks for them over its standard output, a line of JSON each."""
import json
import pathlib
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import Failure, Workspace
from report import Report, build_dir

import stage
import traffic

HERE = pathlib.Path(__file__).resolve().parent
BROWSER_S = 150
INSTALL_S = 120


def playwright():
    """playwright-core as package-lock.json names it, brought once a version; no browser comes with it."""
    lock = (HERE / "package-lock.json").read_bytes()
    folder = build_dir() / "web-tests"
    stamp = folder / "installed-lock.json"
    if not (stamp.is_file() and stamp.read_bytes() == lock):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                              cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_S)
        if done.returncode != 0:
            raise Failure(f"npm could not bring playwright-core: {done.stderr.strip()[-400:]}")
        stamp.write_bytes(lock)
    return folder / "node_modules" / "playwright-core" / "index.mjs"


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
    if not (shutil.which("chromium") and shutil.which("node")):
        report.fail("the page in Chromium", "chromium or node is not installed")
        report.exit()
    try:
        library = playwright()
        with Workspace("web-page") as space:
            run(report, space, library)
    except (Failure, OSError, subprocess.SubprocessError) as e:
        report.fail("the page in Chromium", str(e))
    report.exit()


def run(report, space, library):
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
             "until": until // 1_000_000, "hours": 3, "hostile": traffic.HOSTILE, "library": library.as_uri()}
    browser = subprocess.Popen(
        ["node", HERE / "page.mjs", json.dumps(setup)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        bufsize=1)
    watchdog = threading.Timer(BROWSER_S, browser.kill)
    watchdog.start()
    try:
        for line in browser.stdout:
            said = json.loads(line)
            if "ask" in said:
                try:
                    answer = {"value": getattr(host, said["ask"])(*said["arguments"])}
                except Failure as e:
                    answer = {"error": str(e)}
                browser.stdin.write(json.dumps(answer) + "\n")
                browser.stdin.flush()
            else:
                report.check(said["name"], said["problems"], said.get("note", ""))
    finally:
        watchdog.cancel()
    if browser.wait() != 0:
        report.fail("the browser's tests ran to their end", f"status {browser.returncode}")


if __name__ == "__main__":
    main()
