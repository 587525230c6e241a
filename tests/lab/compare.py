# SPDX-License-Identifier: Apache-2.0
"""Holds what the product said against the truth, connection by connection.

Reads events as `resetscope resets list -o json` prints them (ARCHITECTURE: "Machine-readable output"). One event may
stand for several connections: its `exemplars` name some, its `count` says how many; connections not named are taken
as told if the same server endpoint, cause and client network has a count to spare.
"""
import collections
import datetime
import ipaddress
import math

SLACK_NS = 30 * 10**9  # a silent ending is only known some time after the last packet
RIGHT, ALSO, UNKNOWN, WRONG, MISSING, FALSE_ALARM, QUIET = (
    "right",
    "also right",
    "unknown",
    "WRONG",
    "MISSING",
    "FALSE ALARM",
    "quiet",
)
GOOD = (RIGHT, ALSO, QUIET)


def time_ns(text):
    whole, _, rest = text.partition(".")
    digits = rest.rstrip("Z").ljust(9, "0")[:9] if rest else "0" * 9
    at = datetime.datetime.strptime(whole.rstrip("Z"), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return int(at.timestamp()) * 10**9 + int(digits)


def network_of(ip):
    a = ipaddress.ip_address(ip)
    return ipaddress.ip_network((a, 24 if a.version == 4 else 64), strict=False)


class Events:
    def __init__(self, events):
        self.by_tuple = collections.defaultdict(list)
        self.by_swapped = collections.defaultdict(list)
        self.spare = collections.defaultdict(list)  # server endpoint -> [event, connections nobody has claimed]
        for e in events:
            at = time_ns(e["time"])
            named = [(e["client_ip"], e["client_port"], at)]
            named += [(x["client_ip"], x["client_port"], time_ns(x["time"])) for x in e.get("exemplars") or []]
            named = list(dict.fromkeys(named))
            for ip, port, t in named:
                self.by_tuple[(ip, port, e["server_ip"], e["server_port"])].append((t, e))
                self.by_swapped[(e["server_ip"], e["server_port"], ip, port)].append((t, e))
            if e.get("count", 1) > len(named):
                self.spare[(e["server_ip"], e["server_port"])].append([e, e["count"] - len(named), at])

    def find(self, truth):
        """Events of this connection in its time, oldest first; and whether client and server were swapped."""
        key = (truth["client_ip"], truth["client_port"], truth["server_ip"], truth["server_port"])
        for table, swapped in ((self.by_tuple, False), (self.by_swapped, True)):
            first = truth["start_ns"] - (0 if truth.get("follows") else 10**9)  # context.separate
            last = min(truth["end_ns"] + SLACK_NS, truth.get("next_ns", math.inf))
            found = [(t, e) for t, e in table.get(key, []) if first <= t <= last]
            if found:
                return [e for _, e in sorted(found, key=lambda p: p[0])], swapped
        for item in self.spare.get((truth["server_ip"], truth["server_port"]), []):
            e, left, at = item
            if (
                left
                and truth["event"]
                and network_of(e["client_ip"]) == network_of(truth["client_ip"])
                and truth["start_ns"] - 10**9 <= at <= truth["end_ns"] + SLACK_NS
            ):
                item[1] -= 1
                return [e], False
        return [], False


def judge(truth, events):
    """(verdict, list of what else is off) for one connection."""
    found, swapped = events.find(truth)
    if truth["ignore"]:
        return None, []
    if not truth["event"]:
        return (FALSE_ALARM, [f"said {found[0]['cause']}"]) if found else (QUIET, [])
    if not found:
        return MISSING, []
    e = found[0]
    off = []
    if swapped:
        off.append("client and server swapped")
    if len(found) > 1:
        off.append(f"{len(found)} events: " + ", ".join(x["cause"] for x in found))
    for field in ("origin", "stage", "ending"):
        if truth[field] and e.get(field) is not None and e[field] not in truth[field]:
            off.append(f"{field} {e[field]}, not {'/'.join(truth[field])}")
    if e["cause"] == truth["cause"]:
        return RIGHT, off
    if e["cause"] in truth["also_ok"]:
        return ALSO, off + [f"said {e['cause']}"]
    off.append(f"said {e['cause']} {e.get('confidence', 0):.2f}")
    if e.get("second_cause", "unknown") != "unknown":
        off[-1] += f", second {e['second_cause']} {e.get('second_confidence', 0):.2f}"
    return (UNKNOWN if e["cause"] == "unknown" else WRONG), off


def compare(truths, event_list):
    """[(truth, verdict, off)] for all but the ignored ones."""
    events = Events(event_list)
    # Connections named outright first, so that counts are left for the others.
    return [(t, *judge(t, events)) for t in truths if not t["ignore"]]


def acceptable(truth, verdict, off):
    """Does this pass? In the scenarios of the first release cause, origin, stage and ending must all be right; in the
    others the answer is only shown, but a connection that closed cleanly may never be reported."""
    if not truth["event"]:
        return verdict in GOOD
    return not truth["core"] or (verdict in GOOD and not any(wrong(o) for o in off))


def wrong(remark):
    return not remark.startswith("said ")


def table(results, write):
    """One line a scenario and family; every connection that is not plainly right below it. Returns (good, failures)."""
    groups = collections.OrderedDict()
    for r in results:
        groups.setdefault((r[0]["scenario"], r[0]["family"]), []).append(r)
    failures = good = 0
    for (name, family), rows in sorted(groups.items()):
        counts = collections.Counter(v for _, v, _ in rows)
        bad = [r for r in rows if not acceptable(*r)]
        failures += len(bad)
        good += sum(v in GOOD for _, v, _ in rows)
        mark = "ok  " if not bad else "FAIL"
        late = "" if rows[0][0]["core"] else " (later)"
        write(f"{mark} {name}.{family}{late}: " + ", ".join(f"{n} {v}" for v, n in counts.most_common()))
        lines = collections.Counter(
            f"{t['note'] or '-'}: {v}" + (f": {'; '.join(off)}" if off else "")
            for t, v, off in rows
            if off or v not in GOOD
        )
        for line, n in lines.items():
            write(f"       {n} x {line}")
    return good, failures


def lateness_ms(truths, event_list):
    """How much later than the kernel sent it the sensor stamped a reset, at worst."""
    events, worst = Events(event_list), 0.0
    for t in truths:
        sent = [e["time_ns"] for e in t["kernel"] if e["event"] == "send_reset"]
        found = (
            events.by_tuple.get((t["client_ip"], t["client_port"], t["server_ip"], t["server_port"])) if sent else None
        )
        if found and t["event"]:
            worst = max(worst, (min(at for at, _ in found) - sent[0]) / 1e6)
    return worst


def kernel_word(truth):
    """What the kernel said of this connection, for people."""
    side = truth["kernel_expect"].partition(":")[0]
    if not truth["confirmed"]:
        return ""
    if side == "forged":
        return "received a reset no host sent"
    if side == "none":
        return "no host sent a reset"
    reason = next((e["reason"] for e in truth["kernel"] if e["event"] == "send_reset" and e["by"] == side), None)
    return f"{side} sent it: {reason}" if reason else f"{side} sent it"


def by_cause(truths, event_list, now_ns, write):
    """The closing table of the demo: a line a true cause. Returns how many causes were named rightly."""
    rows, words = collections.OrderedDict(), {}
    results = compare(truths, event_list)
    for t, verdict, _ in sorted(results, key=lambda r: (not r[0]["event"], r[0]["cause"] or "", r[0]["start_ns"])):
        cause = t["cause"] or "clean close"
        if verdict == MISSING and now_ns - t["end_ns"] < SLACK_NS:
            verdict = "pending"  # a silent ending is judged only after a while
        rows.setdefault(cause, collections.Counter())[verdict] += 1
        words[cause] = words.get(cause) or kernel_word(t)
    write(
        f"{'TRUE CAUSE':24} {'SEEN':>5} {'NAMED':>6} {'AKIN':>5} {'UNKNOWN':>8} {'WRONG':>6} {'MISSED':>7}"
        f" {'PENDING':>8}  THE KERNEL'S OWN WORD"
    )
    for cause, row in rows.items():
        write(
            f"{cause:24} {row.total():5} {row[RIGHT] + row[QUIET]:6} {row[ALSO]:5} {row[UNKNOWN]:8}"
            f" {row[WRONG] + row[FALSE_ALARM]:6} {row[MISSING]:7} {row['pending']:8}  {words[cause]}"
        )
    return sum(bool(row[RIGHT]) for row in rows.values())
