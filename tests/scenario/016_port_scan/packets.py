# SPDX-License-Identifier: Apache-2.0
"""nmap -sS: SYNs with window 1024 and nothing but an MSS. Open ports answer and the scanner's kernel resets them;
closed ports refuse."""
from builder import Conversation, CLIENT, merge

OPEN = (22, 80, 443)


def packets():
    parts = []
    for i, port in enumerate(range(20, 40)):
        parts.append(probe(50000, port, i))
    for i, port in enumerate(OPEN[1:]):
        parts.append(probe(50000, port, 20 + i))
    return merge(*parts)


def probe(source, port, i):
    c = Conversation("10.0.9.9", source, "10.0.2.9", port).wait(0.01 * i)
    c.stack(CLIENT, timestamps=False, ttl=52)
    syn = c.segment(CLIENT, "S", window=1024, df=False, ipid=31337 + 7 * i, options=[(2, b"\x05\xb4")])
    c.add(CLIENT, syn)
    if port in OPEN:
        return c.syn_ack().wait(0.0005).client_rst("stateless")
    return c.wait(0.001).server_rst("stateless")
