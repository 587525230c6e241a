# SPDX-License-Identifier: Apache-2.0
"""A mirror of a router's ingress and egress shows each packet twice, the copy with one hop less. One connection, one
reset."""
from builder import Conversation, Packet, merge


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    c.handshake().client_sends(800).wait(0.05).server_rst()
    doubled = []
    for p in c.packets:
        copy = p.segment.copy(ttl=p.segment.ttl - 1, mac_src=9, mac_dst=8)
        doubled += [p, Packet(copy.bytes(), p.time + 12_000, copy)]
    return merge(doubled)
