# SPDX-License-Identifier: Apache-2.0
"""Three ways to part as friends: the client first, the server first, both at once. Nothing to report."""
from builder import Conversation, CLIENT, SERVER, merge


def packets():
    first = Conversation("10.0.1.7", 40001, "10.0.2.9", 80)
    first.handshake().client_sends(200).server_sends(5000).client_fin().server_fin()
    second = Conversation("10.0.1.7", 40002, "10.0.2.9", 80).wait(1)
    second.handshake().client_sends(200).server_sends(5000).server_fin().client_fin()
    both = Conversation("10.0.1.7", 40003, "10.0.2.9", 80).wait(2)
    both.handshake().client_sends(200).server_sends(5000).client_fin(acked=False)
    both.add(SERVER, both.segment(SERVER, "FA", ack=both.ends[CLIENT].next_seq - 1))
    return merge(first, second, both.ack(CLIENT).ack(SERVER))
