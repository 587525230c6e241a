#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the unit tests of one build directory with `meson test` and reports each. unit.py BUILD LABEL [NAME_PART...]"""
import json
import pathlib
import subprocess
import sys

from report import Report


def test_names(build, parts):
    listed = json.loads(subprocess.run(["meson", "introspect", "--tests", build], check=True, capture_output=True,
                                       text=True).stdout)
    return [t["name"] for t in listed if any(s.endswith("unit") for s in t["suite"])
            and (not parts or any(part in t["name"] for part in parts))]


def main():
    build, label = sys.argv[1], sys.argv[2]
    parts = sys.argv[3:]
    report = Report()
    names = test_names(build, parts)
    if not names:
        report.fail(f"{label}: unit tests",
                    f"no unit test has {' or '.join(parts)} in its name" if parts else "there are none")
        report.exit()
    log = pathlib.Path(build, "meson-logs", "testlog.json")
    log.unlink(missing_ok=True)
    # Sanitizers make programs several times slower.
    options = ["--print-errorlogs", "--timeout-multiplier", "20", "--suite", "unit"]
    run = subprocess.run(["meson", "test", "-C", build, *options, *names], capture_output=True, text=True)
    for line in (run.stdout + run.stderr).splitlines():
        print(f"| {line}")   # for the log; four spaces at the front would show it
    results = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    if not results:
        report.fail(f"{label}: unit tests", f"meson test ended with status {run.returncode} and ran nothing",
                    (run.stdout + run.stderr).splitlines()[-15:])
    for r in results:
        name = f"{label}: {r['name'].split(' / ')[-1]}"
        if r["result"] in ("OK", "EXPECTEDFAIL"):
            report.ok(name, f"{r['duration']:.1f} s")
        elif r["result"] == "SKIP":
            report.skip(name, "the test skipped itself")
        else:
            text = (r.get("stdout", "") + r.get("stderr", "")).splitlines()
            report.fail(name, f"{r['result'].lower()}, status {r['returncode']}", text[-25:])
    if results and len(results) < len(names):
        report.fail(f"{label}: unit tests", f"{len(names)} are listed, {len(results)} ran")
    report.exit()


if __name__ == "__main__":
    main()
