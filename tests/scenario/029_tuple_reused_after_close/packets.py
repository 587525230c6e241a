# SPDX-License-Identifier: Apache-2.0
"""The same four numbers twice: the first connection closes cleanly, the second, seconds later, is aborted."""
from builder import Conversation, merge


def packets():
    first = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    first.handshake().client_sends(200).server_sends(500).client_fin().server_fin()
    second = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080, isn=(900000, 800000)).wait(5)
    second.handshake().client_sends(800).wait(0.05).server_rst()
    return merge(first, second)
