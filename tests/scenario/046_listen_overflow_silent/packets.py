# SPDX-License-Identifier: Apache-2.0
"""The accept queue is full: the handshake's ACK is dropped and the SYN-ACK comes again and again.
One lost ACK is no overflow."""
from builder import CLIENT, Conversation, SECOND, SERVER, merge


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 3306)
    c.handshake()
    for wait in (1, 2, 4, 8, 16):
        c.wait(wait).retransmit(SERVER).ack(CLIENT)
    once = Conversation("10.0.1.7", 40002, "10.0.2.9", 3306)
    once.handshake().wait(1).retransmit(SERVER).ack(CLIENT)
    after = Conversation("10.0.1.9", 40003, "10.0.2.9", 3306, start_ns=c.now + 200 * SECOND)
    return merge(c, once, after.handshake().client_sends(10).client_fin().server_fin())
