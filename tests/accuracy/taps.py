# SPDX-License-Identifier: Apache-2.0
"""What the place and the make of a tap do to the packets of one connection: a function each, packets in, packets out.

A truth needs all a tap can show; SHOWS says which taps leave how much of it.
"""
import struct

from builder import ACK, FIN, PCAP_NANO_MAGIC, RST, SECOND, SYN, Packet
from tunnels import frame, ipv4, udp, vxlan

US = 1000
# ALL: as good as there is. TIMES: order and spacing below a millisecond are gone. HEADERS: messages are gone.
# PART: half of it was never seen; only what is said with confidence, and wrong, counts.
ALL, TIMES, HEADERS, PART = "all", "times", "headers", "part"
TAPS = {}  # name -> (function, what it shows)


def tap(shows):
    def keep(function):
        TAPS[function.__name__] = (function, shows)
        return function

    return keep


def again(p, time, **fields):
    """The packet with other headers."""
    segment = p.segment.copy(**fields)
    return Packet(segment.bytes(), time, segment)


@tap(ALL)
def plain(packets, client, rng):
    return packets


def cut(packets, at):
    for p in packets:
        p.wire = len(p.data)
        p.data = p.data[:at]
    return packets


@tap(ALL)
def cut_to_96(packets, client, rng):
    return cut(packets, 96)


@tap(HEADERS)
def cut_to_68(packets, client, rng):
    """tcpdump's old default, for IPv6 with as much of TCP: options may be cut in two."""
    return cut(packets, 68 if packets[0].segment.src.version == 4 else 88)


@tap(HEADERS)
def cut_to_54(packets, client, rng):
    """Ethernet, IPv4 and TCP without a single option."""
    return cut(packets, 54 if packets[0].segment.src.version == 4 else 74)


@tap(ALL)
def microseconds(packets, client, rng):
    for p in packets:
        p.time -= p.time % US
    return packets


@tap(TIMES)
def coarse(packets, client, rng):
    """A clock that ticks every 10 ms: many packets bear one time."""
    for p in packets:
        p.time -= p.time % (10_000 * US)
    return packets


@tap(ALL)
def twice(packets, client, rng):
    """Two mirror sessions on one link."""
    return [q for p in packets for q in (p, Packet(p.data, p.time + 15 * US, p.segment))]


@tap(ALL)
def both_sides_of_a_router(packets, client, rng):
    return [q for p in packets for q in (p, again(p, p.time + 30 * US, ttl=max(1, p.segment.ttl - 1)))]


def late(packets, end, by):
    for p in packets:
        if (str(p.segment.src) == client_of(packets)) == (end == 0):
            p.time += by
    return packets


def client_of(packets):
    return str(packets[0].segment.src)


@tap(TIMES)
def clients_side_late(packets, client, rng):
    """Two mirror ports, read in turn: what the client sends is seen 300 us late."""
    return late(packets, 0, 300 * US)


@tap(TIMES)
def servers_side_late(packets, client, rng):
    return late(packets, 1, 300 * US)


@tap(ALL)
def merged(packets, client, rng):
    """Receive offload: full segments in a row become one packet of up to 64 kB, with the first one's ID."""
    out = []
    for p in packets:
        s, last = p.segment, out[-1].segment if out else None
        if (last is not None and s.payload and last.payload and s.src == last.src and s.seq == last.seq_end and
                not (s.flags | last.flags) & (SYN | FIN | RST) and last.flags & ACK and
                len(last.payload) + len(s.payload) < 64000 and p.time - out[-1].time < 100 * US):
            out[-1] = again(out[-1], p.time, payload=last.payload + s.payload, flags=s.flags, ack=s.ack)
        else:
            out.append(p)
    return out


@tap(ALL)
def a_vlan_each_way(packets, client, rng):
    """A routed port's mirror: each direction in the VLAN it came from."""
    return [again(p, p.time, vlans=[(0x8100, 10 if str(p.segment.src) == client else 20)]) for p in packets]


@tap(ALL)
def in_vxlan(packets, client, rng):
    out = []
    for p in packets:
        q = Packet(frame(0x0800, ipv4(17, udp(4789, vxlan(5001, p.data)))), p.time, p.segment)
        out.append(q)
    return out


@tap(PART)
def client_only(packets, client, rng):
    return [p for p in packets if str(p.segment.src) == client]


@tap(PART)
def server_only(packets, client, rng):
    return [p for p in packets if str(p.segment.src) != client]


@tap(PART)
def from_the_middle(packets, client, rng):
    """The capture began later: the handshake, and perhaps more, is missing."""
    return packets[rng.randint(3, max(3, len(packets) // 3)):] if len(packets) > 8 else packets


@tap(PART)
def every_tenth_lost(packets, client, rng):
    return [p for p in packets if p.segment.flags & RST or rng.random() > 0.1]


def write(path, packets):
    """Classic pcap, nanoseconds, by time; equal times in the order given. Cut packets keep their length on the wire."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", PCAP_NANO_MAGIC, 2, 4, 0, 0, 262144, 1))
        for p in sorted(packets, key=lambda p: p.time):
            out.write(struct.pack("<IIII", p.time // SECOND, p.time % SECOND, len(p.data),
                                  getattr(p, "wire", len(p.data))))
            out.write(p.data)
