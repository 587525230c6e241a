# SPDX-License-Identifier: Apache-2.0
"""Chromium for the tests: playwright-core, and a script that drives it and asks this side over its standard output, a
line of JSON each."""
import json
import pathlib
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import Failure
from report import build_dir

HERE = pathlib.Path(__file__).resolve().parent
BROWSER_S = 150
INSTALL_S = 120


def present():
    return bool(shutil.which("chromium") and shutil.which("node"))


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


def drive(report, script, setup, host):
    """Runs the script's tests; `host` has the methods it may ask for."""
    setup["library"] = playwright().as_uri()
    browser = subprocess.Popen(
        ["node", HERE / script, json.dumps(setup)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
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
        report.fail(f"{script} ran to its end", f"status {browser.returncode}")

