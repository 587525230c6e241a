# SPDX-License-Identifier: Apache-2.0
"""Takes one capture of many scenarios apart: each has server ports of its own, also inside quoted ICMP errors."""
import struct

NANOS = b"\x4d\x3c\xb2\xa1"  # pcap with nanosecond stamps, little endian
HEAD = 24
RECORD = 16
ICMP_ERRORS = {1: (3, 4, 5, 11, 12), 58: (1, 2, 3, 4)}  # messages that quote a packet; after the IP protocol number


def records(data):
    """(time_ns, record with its header, frame) of a little-endian nanosecond pcap."""
    if data[:4] != NANOS:
        raise ValueError("not a little-endian pcap with nanosecond stamps")
    at = HEAD
    while at + RECORD <= len(data):
        seconds, nanos, size = struct.unpack_from("<III", data, at)
        end = at + RECORD + size
        if end > len(data):
            return  # cut short
        yield seconds * 10**9 + nanos, data[at:end], data[at + RECORD : end]
        at = end


def ip_ports(ip, depth=0):
    """(source port, destination port) of a TCP packet, or of the one an ICMP error quotes; None otherwise."""
    try:
        if ip[0] >> 4 == 4:
            protocol, rest = ip[9], ip[(ip[0] & 15) * 4 :]
        else:
            protocol, rest = ip[6], ip[40:]
        if protocol == 6:
            return struct.unpack_from("!HH", rest)
        if protocol in ICMP_ERRORS and rest[0] in ICMP_ERRORS[protocol] and depth == 0:
            return ip_ports(rest[8:], 1)
    except (IndexError, struct.error):
        pass
    return None


def ports(frame):
    """As ip_ports, of an Ethernet frame."""
    return ip_ports(frame[14:]) if frame[12:14] in (b"\x08\x00", b"\x86\xdd") and len(frame) > 34 else None


def split(data, owners):
    """The capture's bytes by owner; `owners`: port -> name. Packets of nobody's port are left out."""
    parts = {name: [] for name in set(owners.values())}
    for _, record, frame in records(data):
        pair = ports(frame)
        if pair is None:
            continue
        # The server's port first; the client's may be in the range of another's by chance only if it was chosen so.
        owner = owners.get(pair[1]) or owners.get(pair[0])
        if owner is not None:
            parts[owner].append(record)
    return {name: data[:HEAD] + b"".join(found) for name, found in parts.items()}


def merge(captures):
    """One capture out of several, in the order of their stamps; packets of one file keep their order."""
    everything = [(at, record) for data in captures for at, record, _ in records(data)]
    everything.sort(key=lambda r: r[0])
    return captures[0][:HEAD] + b"".join(record for _, record in everything)
