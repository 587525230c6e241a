# SPDX-License-Identifier: Apache-2.0
"""The same abort in a capture without Ethernet headers (LINKTYPE_RAW)."""
from builder import Conversation, Packet

LINK = 101


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    c.handshake().client_sends(800).wait(0.05).server_rst()
    return [Packet(p.segment.ip_bytes(), p.time, p.segment) for p in c.packets]
