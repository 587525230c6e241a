# SPDX-License-Identifier: Apache-2.0
"""Packets and captures for scenario tests: the ideas of segment.h and conversation.h in Python, without libraries.

    c = Conversation("10.0.1.7", 40000, "10.0.2.9", 8080)
    c.handshake().client_sends(200).server_sends(3000).wait(5).server_rst()
    write_pcap(path, c.packets)
"""
import ipaddress
import struct

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
LETTERS = {"F": FIN, "S": SYN, "R": RST, "P": PSH, "A": ACK, "U": URG}
SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND
PCAP_NANO_MAGIC = 0xA1B23C4D
LINK_ETHERNET = 1


def flag_bits(letters):
    """"SA" -> SYN|ACK."""
    bits = 0
    for letter in letters:
        bits |= LETTERS[letter]
    return bits


def internet_checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Segment:
    """One TCP segment as plain fields; change any, then bytes(). Times are not its business."""

    def __init__(self, src, sport, dst, dport, flags="", **fields):
        self.src, self.sport = ipaddress.ip_address(src), sport
        self.dst, self.dport = ipaddress.ip_address(dst), dport
        self.flags = flag_bits(flags)
        self.seq = self.ack = self.urgent = self.ipid = self.tos = self.flow_label = 0
        self.ttl, self.window, self.df = 64, 64240, True
        self.options = []          # (kind, body)
        self.payload = b""
        self.vlans = []            # (tpid, id), outer first
        self.mac_src, self.mac_dst = 1, 2
        self.bad_checksum = False
        self.set(**fields)

    def set(self, **fields):
        for name, value in fields.items():
            if name == "flags" and isinstance(value, str):
                value = flag_bits(value)
            if not hasattr(self, name):
                raise AttributeError(f"a segment has no field {name}")
            setattr(self, name, value)
        return self

    def copy(self, **fields):
        other = object.__new__(Segment)
        other.__dict__.update(self.__dict__)
        other.options, other.vlans = list(self.options), list(self.vlans)
        return other.set(**fields)

    @property
    def seq_end(self):
        """One beyond the last sequence number this segment takes."""
        taken = len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)
        return (self.seq + taken) & 0xFFFFFFFF

    def _tcp(self):
        options = b"".join(bytes([kind, len(body) + 2]) + body for kind, body in self.options)
        options += b"\1" * (-len(options) % 4)
        head = struct.pack("!HHIIBBHHH", self.sport, self.dport, self.seq & 0xFFFFFFFF, self.ack & 0xFFFFFFFF,
                           (20 + len(options)) // 4 << 4, self.flags, self.window, 0, self.urgent)
        segment = head + options + self.payload
        pseudo = self.src.packed + self.dst.packed + struct.pack("!II", 6, len(segment))
        checksum = internet_checksum(pseudo + segment)
        if self.bad_checksum:
            checksum ^= 0x5555
        return segment[:16] + struct.pack("!H", checksum) + segment[18:]

    def ip_bytes(self):
        tcp = self._tcp()
        if self.src.version == 4:
            head = struct.pack("!BBHHHBBH", 0x45, self.tos, 20 + len(tcp), self.ipid & 0xFFFF,
                               0x4000 if self.df else 0, self.ttl, 6, 0) + self.src.packed + self.dst.packed
            return head[:10] + struct.pack("!H", internet_checksum(head)) + head[12:] + tcp
        first = 6 << 28 | self.tos << 20 | self.flow_label
        return struct.pack("!IHBB", first, len(tcp), 6, self.ttl) + self.src.packed + self.dst.packed + tcp

    def bytes(self):
        frame = bytes([2, 0, 0, 0, 0, self.mac_dst, 2, 0, 0, 0, 0, self.mac_src])
        for tpid, vlan in self.vlans:
            frame += struct.pack("!HH", tpid, vlan)
        return frame + struct.pack("!H", 0x0800 if self.src.version == 4 else 0x86DD) + self.ip_bytes()


class Packet:
    """Bytes, time in ns, and the segment they came from."""

    def __init__(self, data, time, segment=None):
        self.data, self.time, self.segment = data, time, segment


class Stack:
    """What one end's TCP/IP stack writes into its headers: Linux as seen one router away."""

    def __init__(self, ipid, ts_base):
        self.ttl, self.tos = 63, 0
        self.next_ipid = ipid
        self.syn_ack_ipid_zero = True
        self.timestamps = True
        self.ts_base = ts_base       # ms at the conversation's start
        self.mss, self.window = 1460, 502
        self.flow_label = 0x12345


class _End:
    def __init__(self, ip, port, isn, stack):
        self.ip, self.port, self.next_seq, self.stack = ip, port, isn, stack
        self.ts_seen = 0
        self.last = None             # last segment sent
        self.last_data = None        # last that took sequence numbers


CLIENT, SERVER = 0, 1


class Conversation:
    """Both ends of a connection as a tap between them sees it. Delays are in seconds; rtt[end] is tap -> end -> tap."""

    def __init__(self, client, client_port, server, server_port, start_ns=START_NS, rtt=(0.001, 0.001), vlan=None,
                 isn=(1000, 5000)):
        self.start = self.now = start_ns
        self.rtt, self.vlan = rtt, vlan
        self.ends = (_End(client, client_port, isn[CLIENT], Stack(0x4000, 100_000)),
                     _End(server, server_port, isn[SERVER], Stack(0x7000, 900_000)))
        self.packets = []

    def stack(self, end, **fields):
        for name, value in fields.items():
            if not hasattr(self.ends[end].stack, name):
                raise AttributeError(f"a stack has no field {name}")
            setattr(self.ends[end].stack, name, value)
        return self

    def wait(self, seconds):
        self.now += round(seconds * SECOND)
        return self

    def _ts(self, end):
        return (self.ends[end].stack.ts_base + (self.now - self.start) // 1_000_000) & 0xFFFFFFFF

    def segment(self, end, flags, **fields):
        """A segment of `end` with everything filled in."""
        me, peer = self.ends[end], self.ends[1 - end]
        s = Segment(me.ip, me.port, peer.ip, peer.port, flags, seq=me.next_seq, ttl=me.stack.ttl, tos=me.stack.tos,
                    ipid=me.stack.next_ipid, window=me.stack.window, flow_label=me.stack.flow_label,
                    mac_src=end + 1, mac_dst=2 - end)
        if s.flags & ACK:
            s.ack = peer.next_seq
        stamp = [(8, struct.pack("!II", self._ts(end), me.ts_seen))] if me.stack.timestamps else []
        if s.flags & SYN:
            s.window = 64240
            if s.flags & ACK and me.stack.syn_ack_ipid_zero:
                s.ipid = 0
            s.options = [(2, struct.pack("!H", me.stack.mss)), (4, b"")] + stamp + [(3, b"\7")]
        else:
            s.options = stamp
        return s.set(**fields)

    def add(self, end, segment):
        """Takes a segment into the capture now; the sender's state moves on with new sequence numbers."""
        me = self.ends[end]
        me.last = segment
        if segment.seq_end != segment.seq and not segment.flags & RST:
            me.last_data = segment
            if (segment.seq_end - me.next_seq) & 0xFFFFFFFF < 1 << 31:
                me.next_seq = segment.seq_end
        me.stack.next_ipid = (me.stack.next_ipid + 1) & 0xFFFF
        if me.stack.timestamps:
            self.ends[1 - end].ts_seen = self._ts(end)
        return self.inject(segment)

    def inject(self, segment):
        """A packet neither end's stack made: no state changes."""
        if self.vlan is not None:
            segment = segment.copy(vlans=[(0x8100, self.vlan)])
        self.packets.append(Packet(segment.bytes(), self.now, segment))
        return self

    def reply(self, end, flags):
        self.wait(self.rtt[end])
        return self.add(end, self.segment(end, flags))

    def syn(self):
        return self.add(CLIENT, self.segment(CLIENT, "S"))

    def syn_ack(self):
        return self.reply(SERVER, "SA")

    def ack(self, end):
        return self.reply(end, "A")

    def handshake(self):
        return self.syn().syn_ack().ack(CLIENT)

    def sends(self, end, data, acked=True):
        """Data (bytes or a count) in full segments; then the peer's ACK unless told otherwise."""
        if isinstance(data, int):
            data = b"x" * data
        stack = self.ends[end].stack
        room = stack.mss - (12 if stack.timestamps else 0)   # RFC 9293 3.7.1
        for offset in range(0, len(data), room):
            part = data[offset:offset + room]
            flags = "PA" if offset + len(part) == len(data) else "A"
            self.add(end, self.segment(end, flags, payload=part))
        return self.ack(1 - end) if acked else self

    def client_sends(self, data, acked=True):
        return self.sends(CLIENT, data, acked)

    def server_sends(self, data, acked=True):
        return self.sends(SERVER, data, acked)

    def fin(self, end, acked=True):
        self.add(end, self.segment(end, "FA"))
        return self.ack(1 - end) if acked else self

    def client_fin(self, acked=True):
        return self.fin(CLIENT, acked)

    def server_fin(self, acked=True):
        return self.fin(SERVER, acked)

    def rst_segment(self, end, image="active"):
        """active: a live socket aborts. stateless: no socket, answers the peer's last segment. reject: netfilter."""
        if image == "active":
            return self.segment(end, "RA")
        trigger = self.ends[1 - end].last
        stateless = image == "stateless"
        s = self.segment(end, "R", options=[], window=0, ipid=0, tos=trigger.tos if stateless else 0,
                         flow_label=self.ends[end].stack.flow_label ^ 0x777 if stateless else 0)
        if trigger.flags & ACK:
            return s.set(seq=trigger.ack, ack=0)
        return s.set(flags="RA", seq=0, ack=trigger.seq_end)

    def rst(self, end, image="active", **fields):
        return self.add(end, self.rst_segment(end, image).set(**fields))

    def client_rst(self, image="active", **fields):
        return self.rst(CLIENT, image, **fields)

    def server_rst(self, image="active", **fields):
        return self.rst(SERVER, image, **fields)

    def keepalive_probe(self, end):
        return self.add(end, self.segment(end, "A", seq=self.ends[end].next_seq - 1))

    def retransmit(self, end):
        """The last segment that took sequence numbers, again, with a fresh ID and timestamp."""
        old = self.ends[end].last_data
        fresh = self.segment(end, "A")
        options = [(kind, body) if kind != 8 else next(o for o in fresh.options if o[0] == 8)
                   for kind, body in old.options]
        return self.add(end, old.copy(ipid=fresh.ipid, options=options, ack=fresh.ack if old.flags & ACK else 0))


def merge(*parts):
    """Several conversations (or packet lists) as one capture: by time, equal times in the order given."""
    packets = [p for part in parts for p in (part.packets if isinstance(part, Conversation) else part)]
    return sorted(packets, key=lambda p: p.time)


def write_pcap(path, packets, link=LINK_ETHERNET):
    """Classic pcap with nanosecond stamps, in the order given."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", PCAP_NANO_MAGIC, 2, 4, 0, 0, 262144, link))
        for p in packets:
            out.write(struct.pack("<IIII", p.time // SECOND, p.time % SECOND, len(p.data), len(p.data)))
            out.write(p.data)


def write_pcapng(path, packets, link=LINK_ETHERNET):
    """pcapng with one interface and nanosecond stamps (draft-ietf-opsawg-pcapng); takes any 64-bit time."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        size = struct.pack("<I", 12 + len(body))
        return struct.pack("<I", kind) + size + body + size

    with open(path, "wb") as out:
        out.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        if_tsresol = struct.pack("<HHB3x", 9, 1, 9)   # 10^-9 s
        out.write(block(1, struct.pack("<HHI", link, 0, 0) + if_tsresol + bytes(4)))
        for p in packets:
            head = struct.pack("<IIIII", 0, p.time >> 32, p.time & 0xFFFFFFFF, len(p.data), len(p.data))
            out.write(block(6, head + p.data))
