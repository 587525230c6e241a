# SPDX-License-Identifier: Apache-2.0
"""Captures of others: stage, sender and what is known of the cause, against facts computed from their packets.

They are no part of the project: they stand in ../shared/pcaps beside the checkout, or where $RESETSCOPE_CAPTURES says.
Where they are absent this is skipped.
"""
import collections
import json
import os
import pathlib

import sets
from report import ROOT

# Of the facts' finer stages, what the product may say. A long silence makes an exchange idle.
STAGES = {
    "syn_sent": {"syn"},
    "syn_ack_seen": {"syn_ack"},
    "established_no_data": {"established", "idle"},
    "after_client_data": {"request", "idle"},
    "after_server_data": {"exchange", "idle"},
    "mid_exchange": {"exchange", "idle"},
    "after_fin": {"closing", "closed"},
    "stray_segment": {"midstream"},
    "unsolicited": {"midstream"},
}
CAUSES = {
    "connection_refused": {"port_closed", "host_fw_reject", "path_fw_reject"},
    "port_scan": {"port_scan", "port_closed"},
    "port_scan_closed_port": {"port_scan", "port_closed"},
    "mptcp_fastclose": {"mptcp_reset"},
    "mptcp_tcprst": {"mptcp_reset"},
}
# What is to be, and what holds now.
LIMITS = {"stage": (0.99, 0.99), "cause": (1.0, 0.89)}
SHOWN = 15


def facts_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def tuple_of(record):
    return tuple(record[k] for k in ("client_ip", "client_port", "server_ip", "server_port"))


def one(events, facts, counts, misses, name):
    """Scores the connections of one capture whose client is sure."""
    told = collections.defaultdict(list)
    for e in sorted(events, key=lambda e: e["time"]):
        if e.get("ending") in ("reset", "refused"):
            told[tuple_of(e)].append(e)
    for fact in facts:
        if not (fact.get("client_sure") and fact.get("terminating")):
            continue
        mine = told[tuple_of(fact)]
        if not mine:
            counts["absent"] += 1
            continue
        e, stage = mine.pop(0), fact["terminating"].get("stage")
        where = f"{name} {':'.join(map(str, tuple_of(fact)))}"
        if stage in STAGES and not fact.get("midstream"):
            counts["staged"] += 1
            counts["stage"] += e["stage"] in STAGES[stage]
            if e["stage"] not in STAGES[stage]:
                misses.append(f"{where}: stage {e['stage']}, the packets say {stage}")
        cause = (fact.get("cause_hint") or {}).get("cause")
        if cause in CAUSES:
            counts["hinted"] += 1
            counts["cause"] += e["cause"] in CAUSES[cause]
            if e["cause"] not in CAUSES[cause]:
                misses.append(f"{where}: cause {e['cause']}, known: {cause}")


def check(report):
    folder = pathlib.Path(os.environ.get("RESETSCOPE_CAPTURES", ROOT.parent / "shared" / "pcaps"))
    if not (folder / "captures").is_dir():
        report.skip("captures of others", f"{folder} is absent")
        return
    known = {}
    for path in sorted((folder / "facts").glob("[!_]*.jsonl")):
        capture = folder / "captures" / path.name.removesuffix(".jsonl")
        if capture.exists():
            known[capture] = facts_of(path)
    events = sets.analyze_all(known)
    counts, misses = collections.Counter(), []
    for capture, facts in known.items():
        one(events[capture], facts, counts, misses, capture.name)
    for miss in misses:
        print(f"# {miss}")
    for what, total in (("stage", "staged"), ("cause", "hinted")):
        goal, least = LIMITS[what]
        text = f"{counts[what]} of {counts[total]} right, to be {100 * goal:g} %"
        good = counts[what] >= least * counts[total]
        report.check(f"captures of others: {what}", [] if good else [text, *misses[:SHOWN]], text)
