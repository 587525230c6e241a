# SPDX-License-Identifier: Apache-2.0
"""A firewall between tap and server rejects: the RST has the firewall's TTL and comes back far sooner than the server
can answer (20 ms away, as its other connection shows)."""
from builder import Conversation, CLIENT, merge


def packets():
    known = Conversation("10.0.1.7", 40000, "10.0.2.9", 80, rtt=(0.001, 0.020))
    known.stack(1, ttl=57).handshake().client_sends(100).server_sends(500).client_fin().server_fin()
    rejected = Conversation("10.0.1.7", 40001, "10.0.2.9", 3306).wait(2)
    rejected.stack(CLIENT, tos=0x10).syn().wait(0.0004).server_rst("reject", ttl=62)
    return merge(known, rejected)
