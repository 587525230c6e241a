# SPDX-License-Identifier: Apache-2.0
"""The server's own firewall rejects: as a closed port, but the RST does not carry the SYN's TOS (netfilter writes 0).
The TTL is the server's, so the firewall is on the server."""
from builder import Conversation, CLIENT, merge


def packets():
    known = Conversation("10.0.1.7", 40000, "10.0.2.9", 80)
    known.handshake().client_sends(100).server_sends(500).client_fin().server_fin()
    rejected = Conversation("10.0.1.7", 40001, "10.0.2.9", 3306).wait(2)
    rejected.stack(CLIENT, tos=0x10).syn().wait(0.001).server_rst("reject")
    return merge(known, rejected)
