# SPDX-License-Identifier: Apache-2.0
"""The same abort inside each kind of tunnel. MPLS labels and GTP-U endpoint ids are the receiver's, so that they differ
by direction; a PPPoE line's two directions are one session. Each is one connection with both its sides."""
import tunnels as t
from builder import Conversation, merge

SERVER = "10.0.2.9"


def upstream(s):
    return str(s.dst) == SERVER


def on_ip(protocol, payload):
    return t.frame(t.IPV4, t.ipv4(protocol, payload, ttl=201))


WRAPS = [
    lambda s: on_ip(17, t.udp(4789, t.vxlan(5001, s.bytes()))),
    lambda s: on_ip(17, t.udp(6081, t.geneve(5002, t.BRIDGING, s.bytes(), b"\1\2\3\1\0\0\0\7"))),
    lambda s: on_ip(17, t.udp(2152, t.gtpu(0x1001 if upstream(s) else 0x2002, s.ip_bytes()))),
    lambda s: on_ip(47, t.gre(0x2000, t.IPV4, s.ip_bytes(), b"\0\0\0\x4d")),
    lambda s: on_ip(47, t.gre(0x1000, 0x88BE, t.erspan2(s.bytes()), b"\0\0\0\1")),
    lambda s: on_ip(4, s.ip_bytes()),
    lambda s: t.frame(t.MPLS, t.mpls(2 if upstream(s) else 1, s.ip_bytes(), ttl=201)),
    lambda s: t.frame(t.PPPOE, t.pppoe(t.ppp(0x0021, s.ip_bytes()))),
]


def packets():
    parts = []
    for i, wrap in enumerate(WRAPS):
        c = Conversation("10.0.1.7", 40001 + i, SERVER, 8080).wait(i)
        c.handshake().client_sends(800).wait(0.05).server_rst()
        parts.append(t.carried(c.packets, wrap))
    return merge(*parts)
