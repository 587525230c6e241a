# SPDX-License-Identifier: Apache-2.0
"""A keep-alive timeout of 65 s ends in a FIN; the client writes long afterwards and is reset.
A close after no silence."""
from builder import Conversation, merge


def packets():
    a = Conversation("10.0.1.7", 40001, "10.0.2.9", 80)
    a.handshake().client_sends(300).server_sends(900).wait(65.002).server_fin().wait(4.2)
    a.client_sends(300, acked=False).wait(0.001).server_rst("stateless")
    b = Conversation("10.0.1.7", 40002, "10.0.2.9", 80)
    b.handshake().client_sends(300).server_sends(900).wait(0.03).server_fin().wait(4.2)
    b.client_sends(300, acked=False).wait(0.001).server_rst("stateless")
    return merge(a, b)
