# SPDX-License-Identifier: Apache-2.0
"""Three forged RST|ACK after a GET, at X, X+1460 and X+4380 with changing TTLs: the known ladder of an injector that
cannot know what the server will have sent."""
from builder import Conversation, SERVER


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 80, rtt=(0.001, 0.050))
    c.handshake().client_sends(b"GET /search?q=x HTTP/1.1\r\nHost: example.com\r\n\r\n", acked=False)
    base = c.ends[SERVER].next_seq
    c.wait(0.003)
    for i, step in enumerate((0, 1460, 4380)):
        forged = c.segment(SERVER, "RA", options=[], ttl=90 + 13 * i, ipid=0x2200 + 999 * i, window=1980 + i)
        c.inject(forged.set(seq=base + step)).wait(0.00002)
    return c.wait(0.047).server_sends(1448, acked=False).packets
