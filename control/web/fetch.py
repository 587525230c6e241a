#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""fetch.py PACKAGE.JSON PACKAGE-LOCK.JSON FILE OUT: brings the packages that the lock file names, checked against its
hashes, and copies FILE, a path below node_modules, to OUT."""
import pathlib
import shutil
import subprocess
import sys
import tempfile


def main():
    package, lock, wanted, out = map(pathlib.Path, sys.argv[1:])
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is missing, and with it ECharts: apt-get install npm")
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        for file in (package, lock):
            shutil.copy(file, folder)
        done = subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                              cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"npm could not bring the packages of {lock}:\n{done.stderr or done.stdout}")
        shutil.copyfile(pathlib.Path(folder) / "node_modules" / wanted, out)


main()
