# SPDX-License-Identifier: Apache-2.0
"""An abort among packets made to break a parser: nested without end, cut, lying, encrypted, fragmented, and UDP on a
tunnel's port that is none. Each ends in its own counter and costs the connection nothing."""
import struct

import tunnels as t
from builder import Conversation, Packet, merge


def on_ip(protocol, payload, **fields):
    return t.frame(t.IPV4, t.ipv4(protocol, payload, **fields))


def nested(depth, packet):
    for _ in range(depth):
        packet = t.ipv4(4, packet)
    return t.frame(t.IPV4, packet)


def hostile(s):
    ip, tcp = s.ip_bytes(), s.ip_bytes()[20:]
    vxlan = t.udp(4789, t.vxlan(5, s.bytes()))
    return [
        nested(40, ip),   # too_many_tunnels
        t.frame(t.MPLS, t.mpls(300, ip)),   # too_many_headers
        t.frame(t.IPV6, t.ipv6(0, (b"\0" + bytes(7)) * 40)),   # too_many_headers
        on_ip(17, vxlan[:12]),   # short_tunnel: the capture is cut
        on_ip(47, t.gre(7, t.IPV4, ip)),   # bad_tunnel: no such version
        on_ip(47, t.gre(0x4000, t.IPV4, b"", struct.pack("!IHBB", 0, 0x800, 0, 4))),   # bad_tunnel: a route without end
        t.frame(t.IPV4, b"\x41" + ip[1:]),   # bad_ipv4
        t.frame(t.IPV6, t.ipv6(60, b"\6\xff" + bytes(6) + tcp)),   # bad_ipv6
        on_ip(50, ip),   # encrypted
        on_ip(17, vxlan, fragment=0x0020),   # later_fragment
        on_ip(6, tcp, fragment=0x0001),   # later_fragment
        on_ip(17, t.udp(4789, bytes(80))),   # not_tcp
        on_ip(17, t.udp(2152, b"\x30\1" + bytes(30))),   # not_tcp: an echo of the tunnel
        on_ip(17, t.udp(4789, t.vxlan(5, t.frame(0x0806, bytes(28))))),   # not_ip: ARP in a tunnel
        on_ip(6, tcp[:12] + b"\x10" + tcp[13:]),   # bad_tcp
        t.frame(t.IPV4, ip[:30]),   # short_tcp: the capture is cut
        t.frame(t.IPV4, ip[:10]),   # short_ip
        t.frame(t.VLAN, b"\0"),   # short_link
    ]


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    c.handshake().client_sends(800).wait(0.05).server_rst()
    between = c.packets[2]
    return merge(c, [Packet(data, between.time) for data in hostile(between.segment)])
