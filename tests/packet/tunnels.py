# SPDX-License-Identifier: Apache-2.0
"""Headers to put before a packet: the ideas of tunnel.h in Python. Each takes what it carries, so that nesting reads
from the outside in; every_encapsulation() and every_link() list all that the parser reads.

    frame(0x0800, ipv4(17, udp(4789, vxlan(5001, segment.bytes()))))
"""
import ipaddress
import struct

from builder import Packet, internet_checksum

IPV4, IPV6, VLAN, QINQ, MPLS, PPPOE, BRIDGING = 0x0800, 0x86DD, 0x8100, 0x88A8, 0x8847, 0x8864, 0x6558


def frame(kind, payload):
    return bytes([2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8]) + struct.pack("!H", kind) + payload


def tag(vlan, kind, payload):
    """What stands behind a VLAN's EtherType."""
    return struct.pack("!HH", vlan, kind) + payload


def snap(kind, payload):
    """An 802.3 frame with LLC and SNAP."""
    return frame(8 + len(payload), b"\xaa\xaa\3\0\0\0" + struct.pack("!H", kind) + payload)


def ipv4(protocol, payload, src="192.0.2.1", dst="192.0.2.2", ttl=61, fragment=0x4000, ipid=0x77):
    """`fragment`: flags and offset as they stand."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), ipid, fragment, ttl, protocol, 0)
    head += ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed
    return head[:10] + struct.pack("!H", internet_checksum(head)) + head[12:] + payload


def ipv6(following, payload, src="2001:db8:ff::1", dst="2001:db8:ff::2", hop_limit=59):
    return (struct.pack("!IHBB", 6 << 28, len(payload), following, hop_limit) + ipaddress.ip_address(src).packed +
            ipaddress.ip_address(dst).packed + payload)


def udp(port, payload):
    return struct.pack("!HHHH", 51000, port, 8 + len(payload), 0) + payload


def vxlan(vni, ethernet):
    return struct.pack("!II", 0x08000000, vni << 8) + ethernet


def vxlan_gpe(vni, following, payload):
    return struct.pack("!II", 0x0C000000 | following, vni << 8) + payload


def geneve(vni, kind, payload, options=b""):
    return struct.pack("!BBHI", len(options) // 4, 0, kind, vni << 8) + options + payload


def gtpu(teid, packet, extensions=b"", first=0, sequence=False):
    optional = struct.pack("!HBB", 7, 0, first) + extensions if first or sequence else b""
    flags = 0x30 | (4 if first else 0) | (2 if sequence else 0)
    return struct.pack("!BBHI", flags, 255, len(optional) + len(packet), teid) + optional + packet


def gre(flags, kind, payload, fields=b""):
    return struct.pack("!HH", flags, kind) + fields + payload


def erspan2(ethernet):
    return struct.pack("!II", 0x10640000 | 100, 5) + ethernet


def erspan3(payload, tail=0, subheader=b""):
    return struct.pack("!IIHH", 0x20640000 | 100, 0x12345678, 0, tail) + subheader + payload


def mpls(labels, payload, ttl=250):
    stack = b"".join(struct.pack("!I", (1000 + i) << 12 | (0x100 if i + 1 == labels else 0) | ttl)
                     for i in range(labels))
    return stack + payload


def ppp(protocol, payload):
    return struct.pack("!H", protocol) + payload


def pppoe(payload):
    return struct.pack("!BBHH", 0x11, 0, 0x1234, len(payload)) + payload


def extension(following, payload):
    """An IPv6 extension header of 8 bytes: hop-by-hop or destination options, one PadN."""
    return struct.pack("!BBBBI", following, 0, 1, 4, 0) + payload


def fragment6(following, offset_and_more, payload):
    return struct.pack("!BBHI", following, 0, offset_and_more, 0x1234) + payload


def authentication(following, payload):
    return struct.pack("!BBHII", following, 4, 0, 7, 1) + bytes(12) + payload


def icmp_error(kind, code, packet):
    body = struct.pack("!BBHI", kind, code, 0, 0) + packet
    return body[:2] + struct.pack("!H", internet_checksum(body)) + body[4:]


def icmp6_error(kind, code, packet, src="2001:db8:ff::1", dst="2001:db8:ff::2"):
    body = struct.pack("!BBHI", kind, code, 0, 0) + packet
    pseudo = (ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed +
              struct.pack("!II", len(body), 58) + body)
    return body[:2] + struct.pack("!H", internet_checksum(pseudo)) + body[4:]


def every_encapsulation():
    """{name: segment -> Ethernet frame}"""
    def kind(s):
        return IPV4 if s.src.version == 4 else IPV6

    def protocol(s):
        return 4 if s.src.version == 4 else 41

    def on_gre(flags, kind_of, payload, fields=b""):
        return frame(IPV4, ipv4(47, gre(flags, kind_of, payload, fields)))

    def on_udp(port, payload):
        return frame(IPV4, ipv4(17, udp(port, payload)))

    return {
        "plain": lambda s: s.bytes(),
        "vlan": lambda s: frame(VLAN, tag(7, kind(s), s.ip_bytes())),
        "qinq": lambda s: frame(QINQ, tag(5, VLAN, tag(7, kind(s), s.ip_bytes()))),
        "vlan_three": lambda s: frame(QINQ, tag(5, VLAN, tag(6, VLAN, tag(7, kind(s), s.ip_bytes())))),
        "snap": lambda s: snap(kind(s), s.ip_bytes()),
        "fabricpath": lambda s: frame(0x8903, b"\6\1" + s.bytes()),
        "mpls": lambda s: frame(MPLS, mpls(1, s.ip_bytes())),
        "mpls_three": lambda s: frame(MPLS, mpls(3, s.ip_bytes())),
        "mpls_pseudowire": lambda s: frame(MPLS, mpls(2, bytes(4) + s.bytes())),
        "pppoe": lambda s: frame(PPPOE, pppoe(ppp(0x0021 if kind(s) == IPV4 else 0x0057, s.ip_bytes()))),
        "vlan_pppoe": lambda s: frame(VLAN, tag(7, PPPOE, pppoe(ppp(0x21 if kind(s) == IPV4 else 0x57, s.ip_bytes())))),
        "in_ipv4": lambda s: frame(IPV4, ipv4(protocol(s), s.ip_bytes())),
        "in_ipv6": lambda s: frame(IPV6, ipv6(protocol(s), s.ip_bytes())),
        "gre": lambda s: on_gre(0, kind(s), s.ip_bytes()),
        "gre_key": lambda s: on_gre(0x2000, kind(s), s.ip_bytes(), struct.pack("!I", 77)),
        "gre_all": lambda s: on_gre(0xB000, kind(s), s.ip_bytes(), struct.pack("!III", 0, 77, 3)),
        "gre_bridging": lambda s: on_gre(0, BRIDGING, s.bytes()),
        "nvgre": lambda s: on_gre(0x2000, BRIDGING, s.bytes(), struct.pack("!I", 0x123456AB)),
        "gre_in_ipv6": lambda s: frame(IPV6, ipv6(47, gre(0, kind(s), s.ip_bytes()))),
        "pptp": lambda s: on_gre(0x3001, 0x880B, ppp(0xFF03, ppp(0x21 if kind(s) == IPV4 else 0x57, s.ip_bytes())),
                                 struct.pack("!HHI", len(s.ip_bytes()) + 4, 5, 1)),
        "erspan1": lambda s: on_gre(0, 0x88BE, s.bytes()),
        "erspan2": lambda s: on_gre(0x1000, 0x88BE, erspan2(s.bytes()), struct.pack("!I", 1)),
        "erspan3": lambda s: on_gre(0x1000, 0x22EB, erspan3(s.bytes()), struct.pack("!I", 1)),
        "erspan3_subheader": lambda s: on_gre(0x1000, 0x22EB, erspan3(s.bytes(), 1, bytes(8)), struct.pack("!I", 1)),
        "vxlan": lambda s: on_udp(4789, vxlan(5001, s.bytes())),
        "vxlan_linux": lambda s: on_udp(8472, vxlan(5001, s.bytes())),
        "vxlan_in_ipv6": lambda s: frame(IPV6, ipv6(17, udp(4789, vxlan(5001, s.bytes())))),
        "vxlan_gpe_ip": lambda s: on_udp(4790, vxlan_gpe(5001, 1 if kind(s) == IPV4 else 2, s.ip_bytes())),
        "vxlan_gpe_ethernet": lambda s: on_udp(4790, vxlan_gpe(5001, 3, s.bytes())),
        "geneve": lambda s: on_udp(6081, geneve(5001, BRIDGING, s.bytes())),
        "geneve_options": lambda s: on_udp(6081, geneve(5001, kind(s), s.ip_bytes(),
                                                        struct.pack("!HBBI", 0x0102, 1, 1, 9))),
        "gtpu": lambda s: on_udp(2152, gtpu(0x1001, s.ip_bytes())),
        "gtpu_sequence": lambda s: on_udp(2152, gtpu(0x1001, s.ip_bytes(), sequence=True)),
        "gtpu_extension": lambda s: on_udp(2152, gtpu(0x1001, s.ip_bytes(), b"\1\0\t\0", 0x85)),
        "hop_by_hop": lambda s: _with_header(s, 0, extension),
        "destination_options": lambda s: _with_header(s, 60, extension),
        "authentication": lambda s: _with_header(s, 51, authentication),
        "vxlan_in_gre_in_vlan": lambda s: frame(VLAN, tag(7, IPV4, ipv4(47, gre(0, IPV4, ipv4(
            17, udp(4789, vxlan(5001, s.bytes()))))))),
        "erspan_of_vxlan_of_vlan": lambda s: on_gre(0x1000, 0x88BE, erspan2(on_udp(4789, vxlan(
            5001, frame(VLAN, tag(7, kind(s), s.ip_bytes()))))), struct.pack("!I", 1)),
    }


def _with_header(s, number, header):
    """The segment's TCP behind one more header; options exist in IPv6 only, where IPv4 stays as it is."""
    packet = s.ip_bytes()
    if s.src.version == 6:
        return frame(IPV6, ipv6(number, header(6, packet[40:]), s.src, s.dst, s.ttl))
    return frame(IPV4, ipv4(number, header(6, packet[20:]), s.src, s.dst, s.ttl) if number == 51 else packet)


def every_link():
    """{name: (LINKTYPE, segment -> frame)}"""
    def kind(s):
        return struct.pack("!H", IPV4 if s.src.version == 4 else IPV6)

    def number(s):
        return 0x21 if s.src.version == 4 else 0x57

    return {
        "raw": (101, lambda s: s.ip_bytes()),
        "null": (0, lambda s: struct.pack("<I", 2 if s.src.version == 4 else 30) + s.ip_bytes()),
        "loop": (108, lambda s: struct.pack("!I", 2 if s.src.version == 4 else 24) + s.ip_bytes()),
        "cooked": (113, lambda s: struct.pack("!HHH8s", 0, 1, 6, bytes(8)) + kind(s) + s.ip_bytes()),
        "cooked2": (276, lambda s: kind(s) + struct.pack("!HIHBB8s", 0, 3, 1, 0, 6, bytes(8)) + s.ip_bytes()),
        "ppp": (9, lambda s: ppp(0xFF03, ppp(number(s), s.ip_bytes()))),
        "ppp_hdlc": (50, lambda s: ppp(0xFF03, ppp(number(s), s.ip_bytes()))),
        "ppp_ether": (51, lambda s: pppoe(ppp(number(s), s.ip_bytes()))),
        "cisco_hdlc": (104, lambda s: b"\x0f\0" + kind(s) + s.ip_bytes()),
    }


def carried(packets, wrap):
    """The same packets with each frame made by wrap(segment)."""
    return [Packet(wrap(p.segment), p.time, p.segment) for p in packets]
