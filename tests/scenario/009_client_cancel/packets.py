# SPDX-License-Identifier: Apache-2.0
"""The client aborts while the response streams; what is still in flight draws stateless RSTs from it. One ending, not
three."""
from builder import Conversation


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 443)
    c.handshake().client_sends(300).server_sends(20000).server_sends(5000, acked=False).wait(0.001).client_rst()
    c.server_sends(1448, acked=False).wait(0.0002).client_rst("stateless")
    return c.server_sends(1448, acked=False).wait(0.0002).client_rst("stateless").packets
