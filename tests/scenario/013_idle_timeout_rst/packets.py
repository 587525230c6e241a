# SPDX-License-Identifier: Apache-2.0
"""After 300 s of silence a load balancer resets both sides in the same instant, unasked, with its own TTL."""
from builder import Conversation, CLIENT, SERVER


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    c.handshake().client_sends(200).server_sends(500).wait(300)
    c.inject(c.segment(SERVER, "RA", options=[], ttl=255, ipid=0x1111, window=0)).wait(0.00005)
    c.inject(c.segment(CLIENT, "RA", options=[], ttl=255, ipid=0x1112, window=0))
    return c.packets
