#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The live lab: connections that end in every way, on a network of namespaces with a mirror port, and the truth of each."""
import argparse
import sys

import context
import record
import scenarios  # noqa: F401  registers them
from net import LabError, clean
from runtime import Lab


def families(text):
    return {"4": [4], "6": [6], "both": [4, 6]}[text]


def chosen(names):
    for n in names:
        if n not in context.SCENARIOS:
            raise LabError(f"no scenario {n!r}: see `lab.py list`")
    return names or sorted(context.SCENARIOS)


def command_list(_):
    for s in sorted(context.SCENARIOS.values(), key=lambda s: s.name):
        e = s.expect
        what = "no event" if s.name.startswith("clean") else f"{e.cause}, origin {'/'.join(e.origin)}, stage {'/'.join(e.stage)}"
        print(f"{s.name:28} {'' if s.core else '(later) '}{what}\n{'':28} {s.text}")
    return 0


def command_run(args):
    names = chosen(args.names)
    with Lab(args.prefix, args.legs) as lab:
        return record.record(lab, names, families(args.family), args.connections, args.record)


def command_clean(args):
    for what in clean(args.prefix):
        print(f"removed {what}")
    return 0


def main():
    p = argparse.ArgumentParser(description=__doc__)
    sub = p.add_subparsers(dest="command", required=True)
    sub.add_parser("list", help="the scenarios").set_defaults(run=command_list)
    r = sub.add_parser("run", help="run scenarios and record them")
    r.add_argument("names", nargs="*", metavar="NAME")
    r.add_argument("--family", choices=("4", "6", "both"), default="both")
    r.add_argument("--connections", type=int, default=4, metavar="N")
    r.add_argument("--record", metavar="DIR", required=True)
    r.add_argument("--prefix", help="names of namespaces and of the mirror start with this (default: from the pid)")
    r.add_argument("--legs", choices=("one", "both"), default="one", help="both: every packet twice on the mirror")
    r.set_defaults(run=command_run)
    c = sub.add_parser("clean", help="remove what a killed run left")
    c.add_argument("--prefix", required=True)
    c.set_defaults(run=command_clean)
    args = p.parse_args()
    try:
        return args.run(args)
    except LabError as e:
        print(f"lab: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
