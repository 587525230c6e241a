# SPDX-License-Identifier: Apache-2.0
"""The scores as text: lines for a terminal, Markdown for the docs."""
import collections

from reasons import reason
from score import by_scenario, calibration, fraction, matrix

ORIGINS = ("client", "server", "middlebox", "off_path", "unknown")
STAGES = ("syn", "syn_ack", "established", "request", "exchange", "idle", "closing", "closed", "midstream", "unknown")
SHOWN = 15  # worst confusions


def percent(value):
    return f"{100 * value:.1f} %"


def square(cells, order):
    """A matrix as Markdown: truth down, answer across; empty rows and columns left out."""
    extra = sorted({c for pair in cells for c in pair} - set(order))
    names = [n for n in (*order, *extra)]
    down = [n for n in names if any(t == n for t, _ in cells)]
    across = [n for n in names if any(s == n for _, s in cells)]
    yield "| true \\ said | " + " | ".join(across) + " | right |"
    yield "|---" * (len(across) + 2) + "|"
    for t in down:
        total = sum(n for (true, _), n in cells.items() if true == t)
        row = [str(cells[(t, s)] or "") for s in across]
        yield f"| {t} | " + " | ".join(row) + f" | {percent(cells[(t, t)] / total)} |"


def causes(rows):
    """A line a true cause: how many, how often right, and what was said instead."""
    groups = collections.defaultdict(list)
    for r in rows:
        groups[r.truth["cause"]].append(r)
    yield "| true cause | connections | first | first or second | or the same packets | said instead |"
    yield "|---|---|---|---|---|---|"
    for cause, group in sorted(groups.items()):
        instead = collections.Counter(r.said("cause") for r in group if not r.top1)
        words = ", ".join(f"{said} {n}" for said, n in instead.most_common())
        shares = " | ".join(percent(fraction(group, f)) for f in (lambda r: r.top1, lambda r: r.top2, lambda r: r.akin))
        yield f"| {cause} | {len(group)} | {shares} | {words} |"


def confusions(rows):
    """The worst pairs, and why packets cannot tell them apart, where that is so."""
    cells = matrix([r for r in rows if not r.top1], "cause")
    for (true, said), n in cells.most_common(SHOWN):
        wrong = [r for r in rows if r.truth["cause"] == true and r.said("cause") == said]
        where = sorted({r.truth["scenario"] for r in wrong})
        alike = sum(said in r.truth["also_ok"] for r in wrong)
        why = reason(true, said) if alike else None
        mark = "" if why else "not excused: "
        yield n, true, said, f"{mark}{why or 'packets could tell'}", where


def reliability(rows):
    table, error = calibration(rows)
    yield "| confidence | connections | mean confidence | right |"
    yield "|---|---|---|---|"
    for low, high, n, mean, right in table:
        yield f"| {low:.1f} to {high:.1f} | {n} | {mean:.3f} | {right:.3f} |"
    yield ""
    yield f"Expected calibration error: {error:.3f}."


def summary(measures, rows):
    yield "| figure | value | to be |"
    yield "|---|---|---|"
    for m in measures:
        yield f"| {m.name} | {m.text()} | {m.wanted(m.goal)}{'' if m.within(m.goal) else ', **not yet**'} |"
    first, second = by_scenario(rows, lambda r: r.top1), by_scenario(rows, lambda r: r.top2)
    yield f"| cause, first answer, each scenario counting the same | {percent(first)} | |"
    yield f"| cause, first or second, each scenario counting the same | {percent(second)} | |"
    yield f"| cause, first answer or one with the same packets | {percent(fraction(rows, lambda r: r.akin))} | |"


def document(title, lead, measures, rows):
    """The whole page."""
    yield f"# {title}"
    yield ""
    yield lead
    for name, lines in (
        ("Figures", summary(measures, rows)),
        ("Origin", square(matrix(rows, "origin"), ORIGINS)),
        ("Stage", square(matrix(rows, "stage"), STAGES)),
        ("Cause", causes(rows)),
        ("Calibration", reliability(rows)),
    ):
        yield ""
        yield f"## {name}"
        yield ""
        yield from lines
    yield ""
    yield "## Worst confusions"
    yield ""
    yield "| connections | true | said | why |"
    yield "|---|---|---|---|"
    for n, true, said, why, _ in confusions(rows):
        yield f"| {n} | {true} | {said} | {why} |"
