# SPDX-License-Identifier: Apache-2.0
"""Two forged RST|ACK after an answer, one far behind and one far ahead: nearly half the sequence space lies between
them, as far as two numbers can be apart."""
from builder import Conversation, SERVER


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 80, rtt=(0.001, 0.050))
    c.handshake().client_sends(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n").server_sends(1448).wait(0.003)
    base = c.ends[SERVER].next_seq
    for i, step in enumerate((-0x70000000, 0x10000050)):
        forged = c.segment(SERVER, "RA", options=[], ttl=90 + 13 * i, ipid=0x2200 + 999 * i, window=1980 + i)
        c.inject(forged.set(seq=(base + step) % 2**32)).wait(0.00002)
    return c.wait(0.047).server_sends(1448, acked=False).packets
