#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The live lab: connections that end in every way on a network with a mirror port, and the truth of each."""
import argparse
import json
import os
import sys
import time

import compare
import context
import demo
import live
import record
import scenarios
from net import LabError, clean
from runtime import Lab

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


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
        what = (
            "no event"
            if s.name.startswith("clean")
            else f"{e.cause}, origin {'/'.join(e.origin)}, stage {'/'.join(e.stage)}"
        )
        print(f"{s.name:28} {'' if s.core else '(later) '}{what}\n{'':28} {s.text}")
    return 0


def command_run(args):
    names = chosen(args.names)
    with Lab(args.prefix, args.legs, args.delay_ms, args.client_delay_ms) as lab:
        if args.live:
            return live.live(lab, names, families(args.family), args.connections, args.build, args.workers, args.keep)
        return record.record(lab, names, families(args.family), args.connections, args.record)


def command_demo(args):
    with Lab(args.prefix, delay_ms=args.delay_ms, client_delay_ms=args.client_delay_ms) as lab:
        return demo.demo(lab, args.connections, args.seconds, args.slow_after, args.truth, args.ready)


def command_compare(args):
    """Truth files (recordings' .truth.json or JSON lines) against events as the client prints them."""
    truths = []
    for path in args.truth:
        with open(path, encoding="ascii") as f:
            text = f.read()
        truths += (
            json.loads(text)["connections"]
            if path.endswith(".truth.json")
            else [json.loads(x) for x in text.splitlines()]
        )
    with sys.stdin if args.events == "-" else open(args.events, encoding="utf-8") as f:
        events = [json.loads(line) for line in f if line.strip()]
    if args.by_cause:
        named = compare.by_cause(truths, events, time.time_ns(), print)
        print(f"\n{named} different causes named, each held against the truth above")
        return 0 if named >= args.by_cause else 1
    good, failures = compare.table(compare.compare(truths, events), print)
    print(f"{good} right, {failures} failures")
    return 1 if failures else 0


def command_clean(args):
    for what in clean(args.prefix):
        print(f"removed {what}")
    return 0


def add_delay(parser):
    parser.add_argument(
        "--delay-ms",
        type=float,
        default=0.0,
        metavar="MS",
        help="one-way delay between the mirror and the server (default: none, a round trip of some 50 us)",
    )
    parser.add_argument(
        "--client-delay-ms",
        type=float,
        default=0.0,
        metavar="MS",
        help="one-way delay between the client and the mirror",
    )


def main():
    p = argparse.ArgumentParser(description=__doc__)
    sub = p.add_subparsers(dest="command", required=True)
    sub.add_parser("list", help="the scenarios").set_defaults(run=command_list)
    r = sub.add_parser("run", help="run scenarios and record them")
    r.add_argument("names", nargs="*", metavar="NAME")
    r.add_argument("--family", choices=("4", "6", "both"), default="both")
    r.add_argument("--connections", type=int, default=4, metavar="N")
    what = r.add_mutually_exclusive_group(required=True)
    what.add_argument("--record", metavar="DIR", help="one capture and one truth file for each scenario and family")
    what.add_argument(
        "--live", action="store_true", help="start control plane and sensor, compare their answers with the truth"
    )
    r.add_argument(
        "--build", default=os.path.join(ROOT, "build"), metavar="DIR", help="--live: where the programs were built"
    )
    r.add_argument("--workers", type=int, default=1, metavar="N", help="--live: the sensor's workers")
    r.add_argument("--keep", metavar="DIR", help="--live: leave events, truths and sensor counters here")
    r.add_argument("--prefix", help="names of namespaces and of the mirror start with this (default: from the pid)")
    r.add_argument("--legs", choices=("one", "both"), default="one", help="both: every packet twice on the mirror")
    add_delay(r)
    r.set_defaults(run=command_run)
    d = sub.add_parser("demo", help="all scenarios over and over, gently")
    d.add_argument("--prefix", required=True)
    d.add_argument("--connections", type=int, default=2, metavar="N")
    d.add_argument("--seconds", type=float, default=0, help="0: until told to stop")
    d.add_argument("--slow-after", type=float, default=0, help="seconds after which one scenario every 15 s is enough")
    d.add_argument("--truth", required=True, metavar="FILE", help="append each connection's truth here")
    d.add_argument("--ready", metavar="FILE", help="written with the mirror's name when the network stands")
    add_delay(d)
    d.set_defaults(run=command_demo)
    m = sub.add_parser("compare", help="hold printed events against truth files")
    m.add_argument(
        "--events", required=True, metavar="FILE", help="what `resetscope … -o json` printed; - for standard input"
    )
    m.add_argument(
        "--by-cause", type=int, default=0, metavar="N", help="a table by true cause; fails with fewer than N named"
    )
    m.add_argument("truth", nargs="+", metavar="TRUTH")
    m.set_defaults(run=command_compare)
    c = sub.add_parser("clean", help="remove what a killed run left")
    c.add_argument("--prefix", required=True)
    c.set_defaults(run=command_clean)
    args = p.parse_args()
    scenarios.load()
    try:
        status = args.run(args)
    except LabError as e:
        print(f"lab: {e}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print("lab: stopped", file=sys.stderr)
        status = 130
    except BrokenPipeError:
        status = 0
        sys.stdout = None
    except SystemExit as e:  # a signal, see runtime.py
        status = e.code
    if sys.stdout:
        sys.stdout.flush()
    # Everything is put away by now; what scenario threads are still waiting for does not matter.
    os._exit(status)


if __name__ == "__main__":
    main()
