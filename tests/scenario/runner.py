#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the scenarios: builds each one's packets, analyzes them with 1 and 2 workers, compares events and counters.

A scenario is a folder NNN_name with packets.py (its docstring tells the story; packets() returns them; LINK is the
link type when not Ethernet, FORMAT "pcapng" when not pcap) and expected.json:
  events          every event, as the fields that matter. A list is an accept list and needs "ambiguous"; {"min","max"}
                  bounds a number; "evidence" and "no_evidence" name facts that must and must not be there
  ambiguous       the physical reason for the accept lists
  counters        sensor counters that must have these values, or lie within {"min","max"}
  arguments       further arguments of `resetscope analyze`
  ignore_servers  events of these servers are background

runner.py [--label L] [--write DIR] [NAME_PART...]
"""
import argparse
import concurrent.futures
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "packet")]
from builder import LINK_ETHERNET, write_pcap, write_pcapng
from report import Report, program

SET_FIELDS = ("evidence", "no_evidence")
TIMEOUT_S = 120


def load(folder):
    spec = importlib.util.spec_from_file_location(folder.name, folder / "packets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    return module, expected


def write(module, path):
    writer = {"pcap": write_pcap, "pcapng": write_pcapng}[getattr(module, "FORMAT", "pcap")]
    writer(path, module.packets(), getattr(module, "LINK", LINK_ETHERNET))
    return path


def analyze(pcap, arguments, workers):
    """(events, counters of the sensor, problem)"""
    command = [program("resetscope"), "analyze", str(pcap), "--output", "json", "--stats", "--workers", str(workers),
               *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    if run.returncode != 0:
        return [], {}, f"analyze ended with status {run.returncode}: {run.stderr.strip()[-400:]}"
    pairs = [line.split() for line in run.stderr.splitlines()]
    counters = {p[0]: int(p[1].replace(",", "")) for p in pairs if len(p) == 2 and p[1].replace(",", "").isdigit()}
    try:
        return [json.loads(line) for line in run.stdout.splitlines() if line], counters, None
    except ValueError as e:
        return [], counters, f"the output is not JSON, one object a line: {e}"


def fact_names(event):
    """Names of the facts; some carry a value: "rst_ttl=63"."""
    return {fact.partition("=")[0] for fact in event.get("evidence", [])}


def fits(want, got):
    if isinstance(want, list):
        return got in want
    if isinstance(want, dict):
        return want.get("min", got) <= got <= want.get("max", got)
    return got == want


def field_problem(name, want, event):
    if name in SET_FIELDS:
        names = fact_names(event)
        wrong = [f for f in want if (f in names) == (name == "no_evidence")]
        return f"{name} {', '.join(wrong)} (facts: {', '.join(sorted(names))})" if wrong else None
    if name not in event:
        return f"no field {name}"
    return None if fits(want, event[name]) else f"{name} is {event[name]}, expected {json.dumps(want)}"


def label_of(event):
    text = f"{event.get('client_ip')}:{event.get('client_port')} -> {event.get('server_ip')}:{event.get('server_port')}"
    return f"{text} {event.get('cause')}"


def match(want, event):
    """Problems of this event as the expected one."""
    return [p for name, value in want.items() if (p := field_problem(name, value, event))]


def same_connection(want, event):
    keys = ("client_ip", "client_port", "server_ip", "server_port")
    return all(want.get(k, event.get(k)) == event.get(k) for k in keys)


def compare(expected, events):
    """Each expected event takes the best-fitting event of its connection; whatever remains on either side is wrong."""
    left = [e for e in events if e.get("server_ip") not in expected.get("ignore_servers", [])]
    for want in expected["events"]:
        candidates = [e for e in left if same_connection(want, e)]
        if not candidates:
            yield f"missing: {label_of(want)}"
            continue
        best = min(candidates, key=lambda e: len(match(want, e)))
        left.remove(best)
        for problem in match(want, best):
            yield f"{label_of(best)}: {problem}"
    for event in left:
        yield f"not expected: {label_of(event)}"


def self_check():
    """The comparison sees each kind of difference."""
    event = {"client_ip": "a", "client_port": 1, "server_ip": "b", "server_port": 2, "cause": "x", "confidence": 0.5,
             "evidence": ["f=1"]}
    key = {k: event[k] for k in ("client_ip", "client_port", "server_ip", "server_port")}
    for want, problems in (
            ([{**key, "cause": "x"}], 0), ([{**key, "cause": ["y", "x"]}], 0), ([{**key, "cause": "y"}], 1),
            ([{**key, "confidence": {"max": 0.6}}], 0), ([{**key, "confidence": {"min": 0.6}}], 1),
            ([{**key, "evidence": ["f"]}], 0), ([{**key, "evidence": ["g"]}], 1), ([{**key, "no_evidence": ["f"]}], 1),
            ([{**key, "absent": 1}], 1), ([], 1), ([key, key], 1), ([{**key, "client_port": 3}], 2)):
        found = list(compare({"events": want}, [event]))
        if len(found) != problems:
            yield f"{want} gives {found}, {problems} problems expected"


def spelling(expected):
    """Problems of expected.json itself."""
    lists = any(isinstance(v, list) and k not in SET_FIELDS for e in expected["events"] for k, v in e.items())
    if lists and not expected.get("ambiguous"):
        yield "expected.json has an accept list and no \"ambiguous\" reason"
    if expected.get("ambiguous") and not lists:
        yield "expected.json has a reason for accept lists and none of them"


def run(prepared):
    """All problems of one scenario: (folder, expected, pcap)."""
    _, expected, pcap = prepared
    problems = list(spelling(expected))
    for workers in (1, 2):
        try:
            events, counters, problem = analyze(pcap, expected.get("arguments", []), workers)
        except subprocess.TimeoutExpired as e:
            return [*problems, f"no end after {e.timeout} s: {' '.join(e.cmd)}"]
        found = [problem] if problem else list(compare(expected, events))
        if not problem:
            found += [f"counter {name} is {counters.get(name)}, expected {json.dumps(want)}"
                      for name, want in expected.get("counters", {}).items() if not fits(want, counters.get(name, -1))]
        problems += [f"{workers} worker{'s' if workers > 1 else ''}: {p}" for p in found]
    return problems


def prepare(folder, directory):
    module, expected = load(folder)
    return folder, expected, write(module, directory / f"{folder.name}.pcap")


def main():
    parser = argparse.ArgumentParser(description="runs the scenarios")
    parser.add_argument("--label", help="prefix of the test names, e.g. the build")
    parser.add_argument("--write", metavar="DIR", type=pathlib.Path, help="only write the captures into DIR")
    parser.add_argument("names", nargs="*", help="only scenarios with one of these in their name")
    options = parser.parse_args()
    folders = sorted(p.parent for p in HERE.glob("[0-9]*/expected.json"))
    if options.names:
        folders = [f for f in folders if any(n in f.name for n in options.names)]
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        for folder in folders:
            module, _ = load(folder)
            write(module, options.write / f"{folder.name}.pcap")
        return
    report = Report()
    prefix = f"{options.label}: " if options.label else ""
    report.check(f"{prefix}the comparison itself", self_check())
    with tempfile.TemporaryDirectory() as directory:
        # Packets are made one scenario after the other, for they share a builder; programs mostly wait.
        prepared = [prepare(folder, pathlib.Path(directory)) for folder in folders]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for (folder, _, _), problems in zip(prepared, pool.map(run, prepared)):
                report.check(prefix + folder.name, problems)
    report.exit()


if __name__ == "__main__":
    main()
