# SPDX-License-Identifier: Apache-2.0
"""The same four numbers twice, both times with a reset: two connections, two endings, each with its own cause."""
from builder import Conversation, merge


def packets():
    first = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    first.handshake().client_sends(800).wait(0.05).server_rst()
    second = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080, isn=(900000, 800000)).wait(5)
    second.handshake().client_sends(200).server_sends(500).client_sends(200).server_sends(500)
    second.wait(0.1).server_rst()
    return merge(first, second)
