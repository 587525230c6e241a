#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A fresh `meson setup` says no WARNING and no DEPRECATION."""
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from report import ROOT, Report


def main():
    report = Report()
    with tempfile.TemporaryDirectory() as directory:
        run = subprocess.run(["meson", "setup", directory, ROOT], capture_output=True, text=True)
    lines = (run.stdout + run.stderr).splitlines()
    if run.returncode != 0:
        report.fail("meson.build files", f"meson setup ended with status {run.returncode}", lines[-5:])
    else:
        report.check("meson.build files", [line for line in lines if "WARNING" in line or "DEPRECATION" in line])
    report.exit()


if __name__ == "__main__":
    main()
