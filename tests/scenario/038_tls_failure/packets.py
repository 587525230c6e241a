# SPDX-License-Identifier: Apache-2.0
"""The client does not know the CA: a fatal alert, then it resets; the server's own alert to a second client."""
from builder import Conversation, merge


HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
FLIGHT = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(2500)


def alert(description):
    return bytes([0x15, 3, 3, 0, 2, 2, description])


def packets():
    a = Conversation("10.0.1.7", 40001, "10.0.2.9", 443)
    a.handshake().client_sends(HELLO).server_sends(FLIGHT).client_sends(alert(48), acked=False).client_rst()
    b = Conversation("10.0.1.7", 40002, "10.0.2.9", 443)
    b.handshake().client_sends(HELLO).server_sends(alert(40)).wait(0.001).server_rst()
    return merge(a, b)
