# SPDX-License-Identifier: Apache-2.0
"""A connection inside one VLAN, and one whose directions are mirrored from two VLANs, as a firewall's two sides are:
both are one connection each."""
from builder import Conversation, Packet, merge


def packets():
    inside = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080, vlan=7)
    inside.handshake().client_sends(800).wait(0.05).server_rst()
    across = Conversation("10.0.1.7", 40002, "10.0.2.9", 8080).wait(1)
    across.handshake().client_sends(800).wait(0.05).server_rst()
    tagged = [p.segment.copy(vlans=[(0x8100, 10 if p.segment.sport == 40002 else 20)]) for p in across.packets]
    return merge(inside, [Packet(s.bytes(), p.time, s) for s, p in zip(tagged, across.packets)])
