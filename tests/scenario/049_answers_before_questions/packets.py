# SPDX-License-Identifier: Apache-2.0
"""A mirror of two ports, read in turn: what the client sends is seen 300 us late, after what the server answers. A
refusal comes before its SYN, a SYN-ACK too; each connection is still one, and a clean one is none to report."""
from builder import CLIENT, Conversation, merge

LATE_NS = 300_000


def late(c):
    for p in c.packets:
        if str(p.segment.src) == c.ends[CLIENT].ip:
            p.time += LATE_NS
    return sorted(c.packets, key=lambda p: p.time)


def talk(port, server="10.0.2.9"):
    return Conversation("10.0.1.7", port, server, 80, rtt=(0.002, 0.0001))


def packets():
    refused = talk(40001, "10.0.2.8").syn().wait(0.0001).server_rst("stateless")
    aborted = talk(40002).handshake().client_sends(100).wait(0.05).server_rst()
    clean = talk(40003).handshake().client_sends(100).server_sends(100).wait(0.05).client_fin().server_fin()
    return merge(late(refused), late(aborted), late(clean))
