# SPDX-License-Identifier: Apache-2.0
"""The server acknowledges the request, never answers it and aborts: closed with the request unread."""
from builder import Conversation


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    return c.handshake().client_sends(800).wait(0.05).server_rst().packets
