# SPDX-License-Identifier: Apache-2.0
"""A reset that copies the exact sequence number but not TTL and IP-ID; the real server's answer arrives behind it."""
from builder import Conversation, SERVER


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 80, rtt=(0.001, 0.030))
    c.handshake().client_sends(200).server_sends(600).client_sends(b"GET /forbidden HTTP/1.1\r\n\r\n", acked=False)
    c.wait(0.002).inject(c.segment(SERVER, "RA", options=[], ttl=41, ipid=0xfedc, window=0))
    return c.wait(0.028).server_sends(1448, acked=False).server_sends(900, acked=False).packets
