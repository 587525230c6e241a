# SPDX-License-Identifier: Apache-2.0
"""Request and response are balanced, nothing is in flight, and the server aborts its live socket: SO_LINGER 0."""
from builder import Conversation


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    c.handshake().client_sends(200).server_sends(4000).client_sends(200).server_sends(300)
    return c.wait(0.1).server_rst().packets
