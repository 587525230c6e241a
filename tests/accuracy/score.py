# SPDX-License-Identifier: Apache-2.0
"""How right the answers are: truths of the lab against events of the product, as numbers and tables. No files, no I/O.

A connection counts once. `strict`: the one true cause; what packets cannot tell from it (the truth's `also_ok`) is
counted beside it, never instead of it.
"""
import collections
import dataclasses

MISSING = "no event"
BINS = 10  # of the reliability table
# figure -> (what it is to be, what holds now: the test fails beyond it, and it only ever gets tighter)
LIMITS = {
    "origin, where one is named": (0.99, 0.99),
    "origin unknown or no event": (0.05, 0.02),
    "stage": (0.99, 0.99),
    "cause, first answer": (0.92, 0.92),
    "cause, first or second answer": (0.98, 0.98),
    "expected calibration error": (0.05, 0.05),
    "clean connections reported": (0.0, 0.0),
    "connections reported twice": (0.0, 0.0),
}
# What is recorded now depends on how busy the machine is: a server that starts late moves the moment its timers run
# from, and a request may or may not have been read when its server goes. The same figures, with room for that.
LIVE = {"cause, first or second answer": 0.96}
HOSTS = {"client", "server", "middlebox"}


@dataclasses.dataclass
class Row:
    """One connection that ended abruptly: the truth and what was said."""

    truth: dict
    event: dict | None
    extra: int = 0  # events beyond the one there should be

    def said(self, field):
        return self.event[field] if self.event else MISSING

    def right(self, field):
        return not self.truth[field] or self.said(field) in self.truth[field]

    @property
    def top1(self):
        return self.said("cause") == self.truth["cause"]

    @property
    def top2(self):
        return self.top1 or bool(self.event) and self.event.get("second_cause") == self.truth["cause"]

    @property
    def akin(self):
        """Right, or a cause whose packets are the same."""
        return self.top1 or self.said("cause") in self.truth["also_ok"]


def rows(truths, find):
    """(Rows of the endings, [(truth, event)] of false alarms, number of clean connections). `find(truth)` gives the
    connection's events, oldest first."""
    found, alarms, clean = [], [], 0
    for t in truths:
        if t["ignore"]:
            continue
        events = find(t)
        if t["event"]:
            extra = 0 if t.get("many") else max(0, len(events) - 1)
            found.append(Row(t, events[0] if events else None, extra))
        else:
            clean += 1
            alarms += [(t, e) for e in events]
    return found, alarms, clean


def share(part, whole):
    return part / whole if whole else 1.0


def fraction(all_rows, right):
    return share(sum(bool(right(r)) for r in all_rows), len(all_rows))


def by_scenario(all_rows, right):
    """The same where each scenario and family counts the same, however many connections it has."""
    groups = collections.defaultdict(list)
    for r in all_rows:
        groups[(r.truth["scenario"], r.truth["family"])].append(r)
    return share(sum(fraction(g, right) for g in groups.values()), len(groups))


def calibration(all_rows):
    """[(low, high, connections, mean confidence, share right)] for the bins that have any, and the expected calibration
    error: the mean distance of the last two, weighted by connections."""
    bins = collections.defaultdict(list)
    for r in all_rows:
        if r.event:
            confidence = r.event["confidence"]
            bins[min(BINS - 1, int(confidence * BINS))].append((confidence, r.top1))
    total = sum(len(b) for b in bins.values())
    table, error = [], 0.0
    for k in sorted(bins):
        mean = share(sum(c for c, _ in bins[k]), len(bins[k]))
        right = share(sum(hit for _, hit in bins[k]), len(bins[k]))
        table.append((k / BINS, (k + 1) / BINS, len(bins[k]), mean, right))
        error += abs(mean - right) * share(len(bins[k]), total)
    return table, error


def matrix(all_rows, field):
    """Counter of (truth, said). Where several answers are true the truth is the one said, or all of them."""
    cells = collections.Counter()
    for r in all_rows:
        said, true = r.said(field), r.truth[field]
        if isinstance(true, str):
            cells[(true, said)] += 1
        elif true:
            cells[(said if said in true else "/".join(true), said)] += 1
    return cells


@dataclasses.dataclass
class Measure:
    name: str
    value: float
    at_least: bool = True
    of: int = 0
    part: int = 0

    @property
    def goal(self):
        return LIMITS[self.name][0]

    @property
    def limit(self):
        return LIMITS[self.name][1]

    def within(self, limit):
        return self.value >= limit if self.at_least else self.value <= limit

    @property
    def holds(self):
        return self.within(self.limit)

    def text(self):
        return f"{100 * self.value:.1f} % ({self.part} of {self.of})" if self.of else f"{self.value:.3f}"

    def wanted(self, limit):
        return f"{'at least' if self.at_least else 'at most'} {100 * limit:g} %" if self.of else f"at most {limit:g}"


def measures(all_rows, alarms, clean):
    """The figures that must hold."""

    def measure(name, selected, right, at_least=True):
        part = sum(bool(right(r)) for r in selected)
        value = share(part, len(selected)) if selected else float(at_least)
        return Measure(name, value, at_least, len(selected), part)

    sure = [r for r in all_rows if r.truth["origin"] and set(r.truth["origin"]) <= HOSTS]
    answered = [r for r in sure if r.event and r.said("origin") != "unknown"]
    staged = [r for r in all_rows if r.truth["stage"]]
    return [
        measure("origin, where one is named", answered, lambda r: r.right("origin")),
        measure("origin unknown or no event", sure, lambda r: r.said("origin") in ("unknown", MISSING), False),
        measure("stage", staged, lambda r: r.right("stage")),
        measure("cause, first answer", all_rows, lambda r: r.top1),
        measure("cause, first or second answer", all_rows, lambda r: r.top2),
        Measure("expected calibration error", calibration(all_rows)[1], False),
        Measure("clean connections reported", share(len(alarms), clean) if clean else 0.0, False, clean, len(alarms)),
        measure("connections reported twice", all_rows, lambda r: r.extra, False),
    ]
