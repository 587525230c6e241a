# SPDX-License-Identifier: Apache-2.0
"""Nothing listens: the kernel answers the SYN with RST|ACK and copies its TOS. The server's TTL is known from a clean
connection to another of its ports. The second refusal is unmarked, so its TOS says nothing; the TTL still fits."""
from builder import Conversation, CLIENT, merge


def packets():
    known = Conversation("10.0.1.7", 40000, "10.0.2.9", 80)
    known.handshake().client_sends(100).server_sends(500).client_fin().server_fin()
    marked = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080).wait(2)
    marked.stack(CLIENT, tos=0x10).syn().wait(0.001).server_rst("stateless")
    unmarked = Conversation("10.0.1.7", 40002, "10.0.2.9", 8081).wait(3)
    unmarked.syn().wait(0.001).server_rst("stateless")
    return merge(known, marked, unmarked)
