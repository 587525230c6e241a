# SPDX-License-Identifier: Apache-2.0
"""A scrubbing device answers the first SYN with a SYN-ACK that acknowledges nonsense; the
client's kernel resets and tries again."""
from builder import CLIENT, Conversation, SERVER, merge


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 80)
    c.syn().wait(0.001)
    wrong = c.segment(SERVER, "SA", ack=0x12345678)
    c.inject(wrong).wait(0.0003)
    c.inject(c.segment(CLIENT, "R", seq=wrong.ack, options=[], window=0, ipid=0)).wait(1.0)
    again = Conversation("10.0.1.7", 40001, "10.0.2.9", 80, start_ns=c.now, isn=(1000, 77000))
    return merge(c, again.handshake().client_sends(80).server_sends(500).client_fin().server_fin())
