# SPDX-License-Identifier: Apache-2.0
"""Raw TCP segments: building them byte by byte and taking them apart. No state, no sockets."""
import dataclasses
import ipaddress
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp(
    src,
    dst,
    sport,
    dport,
    seq,
    ack,
    flags,
    *,
    window=0,
    payload=b"",
    options=b"",
    ttl=64,
    ip_id=0,
    df=True,
    tos=0,
    flow_label=0,
):
    """An IP packet (4 or 6, after the address) carrying one TCP segment."""
    src, dst = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    options += b"\x01" * (-len(options) % 4)
    length = 20 + len(options) + len(payload)
    head = struct.pack(
        "!HHIIBBHHH",
        sport,
        dport,
        seq & 0xFFFFFFFF,
        ack & 0xFFFFFFFF,
        (20 + len(options)) // 4 << 4,
        flags,
        window,
        0,
        0,
    )
    if src.version == 4:
        pseudo = src.packed + dst.packed + struct.pack("!BBH", 0, 6, length)
    else:
        pseudo = src.packed + dst.packed + struct.pack("!IHBB", length, 0, 0, 6)
    segment = head + options + payload
    segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
    if src.version == 4:
        ip = struct.pack(
            "!BBHHHBBH4s4s",
            0x45,
            tos,
            20 + length,
            ip_id & 0xFFFF,
            0x4000 if df else 0,
            ttl,
            6,
            0,
            src.packed,
            dst.packed,
        )
        return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + segment
    return (
        struct.pack("!IHBB16s16s", 6 << 28 | tos << 20 | flow_label, length, 6, ttl, src.packed, dst.packed) + segment
    )


@dataclasses.dataclass
class Segment:
    src: str
    dst: str
    sport: int
    dport: int
    seq: int
    ack: int
    flags: int
    window: int
    payload: bytes
    ttl: int
    ip_id: int
    tos: int = 0
    flow_label: int = 0

    @property
    def end(self):
        """Sequence number after this segment."""
        return (self.seq + len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)) & 0xFFFFFFFF


def parse(frame):
    """Ethernet frame -> Segment, or None if it is no plain TCP over IPv4/IPv6."""
    try:
        kind = struct.unpack_from("!H", frame, 12)[0]
        ip = frame[14:]
        if kind == 0x0800 and ip[9] == 6:
            size, total = (ip[0] & 15) * 4, struct.unpack_from("!H", ip, 2)[0]
            src, dst, ttl = ip[12:16], ip[16:20], ip[8]
            ip_id, tos, label = struct.unpack_from("!H", ip, 4)[0], ip[1], 0
        elif kind == 0x86DD and ip[6] == 6:
            size, total = 40, 40 + struct.unpack_from("!H", ip, 4)[0]
            src, dst, ttl, ip_id = ip[8:24], ip[24:40], ip[7], 0
            first = struct.unpack_from("!I", ip)[0]
            tos, label = first >> 20 & 0xFF, first & 0xFFFFF
        else:
            return None
        sport, dport, seq, ack, off, flags, window = struct.unpack_from("!HHIIBBH", ip, size)
        return Segment(
            str(ipaddress.ip_address(src)),
            str(ipaddress.ip_address(dst)),
            sport,
            dport,
            seq,
            ack,
            flags & 0x3F,
            window,
            ip[size + (off >> 4) * 4 : total],
            ttl,
            ip_id,
            tos,
            label,
        )
    except (struct.error, IndexError):
        return None
