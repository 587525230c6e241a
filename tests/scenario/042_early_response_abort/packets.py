# SPDX-License-Identifier: Apache-2.0
"""413 while the upload is still on its way: the rest of it is never read, and the server resets."""
from builder import Conversation


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 80)
    c.handshake().client_sends(b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" + b"u" * 5000)
    c.server_sends(b"HTTP/1.1 413 Request Entity Too Large\r\nConnection: close\r\n\r\n")
    return c.client_sends(b"u" * 6000).wait(0.001).server_rst().packets
