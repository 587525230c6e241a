# SPDX-License-Identifier: Apache-2.0
"""Both sequence spaces wrap in the middle of the transfer; the abort after it is still exact."""
from builder import Conversation


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080, isn=(0xFFFFFF00, 0xFFFFF000))
    c.handshake().client_sends(600).server_sends(30000).client_sends(600).server_sends(100)
    return c.wait(0.1).server_rst().packets
