# SPDX-License-Identifier: Apache-2.0
"""Someone off the path guesses: an RST inside the window but not exact. The client challenges it and the connection
lives on."""
from builder import Conversation, CLIENT, SERVER


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 179)
    c.handshake().client_sends(200).server_sends(500)
    c.inject(c.segment(SERVER, "R", options=[], ttl=47, ipid=0x9999, window=0, ack=0,
                       seq=c.ends[SERVER].next_seq + 9000))
    c.ack(CLIENT)
    for _ in range(4):
        c.wait(0.4).client_sends(200).server_sends(500)
    return c.client_fin().server_fin().packets
