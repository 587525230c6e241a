# SPDX-License-Identifier: Apache-2.0
"""Other systems, devices and taps than the lab's: made-up captures with a known truth, many of each, from a seed.

endings.py and crowds.py play connections between systems of stacks.py, taps.py shows them as some tap would; each tap's
captures are analyzed and held against what was played. Where packets do not tell, "unknown" is right, and so is a
cause that sends the same packets. What counts most: nothing wrong may be said with confidence.

By hand: variants.py [--seed N] [--each N] [--tap NAME] [--ending NAME] [--keep DIR] lists every miss.
"""
import argparse
import collections
import pathlib
import random
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "lab"), str(HERE.parent / "packet")]
import sets
import taps
from builder import START_NS, Conversation
from crowds import CROWDS, Town
from endings import ENDINGS
from stacks import CLIENT, SERVER, Talk

SEED = 20261121
EACH = 8            # connections of each ending on the plain tap; half of that on the others
SURE = 0.7          # said with confidence
SPACING_NS = 3 * 10**9
MESSAGES = {"overload", "tls_failure", "sni_url_block", "state_loss_failover", "client_fast_close"}
LONG_MESSAGES = {"state_loss_failover"}
# figure -> what holds; the test fails beyond it, and it only ever gets tighter
LIMITS = {"origin": 0.999, "stage": 0.99, "cause": 0.99, "nothing reported of clean ones": 1.0,
          "surely wrong": 0.003, "surely wrong of the half seen": 0.09}


def address(v6, side, number):
    return f"fd00:{side:x}::{number:x}" if v6 else f"10.{side}.{number >> 8}.{number & 255}"


def play(name, number, seed):
    """(Talk, Truth) of one connection, hosts of its own."""
    function, clients, servers, options = ENDINGS[name]
    rng = random.Random(f"{seed}.{name}.{number}")
    v6 = rng.random() < 0.3
    serial = rng.randrange(1, 65000)
    systems = (rng.choice(clients), rng.choice(servers))
    t = Talk(rng, address(v6, 1 + number % 99, serial), rng.randrange(33000, 60000),
             address(v6, 101 + number % 99, serial), rng.choice((443, 80, 5432, 8080, 25)), systems,
             START_NS + rng.randrange(0, 400) * SPACING_NS + rng.randrange(10**9), **options)
    return t, function(t), systems


def capture_of(tap, each, seed, only):
    """(packets, [(talk, truth, label)]) of all endings on one tap."""
    show, _ = taps.TAPS[tap]
    packets, told = [], []
    for name in ENDINGS:
        if only and only not in name:
            continue
        for number in range(each):
            talk, truth, systems = play(name, number, f"{seed}.{tap}")
            client = str(talk.ends[CLIENT].ip)
            mine = show(list(talk.packets), client, talk.rng)
            if tap == "plain" and number % 2:
                mine = mine + baseline(talk)
            packets += mine
            told.append((talk, truth, f"{name}, {systems[CLIENT].name} to {systems[SERVER].name}"
                         f"{', IPv6' if talk.v6 else ''}"))
    for name, function in CROWDS.items():
        if (only and only not in name) or taps.TAPS[tap][1] == taps.PART:
            continue
        for number in range(max(1, each // 2)):
            rng = random.Random(f"{seed}.{tap}.{name}.{number}")
            town = Town(rng, rng.randrange(250), START_NS + rng.randrange(400, 800) * SPACING_NS)
            for talk, truth in function(town):
                packets += show(list(talk.packets), str(talk.ends[CLIENT].ip), rng)
                told.append((talk, truth, f"{name}, {town.client_system.name} to {town.server_system.name}"
                             f"{', IPv6' if talk.v6 else ''}"))
    return packets, told


def baseline(talk):
    """Another connection to the same server, some seconds before: what its packets look like can be known."""
    c = Conversation(str(talk.ends[CLIENT].ip), 61000, str(talk.ends[SERVER].ip), 22, talk.start - 5 * 10**9, talk.rtt)
    for end in (CLIENT, SERVER):
        c.ends[end].stack = talk.ends[end].stack
        c.stack(end, ttl=talk.systems[end].ttl - talk.hops[end])
    c.handshake().client_sends(30).server_sends(60).client_fin().server_fin()
    return c.packets


def key_of(talk):
    c, s = talk.ends[CLIENT], talk.ends[SERVER]
    return str(c.ip), c.port, str(s.ip), s.port


class Tally:
    def __init__(self):
        self.right, self.of, self.misses = collections.Counter(), collections.Counter(), []

    def note(self, figure, good):
        self.of[figure] += 1
        self.right[figure] += bool(good)
        return good

    def add(self, other):
        self.right.update(other.right)
        self.of.update(other.of)
        self.misses += other.misses


def judge(tap, told, events):
    found = collections.defaultdict(list)
    for e in events:
        found[(e["client_ip"], e["client_port"], e["server_ip"], e["server_port"])].append(e)
        found[(e["server_ip"], e["server_port"], e["client_ip"], e["client_port"])].append(e)
    tally = Tally()
    for talk, truth, label in told:
        mine = found[key_of(talk)]
        off = one(tally, tap, truth, mine)
        if off:
            tally.misses.append(f"{tap}: {label}: {'; '.join(off)}")
    return tally


def one(tally, tap, truth, mine):
    """Scores one connection; what is off, as text."""
    shows, off = taps.TAPS[tap][1], []
    if truth.cause is None:
        if not tally.note("nothing reported of clean ones", not mine or shows == taps.PART):
            off.append(f"clean, but said {mine[0]['cause']} {mine[0]['confidence']:.2f}")
        return off
    if not mine:
        if shows != taps.PART:
            tally.note("cause", False)
            off.append("no event")
        return off
    e = mine[0]
    said = f"{e['cause']} {e['confidence']:.2f} by {e['origin']} at {e['stage']}, or {e['second_cause']}"
    if shows != taps.PART:
        if len(mine) > truth.events:
            off.append(f"{len(mine)} events")
        if e["origin"] != "unknown" and "unknown" not in truth.origin:
            if not tally.note("origin", e["origin"] in truth.origin or truth.dim):
                off.append(f"origin {e['origin']}, not {'/'.join(truth.origin)}")
        if not tally.note("stage", e["stage"] in truth.stage):
            off.append(f"stage {e['stage']}, not {'/'.join(truth.stage)}")
    good = {truth.cause, *truth.also}
    blind = truth.cause in (MESSAGES if shows == taps.HEADERS else LONG_MESSAGES if tap == "cut_to_96" else ())
    if shows == taps.ALL and not blind:
        if not tally.note("cause", e["cause"] in good or (truth.dim and e["cause"] == "unknown")):
            off.append(f"said {said}, not {truth.cause}")
    wrong = e["cause"] not in good and e["cause"] != "unknown" and e["confidence"] >= SURE and not blind
    figure = "surely wrong of the half seen" if shows == taps.PART else "surely wrong"
    if not tally.note(figure, not wrong) and not off:
        off.append(f"surely said {said}, not {truth.cause}")
    return off


def measure(each=EACH, seed=SEED, only_tap="", only="", keep=None):
    """{tap: Tally}"""
    with tempfile.TemporaryDirectory(prefix="rs-variants-") as directory:
        captures = {}
        for tap in taps.TAPS:
            if only_tap and only_tap != tap:
                continue
            packets, told = capture_of(tap, each if tap == "plain" else max(1, each // 2), seed, only)
            path = pathlib.Path(keep or directory) / f"{tap}.pcap"
            taps.write(path, packets)
            captures[path] = told
        events = sets.analyze_all(captures)
        return {path.stem: judge(path.stem, told, events[path]) for path, told in captures.items()}


def check(report):
    whole = Tally()
    for tap, tally in measure().items():
        whole.add(tally)
        for figure in sorted(tally.of):
            print(f"# variants, {tap}: {figure} {tally.right[figure]} of {tally.of[figure]}")
    for miss in whole.misses:
        print(f"# {miss}")
    for figure, least in LIMITS.items():
        right, of = whole.right[figure], whole.of[figure]
        if figure.startswith("surely wrong"):
            text, good = f"{of - right} of {of}, at most {100 * least:g} %", of - right <= least * of
        else:
            text, good = f"{right} of {of} right, at least {100 * least:g} %", right >= least * of
        report.check(f"other systems and taps: {figure}", [] if good and of else [text, *whole.misses[:15]], text)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seed", default=SEED)
    p.add_argument("--each", type=int, default=EACH)
    p.add_argument("--tap", default="")
    p.add_argument("--ending", default="")
    p.add_argument("--keep")
    args = p.parse_args()
    for tap, tally in measure(args.each, args.seed, args.tap, args.ending, args.keep).items():
        print("\n".join(tally.misses))
        print(f"== {tap}: " + ", ".join(f"{f} {tally.right[f]}/{tally.of[f]}" for f in sorted(tally.of)))


if __name__ == "__main__":
    main()
