#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The parser against tshark, packet by packet: what is TCP, in every encapsulation and on every link type.

Generated captures are compared frame by frame. Of captures that others published (see captures.py) the number of TCP
packets is compared with the number tshark found in them; a sample of those with tunnels is given to it here and now.
"""
import json
import os
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "packet")]
import tunnels as t
from builder import SERVER, Conversation, Packet, write_pcap
from programs import Failure, Skip, Workspace, each, json_lines, run_ok
from report import ROOT, Report, build_dir

# Packets stand alone for us: tshark must not put fragments together. It has to be told of Linux' VXLAN port, and of the
# pseudowire, which it does not guess (its label is the second of tunnels.mpls).
TSHARK = ["tshark", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-d", "udp.port==8472,vxlan",
          "-d", "mpls.label==1001,pwethcw"]
TCP = "tcp && !icmp && !icmpv6"
QUOTE = "tcp && (icmp || icmpv6)"
# TCP that we name but do not follow: the header itself is cut or impossible.
BROKEN = {"bad_tcp", "short_tcp"}

SAMPLE = 4   # every fourth of the published captures with tunnels is given to tshark: half a second each

# What tshark reads and we do not, by a part of the capture's name, with the reason.
NOT_READ = {
    "arcnet": "ARCNET links", "bgp-aigp": "a switch vendor's link header", "ipoib": "IP over InfiniBand links",
    "capwap": "CAPWAP",
}
# The other way round: in a segment made large by offload the UDP length is 0, and tshark 4.0 stops there.
NOT_READ_BY_TSHARK = ("bigtcp-",)


def ours(path):
    done = json_lines(run_ok(build_dir() / "tests" / "count_outcomes", "--each", path).stdout)[0]
    if "error" in done:
        raise Failure(f"{path.name}: {done['error']}")
    return done["each"]


def theirs(path, wanted):
    """Numbers of the frames that match, from 1."""
    done = run_ok(*TSHARK, "-r", path, "-Y", wanted, "-T", "fields", "-e", "frame.number")
    return {int(line) for line in done.stdout.split()}


def differences(path, names, outcomes=None):
    """Frames on which we and tshark differ; names[i] tells what frame i+1 is."""
    outcomes = outcomes or ours(path)
    for wanted, outcome in ((TCP, "tracked"), (QUOTE, "icmp_quote")):
        found = theirs(path, wanted)
        for i, got in enumerate(outcomes):
            if got in BROKEN:
                continue
            if (got == outcome) != (i + 1 in found):
                yield f"{names[i]}: we say {got}, tshark {'does not find' if got == outcome else 'finds'} {outcome}"


def connections():
    for client, server in (("10.1.0.1", "10.1.0.2"), ("fd00::1", "fd00::2")):
        c = Conversation(client, 40000, server, 443).stack(SERVER, mss=1400)   # room for LLC in 1500 bytes
        yield c.handshake().client_sends(90).server_sends(3000).client_fin().server_rst()


def others(s):
    """{what: frame} around a segment: fragments, ICMP quotes, and UDP that is no tunnel."""
    four = s.src.version == 4
    packet = s.ip_bytes()
    tcp = packet[20:] if four else packet[40:]
    inside = t.udp(4789, t.vxlan(5, s.bytes()))
    cut = len(inside) // 8 * 8 - 8
    frames = {
        "first fragment of a tunnel": t.frame(t.IPV4, t.ipv4(17, inside[:cut], fragment=0x2000)),
        "later fragment of a tunnel": t.frame(t.IPV4, t.ipv4(17, inside[cut:], fragment=cut // 8)),
        "no tunnel": t.frame(t.IPV4, t.ipv4(17, t.udp(5353, s.bytes()))),
        "no tunnel's port": t.frame(t.IPV4, t.ipv4(17, t.udp(4789, bytes(60)))),
        "arp in a tunnel": t.frame(t.IPV4, t.ipv4(17, t.udp(4789, t.vxlan(5, t.frame(0x0806, bytes(28)))))),
    }
    if four:
        frames |= {
            "first fragment": t.frame(t.IPV4, t.ipv4(6, tcp + bytes(-len(tcp) % 8), fragment=0x2000)),
            "later fragment": t.frame(t.IPV4, t.ipv4(6, tcp, fragment=0x0010)),
            "quote": t.frame(t.IPV4, t.ipv4(1, t.icmp_error(3, 3, packet[:28]))),
            "quote in vxlan": t.frame(t.IPV4, t.ipv4(17, t.udp(4789, t.vxlan(5, t.frame(t.IPV4, t.ipv4(
                1, t.icmp_error(11, 0, packet))))))),
        }
    else:
        frames |= {
            "first fragment": t.frame(t.IPV6, t.ipv6(44, t.fragment6(6, 1, tcp + bytes(-len(tcp) % 8)))),
            "later fragment": t.frame(t.IPV6, t.ipv6(44, t.fragment6(6, 0x10, tcp))),
            "quote": t.frame(t.IPV6, t.ipv6(58, t.icmp6_error(1, 4, packet))),
            "quote in gre": t.frame(t.IPV4, t.ipv4(47, t.gre(0, t.IPV6, t.ipv6(58, t.icmp6_error(1, 4, packet))))),
        }
    return frames


def tests(space):
    def captured(name, packets, link=1):
        path = space / f"{name}.pcap"
        write_pcap(path, packets, link)
        return path

    def encapsulations():
        """tshark: agrees on every packet of every encapsulation."""
        packets, names = [], []
        for name, wrap in t.every_encapsulation().items():
            for c in connections():
                packets += t.carried(c.packets, wrap)
                names += [f"{name}, IPv{p.segment.src.version}" for p in c.packets]
        path = captured("encapsulations", packets)
        return list(differences(path, names)) or f"{len(packets)} packets"

    def fragments_and_quotes():
        """tshark: agrees on fragments, ICMP quotes and UDP that is no tunnel."""
        packets, names = [], []
        for c in connections():
            for name, data in others(c.packets[4].segment).items():
                packets.append(Packet(data, c.packets[4].time))
                names.append(f"{name}, IPv{c.packets[4].segment.src.version}")
        return list(differences(captured("others", packets), names)) or f"{len(packets)} packets"

    def links():
        """tshark: agrees on every link type."""
        problems = []
        for name, (number, wrap) in t.every_link().items():
            packets = [p for c in connections() for p in t.carried(c.packets, wrap)]
            names = [f"{name}, IPv{p.segment.src.version}" for p in packets]
            problems += differences(captured(name, packets, number), names)
        return problems or f"{len(t.every_link())} link types"

    def cut():
        """tshark: agrees on packets cut anywhere."""
        packets, names = [], []
        for name, wrap in t.every_encapsulation().items():
            for c in connections():
                whole = wrap(c.packets[0].segment)
                for n in range(1, len(whole), 3):
                    packets.append(Packet(whole[:n], c.start))
                    names.append(f"{name}, IPv{c.packets[0].segment.src.version}, {n} of {len(whole)} bytes")
        return list(differences(captured("cut", packets), names)) or f"{len(packets)} packets"

    return [encapsulations, fragments_and_quotes, links, cut]


def published(report, folder):
    """Captures of others: our number of TCP packets and tshark's, as computed for each and, with tunnels, run now."""
    known = {}
    for line in (folder / "facts" / "_tshark.jsonl").read_text().splitlines():
        fact = json.loads(line)
        known[fact["capture"]] = fact["tshark_tcp"]
    paths = sorted(p for p in (folder / "captures").iterdir() if p.is_file() and p.name in known)
    counted = json_lines(run_ok(build_dir() / "tests" / "count_outcomes", *paths).stdout)
    problems, equal, packets = [], 0, 0
    for path, mine in zip(paths, counted):
        if "error" in mine or any(part in path.name for part in (*NOT_READ, *NOT_READ_BY_TSHARK)):
            continue
        broken = sum(mine[o] for o in BROKEN)
        if not mine["tracked"] <= known[path.name] <= mine["tracked"] + broken:
            problems.append(f"{path.name}: we find {mine['tracked']}, tshark {known[path.name]}")
        else:
            equal += 1
            packets += known[path.name]
    report.check("tshark: published captures have as many TCP packets for us", problems,
                 f"{equal} captures, {packets} TCP packets")

    facts = [json.loads(line) for line in (folder / "facts" / "_captures.jsonl").read_text().splitlines()]
    tunnelled = [f["capture"] for f in facts if f.get("encaps_tcp")]
    sample = [folder / "captures" / name for name in tunnelled[::SAMPLE]
              if not any(part in name for part in NOT_READ_BY_TSHARK)]
    problems = []
    for path in sample:
        outcomes = ours(path)
        problems += [f"{path.name}: {d}" for d in
                     differences(path, [f"frame {i + 1}" for i in range(len(outcomes))], outcomes)]
    report.check("tshark: agrees on every packet of published captures with tunnels", problems,
                 f"{len(sample)} of {len(tunnelled)} captures")


def main():
    report = Report()
    if shutil.which("tshark") is None:
        report.skip("tshark", "not installed")
        report.exit()
    with Workspace("tshark") as space:
        each(report, tests(space))
    folder = pathlib.Path(os.environ.get("RESETSCOPE_CAPTURES", ROOT.parent / "shared" / "pcaps"))
    if (folder / "captures").is_dir():
        published(report, folder)
    else:
        report.skip("tshark: published captures", f"{folder} is absent")
    report.exit()


if __name__ == "__main__":
    main()
