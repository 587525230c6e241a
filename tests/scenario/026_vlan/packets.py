# SPDX-License-Identifier: Apache-2.0
"""The same addresses and ports live in two VLANs at once: one connection is reset, the other closes cleanly."""
from builder import Conversation, merge


def packets():
    ten = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080, vlan=10)
    ten.handshake().client_sends(800).wait(0.05).server_rst()
    twenty = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080, vlan=20, isn=(70000, 90000)).wait(0.0005)
    twenty.handshake().client_sends(800).server_sends(400).client_fin().server_fin()
    return merge(ten, twenty)
