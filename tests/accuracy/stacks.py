# SPDX-License-Identifier: Apache-2.0
"""Connections as the lab's machine cannot make them: endpoints of other systems, devices of other makers, any path.

What each system writes into its headers is stated here with its source, and nothing of what the product's rules look
for. A Talk is a Conversation (tests/packet) between two such systems, seen by a tap somewhere on a path.
"""
import dataclasses
import struct

from builder import ACK, CLIENT, SERVER, SYN, Conversation


@dataclasses.dataclass(frozen=True)
class System:
    """An operating system's marks."""

    name: str
    ttl: int
    ids: str              # IPv4 ID: "flow" counts per connection, "host" per host with others between, "zero", "random"
    timestamps: bool
    df: bool = True
    syn_ack_id_zero: bool = False
    abort_window: bool = True     # RST of a live socket: carries the window
    abort_timestamps: bool = True
    reply_id: str = "same"        # RST without a socket: "zero", or as its other packets
    reply_tos: str = "zero"       # … "copy": of the packet it answers
    reply_ack: bool = False       # … always RST|ACK, and with a window
    label: bool = True            # IPv6: labels its flows
    reply_label: str = "zero"     # … "zero", "copy", "fresh"
    window: int = 64240


# tcp_v4_send_reset, tcp_send_active_reset; measured in the lab.
LINUX = System("linux", 64, "flow", True, syn_ack_id_zero=True, reply_id="zero", reply_tos="copy", reply_label="fresh",
               window=502)
# Timestamps off unless the peer asks; IDs count per path; RST|ACK with window 0 (Windows captures in Wireshark's wiki).
WINDOWS = System("windows", 128, "flow", False, abort_window=False, abort_timestamps=False, label=False, window=1026)
WINDOWS_BUSY = dataclasses.replace(WINDOWS, name="windows busy", ids="host")
# tcp_respond turns the trigger's own header round; RFC 6864 IDs (net.inet.ip.rfc6864).
FREEBSD = System("freebsd", 64, "zero", True, reply_tos="copy", reply_label="copy", window=1026)
FREEBSD_OLD = dataclasses.replace(FREEBSD, name="freebsd, random ids", ids="random", abort_timestamps=False)
MACOS = dataclasses.replace(FREEBSD, name="macos", window=2058)
# Routers and load balancers: TTL 255, no DF, a clock-like ID.
CISCO = System("ios", 255, "host", False, df=False, label=False, abort_window=False, abort_timestamps=False,
               window=4128)
F5 = System("big-ip", 255, "flow", True, abort_window=False, abort_timestamps=False, window=4380)
# Small devices: lwIP's tcp_rst (tcp_out.c) sends RST|ACK with its whole window, whatever it answers.
LWIP = System("lwip", 255, "flow", False, df=False, label=False, reply_ack=True, window=5840)

CLIENTS = (LINUX, WINDOWS, WINDOWS_BUSY, FREEBSD, MACOS)
SERVERS = (LINUX, WINDOWS, WINDOWS_BUSY, FREEBSD, FREEBSD_OLD, MACOS, CISCO, F5)
REFUSING = (*SERVERS, LWIP)
ABORTING = tuple(s for s in SERVERS if s is not CISCO)


class Talk(Conversation):
    """A connection between two systems. `place`: of the tap on the way from client (0) to server (1)."""

    def __init__(self, rng, client, client_port, server, server_port, systems, start_ns, place=None, rtt=None,
                 hops=None):
        self.rng, self.systems = rng, systems
        self.v6 = ":" in client
        place = rng.choice((0.02, 0.5, 0.97)) if place is None else place
        rtt = rng.choice((0.0006, 0.004, 0.03, 0.12)) * rng.uniform(0.8, 1.3) if rtt is None else rtt
        super().__init__(client, client_port, server, server_port, start_ns,
                         rtt=(max(0.00012, rtt * place), max(0.00012, rtt * (1 - place))),
                         isn=(rng.getrandbits(32), rng.getrandbits(32)))
        hops = hops or rng.randint(3, 14)
        self.hops = (round(hops * place), round(hops * (1 - place)))
        both = systems[CLIENT].timestamps and systems[SERVER].timestamps
        for end in (CLIENT, SERVER):
            s = systems[end]
            self.stack(end, ttl=s.ttl - self.hops[end], timestamps=both, window=s.window,
                       syn_ack_ipid_zero=s.syn_ack_id_zero, next_ipid=rng.randrange(1, 65536),
                       ts_base=rng.getrandbits(32), mss=rng.choice((1460, 1460, 1440, 1380)),
                       flow_label=rng.randrange(1, 1 << 20) if s.label else 0)
        self.both = both

    def _id(self, end):
        stack, kind = self.ends[end].stack, self.systems[end].ids
        if kind == "zero":
            return 0
        if kind == "random":
            return self.rng.randrange(1, 65536)
        if kind == "host":  # others of this host were sent between
            stack.next_ipid = (stack.next_ipid + self.rng.choice((0, 0, 1, 3, 20, 150))) & 0xFFFF
        return stack.next_ipid or 1

    def segment(self, end, flags, **fields):
        s = super().segment(end, flags)
        s.df = self.systems[end].df
        if not (s.flags & SYN and s.flags & ACK and self.systems[end].syn_ack_id_zero):
            s.ipid = self._id(end)
        if self.systems[end] is CISCO and s.flags & SYN:
            s.options = [(2, b"\x02\x18")]
        return s.set(**fields)

    def rst_segment(self, end, image="active"):
        system = self.systems[end]
        if image == "active":
            s = self.segment(end, "RA")
            if not system.abort_window:
                s.window = 0
            if not system.abort_timestamps:
                s.options = []
            return s
        if image == "reject":
            return super().rst_segment(end, image)
        trigger = self.ends[1 - end].last
        label = {"zero": 0, "copy": trigger.flow_label, "fresh": self.rng.randrange(1, 1 << 20)}[system.reply_label]
        s = self.segment(end, "R", options=[], window=0, flow_label=label,
                         tos=trigger.tos if system.reply_tos == "copy" else 0)
        if system.reply_id == "zero":
            s.ipid = 0
        if system.reply_ack:
            seq = trigger.ack if trigger.flags & ACK else 0
            return s.set(flags="RA", seq=seq, ack=trigger.seq_end, window=system.window)
        if trigger.flags & ACK:
            return s.set(seq=trigger.ack, ack=0)
        return s.set(flags="RA", seq=0, ack=trigger.seq_end)

    def marked(self, tos):
        """The client's packets bear a mark, as voice and bulk traffic does."""
        return self.stack(CLIENT, tos=tos)

    # ---- devices ----

    def hop(self, end, ttl):
        """(TTL at the tap, seconds from the tap to it) of a device on the way to `end`, whose own TTL is `ttl`; well
        away from the end's own."""
        away = self.hops[end]
        where = self.rng.randint(0, max(0, away - 3))
        share = where / away if away else 0.5
        return ttl - where, self.rtt[end] * share

    def device(self, claimed, flags="R", *, ttl=64, window=0, ids="zero", df=True, seq=None, ack=None, tos=0, label=0,
               payload=b"", wait=True):
        """A RST in the name of `claimed`, made by a device between the tap and that end, from its peer's latest."""
        trigger = self.ends[1 - claimed].last
        at_tap, delay = (ttl[0], self.rtt[claimed] * 0.4) if isinstance(ttl, tuple) else self.hop(claimed, ttl)
        if wait:
            self.wait(delay + self.rng.uniform(20e-6, 60e-6))
        s = self.segment(claimed, flags, options=[], window=window, ttl=max(1, at_tap), tos=tos, flow_label=label)
        s.ipid = {"zero": 0, "random": self.rng.randrange(1, 65536)}.get(ids, ids)
        s.df = df
        s.payload = payload
        s.seq = (trigger.ack if trigger.flags & ACK else 0) if seq is None else seq & 0xFFFFFFFF
        if s.flags & ACK:
            s.ack = trigger.seq_end if ack is None else ack & 0xFFFFFFFF
        else:
            s.ack = 0
        return self.inject(s)

    def toward_peer(self, claimed, flags="R", **more):
        """… to the other side: made from the same packet, in the name of its sender."""
        trigger = self.ends[claimed].last
        more.setdefault("seq", trigger.seq_end)
        more.setdefault("ack", trigger.ack)
        return self.device(claimed, flags, **more)

    def plain(self, end, flags, **fields):
        return self.add(end, self.segment(end, flags, **fields))


TLS_HELLO = (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32) + b"\x20" + bytes(32) + b"\x00\x22" +
             bytes(34) + b"\x01\x00" + struct.pack("!H", 512 - 11 - 107) + bytes(512 - 11 - 102))
TLS_SERVER = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(1800)
TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
GET = b"GET /report HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nServer: test\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nbusy\n"
