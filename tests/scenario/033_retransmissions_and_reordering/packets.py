# SPDX-License-Identifier: Apache-2.0
"""Lost segments come again, others late; the copies are no new data and the abort after them is still one of unread
data."""
from builder import Conversation, CLIENT


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    c.handshake().client_sends(200).server_sends(6000)
    c.client_sends(500, acked=False).wait(0.3).retransmit(CLIENT).ack(1)
    late = c.packets.pop(6)
    late.time = c.packets[7].time
    c.packets.insert(8, late)
    return c.wait(0.05).server_rst().packets
