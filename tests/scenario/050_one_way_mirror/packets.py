# SPDX-License-Identifier: Apache-2.0
"""Only what clients send is mirrored. Connections come and go; one client's SYN and its repeats see no answer here,
which says nothing: the server may have refused it."""
from builder import CLIENT, Conversation, merge


def only_client(c):
    return [p for p in c.packets if str(p.segment.src) == c.ends[CLIENT].ip]


def packets():
    parts = []
    for i in range(8):
        c = Conversation("10.0.1.7", 41000 + i, "10.0.2.9", 80).wait(0.3 * i)
        c.handshake().client_sends(100).server_sends(500).client_fin().server_fin()
        parts.append(only_client(c))
    refused = Conversation("10.0.1.7", 42000, "10.0.2.8", 80).wait(4).syn()
    for gap in (1, 2, 4):
        refused.wait(gap).retransmit(CLIENT)
    parts.append(refused)
    last = Conversation("10.0.1.7", 43000, "10.0.2.9", 80).wait(60)
    parts.append(only_client(last.handshake().client_sends(100).server_sends(500).client_fin().server_fin()))
    return merge(*parts)
