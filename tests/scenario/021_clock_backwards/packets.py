# SPDX-License-Identifier: Apache-2.0
"""The capture's clock steps ten seconds back in the middle of a connection. The verdict does not change and nothing
hangs."""
from builder import Conversation


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    c.handshake().client_sends(200).server_sends(500)
    before = list(c.packets)
    c.packets.clear()
    c.client_sends(700).wait(0.05).server_rst()
    for p in c.packets:
        p.time -= 10_000_000_000
    return before + c.packets
