# SPDX-License-Identifier: Apache-2.0
"""An endpoint made by hand, for stacks other than this machine's: its segments are what the scenario says.

It stands on the client's or the server's own link; the kernel there hears nothing of the scenario's server port. It
keeps the two sequence numbers and acknowledges what it is told to; everything else is the scenario's business.
"""
import ctypes
import dataclasses
import random
import select
import socket
import struct
import time

import forge
from box import ETH_P_ALL, mac
from net import MAC, LabError

SO_ATTACH_FILTER = 26


@dataclasses.dataclass
class Stack:
    """What an observer sees of an operating system."""

    ttl: int = 64
    window: int = 64240
    ids: str = "counter"  # IPv4 ID: "counter", "zero", "random"
    df: bool = True
    options: bytes = b"\x02\x04\x05\xb4"  # of the SYN: MSS 1460


WINDOWS = Stack(ttl=128, options=b"\x02\x04\x05\xb4\x01\x03\x03\x08\x01\x01\x04\x02")
FREEBSD = Stack(ttl=64, window=65535, ids="random", options=b"\x02\x04\x05\xb4\x01\x03\x03\x06\x04\x02\x00\x00")


def only_port(port):
    """A socket filter (classic BPF): TCP from or to this port, over IPv4 without options or IPv6."""
    load, equal, give = 0x28, 0x15, 0x06
    code = [
        (load, 0, 0, 12),
        (equal, 0, 4, 0x0800),
        (load, 0, 0, 34),
        (equal, 7, 0, port),
        (load, 0, 0, 36),
        (equal, 5, 6, port),
        (equal, 0, 5, 0x86DD),
        (load, 0, 0, 54),
        (equal, 2, 0, port),
        (load, 0, 0, 56),
        (equal, 0, 1, port),
        (give, 0, 0, 65535),
        (give, 0, 0, 0),
    ]
    program = b"".join(struct.pack("HBBI", *line) for line in code)
    buffer = ctypes.create_string_buffer(program)
    return struct.pack("HL", len(code), ctypes.addressof(buffer)), buffer


class Puppet:
    def __init__(self, t, side, here, there, port, stack=Stack()):
        """`side`: "client" or "server"; `here`, `there`: (address, port); `port`: the scenario's server port."""
        ns, self.link, self.gateway = {
            "client": (t.network.client, "c0", "r0"),
            "server": (t.network.server, "s0", "r1"),
        }[side]
        self.here, self.there, self.stack = here, there, stack
        t.silence(side, port)
        with ns:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        program, keep = only_port(port)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
        del keep
        self.socket.bind((self.link, ETH_P_ALL))
        t.cleanups.append(self.socket.close)
        self.start_ns = time.time_ns()
        self.next = random.getrandbits(32)  # our next sequence number
        self.peer = 0  # the peer's next
        self.id = random.randrange(1, 60000)

    def send(self, flags, payload=b"", *, seq=None, ack=None, **more):
        """One segment; sequence numbers that are not given are the next in order, and move on."""
        at = self.next if seq is None else seq
        stack = self.stack
        self.id += 1
        ip_id = {"counter": self.id, "zero": 0, "random": random.randrange(1, 65536)}[stack.ids]
        fields = {"window": stack.window, "ttl": stack.ttl, "ip_id": ip_id, "df": stack.df, **more}
        if flags & forge.SYN:
            fields.setdefault("options", stack.options)
        number = (self.peer if flags & forge.ACK else 0) if ack is None else ack
        packet = forge.tcp(*self.ends(), at, number, flags, payload=payload, **fields)
        if seq is None and not flags & forge.RST:
            self.next = (at + len(payload) + bool(flags & forge.SYN) + bool(flags & forge.FIN)) & 0xFFFFFFFF
        kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
        self.socket.send(mac(MAC[self.gateway]) + mac(MAC[self.link]) + kind + packet)

    def ends(self):
        return self.here[0], self.there[0], self.here[1], self.there[1]

    def hear(self, wanted=lambda s: True, seconds=3.0):
        """The next segment of the peer that is wanted, or None. What the peer sent in order is remembered."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                break
            s = forge.parse(self.socket.recv(65535))
            if s is None or (s.dst, s.dport) != self.here or self.there not in ((s.src, s.sport), (s.src, 0)):
                continue
            if self.there[1] == 0:
                self.there = (s.src, s.sport)
            if s.flags & forge.SYN or s.seq == self.peer:
                self.peer = s.end
            if wanted(s):
                return s
        return None

    def must_hear(self, wanted, what, seconds=3.0):
        s = self.hear(wanted, seconds)
        if s is None:
            raise LabError(f"no {what} from {self.there}")
        return s

    def connect(self):
        self.send(forge.SYN)
        answer = self.must_hear(lambda s: s.flags & forge.SYN, "SYN-ACK")
        self.send(forge.ACK)
        return answer

    def accept(self):
        """Waits for a SYN of `there` (any port if it is 0) and shakes hands."""
        self.must_hear(lambda s: s.flags & forge.SYN, "SYN", 6)
        self.send(forge.SYN | forge.ACK)
        self.must_hear(lambda s: s.flags & forge.ACK and not s.flags & forge.SYN, "handshake's ACK")

    def take(self, what="data"):
        """The peer's next data, acknowledged."""
        s = self.must_hear(lambda s: s.payload, what)
        self.send(forge.ACK)
        return s
