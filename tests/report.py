# SPDX-License-Identifier: Apache-2.0
"""How a test group speaks to tests/run: one line a test, `ok NAME`, `FAIL NAME: reason` or `skip NAME: reason`;
lines indented by four spaces belong to the line before them; everything else goes to the log only."""
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def ok(self, name, note=""):
        self.passed += 1
        print(f"ok {name}" + (f" ({note})" if note else ""), flush=True)

    def fail(self, name, reason, details=()):
        self.failed += 1
        print(f"FAIL {name}: {reason}", flush=True)
        self.details(details)

    def skip(self, name, reason):
        self.skipped += 1
        print(f"skip {name}: {reason}", flush=True)

    def check(self, name, problems, note=""):
        """ok without problems, else one FAIL that lists them all."""
        problems = list(problems)
        if not problems:
            self.ok(name, note)
        elif len(problems) == 1:
            self.fail(name, problems[0])
        else:
            self.fail(name, f"{len(problems)} problems", problems)
        return not problems

    @staticmethod
    def details(lines):
        for line in lines:
            print(f"    {line}", flush=True)

    def exit(self):
        sys.exit(1 if self.failed else 0)


def build_dir():
    """The build directory under test: $RESETSCOPE_BUILD, else build/."""
    return pathlib.Path(os.environ.get("RESETSCOPE_BUILD", ROOT / "build")).resolve()


def program(name):
    """Path of a built program; its place in the build directory is the build files' business."""
    found = sorted(p for p in build_dir().rglob(name) if p.is_file() and os.access(p, os.X_OK))
    if not found:
        sys.exit(f"{name} is not built in {build_dir()}: run `meson compile -C {build_dir()}` first")
    return str(found[0])
