#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The benchmarks of perf/ still check their answers: each case once, small. Their figures are for perf/run."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import each, run
from report import Report, build_dir

PERF = build_dir() / "perf"
FLOWS, PACKETS = 65_536, 800_000


def answers(name, *arguments):
    """The figures' lines, or what was wrong."""
    done = run(PERF / name, *arguments, "--flows", FLOWS, "--packets", PACKETS)
    if done.returncode != 0:
        yield f"{name} {' '.join(arguments)}: {done.stderr.strip()[-300:]}"
    elif not done.stdout.strip():
        yield f"{name} {' '.join(arguments)} prints no figure"


def workers():
    """a worker's benchmarks get right answers."""
    return [problem for case in ("small", "imix", "rst", "flood", "two") for problem in answers("worker_bench", case)]


def stages():
    """the stages' benchmarks get right answers."""
    return list(answers("stage_bench"))


def main():
    report = Report()
    each(report, [workers, stages])
    report.exit()


if __name__ == "__main__":
    main()
