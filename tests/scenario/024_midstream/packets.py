# SPDX-License-Identifier: Apache-2.0
"""The capture begins in the middle of a connection: which side is the client is a guess (the low port serves), the
abort is clear."""
from builder import Conversation


def packets():
    c = Conversation("10.0.1.7", 50001, "10.0.2.9", 443)
    c.handshake()
    c.packets.clear()
    c.server_sends(500).client_sends(200).server_sends(3000).client_sends(700)
    return c.wait(0.05).server_rst().packets
