#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Captures that others published: analyze each without a crash, and compare with the facts computed from their packets.

The captures are no part of the project; they stand in ../shared/pcaps beside the checkout, or where
$RESETSCOPE_CAPTURES says. Only connections whose client is sure are compared: one ending each, with the right sender.
captures.py [NAME_PART...] looks at some of them only and prints every miss.
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from programs import Failure, json_lines, program, run
from report import ROOT, Report

WORKERS_AT_ONCE = os.cpu_count() or 1
LEAST_FOUND = 0.99      # of the sure connections that were reset; measured 1.0 (379)
LEAST_RIGHT = 0.99      # of those found: the sender's side; measured 1.0
SHOWN = 12


def facts_of(folder, capture):
    path = folder / "facts" / f"{capture}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def analyze(path):
    """(events, problem)"""
    try:
        done = run(program("resetscope"), "analyze", path, "--output", "json", timeout=120)
    except Failure as e:
        return [], str(e)
    if done.returncode not in (0, 1):
        return [], f"status {done.returncode}: {done.stderr.strip()[-200:]}"
    if done.returncode == 1 and not done.stderr.strip():
        return [], "status 1 without a word"
    try:
        return json_lines(done.stdout), None
    except Failure as e:
        return [], str(e)


def tuple_of(record):
    return tuple(record[k] for k in ("client_ip", "client_port", "server_ip", "server_port"))


def compare(capture, facts, events):
    """Counts and misses of one capture."""
    counts, misses = collections.Counter(), []
    resets = [e for e in events if e.get("ending") in ("reset", "refused", None)]
    by_tuple = collections.defaultdict(list)
    for event in resets:
        by_tuple[tuple_of(event)].append(event)
    wanted = collections.defaultdict(list)
    for fact in facts:
        if fact.get("client_sure") and fact.get("terminating"):
            wanted[tuple_of(fact)].append(fact)
    for key, connections in wanted.items():
        found = by_tuple.get(key, [])
        counts["sure"] += len(connections)
        counts["found"] += min(len(found), len(connections))
        where = f"{capture}: {key[0]}:{key[1]} -> {key[2]}:{key[3]}"
        if len(found) != len(connections):
            counts["doubled"] += max(0, len(found) - len(connections))
            misses.append(f"{where}: {len(found)} events for {len(connections)} reset connections "
                          f"(stage {connections[0]['terminating'].get('stage')})")
        for fact, event in zip(connections, sorted(found, key=lambda e: e["time"])):
            senders = {fact["terminating"]["sender"]}
            senders |= {r["sender"] for r in fact.get("rsts", []) if r["frame"] == fact.get("first_acceptable_rst")}
            if event["claimed_sender"] in senders:
                counts["right"] += 1
            else:
                misses.append(f"{where}: sender {event['claimed_sender']}, the packets say {'/'.join(sorted(senders))}")
    return counts, misses


def main():
    report = Report()
    folder = pathlib.Path(os.environ.get("RESETSCOPE_CAPTURES", ROOT.parent / "shared" / "pcaps"))
    if not (folder / "captures").is_dir():
        report.skip("captures of others", f"{folder} is absent")
        report.exit()
    paths = sorted(p for p in (folder / "captures").iterdir() if p.is_file())
    if len(sys.argv) > 1:
        paths = [p for p in paths if any(part in p.name for part in sys.argv[1:])]
    counts, misses, crashes, refused = collections.Counter(), [], [], 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS_AT_ONCE) as pool:
        for path, (events, problem) in zip(paths, pool.map(analyze, paths)):
            if problem:
                crashes.append(f"{path.name}: {problem}")
            new_counts, new_misses = compare(path.name, facts_of(folder, path.name), events)
            counts += new_counts
            misses += new_misses
            refused += not events and not problem
    report.check("captures of others: none crashes", crashes, f"{len(paths)} captures")
    for miss in misses:
        print(f"miss {miss}")
    sure, found, right = counts["sure"], counts["found"], counts["right"]
    if sure:
        text = f"{found} of {sure} sure connections, {counts['doubled']} too many"
        report.check("captures of others: each reset connection ends once",
                     [] if found >= LEAST_FOUND * sure else [text] + misses[:SHOWN], text)
        text = f"{right} of {found}"
        report.check("captures of others: the right sender",
                     [] if right >= LEAST_RIGHT * found else [text] + misses[:SHOWN], text)
    report.exit()


if __name__ == "__main__":
    main()
