# SPDX-License-Identifier: Apache-2.0
"""A browser's request meets SSH, a request in plain text meets TLS: neither end understands the other."""
from builder import Conversation, merge


def packets():
    a = Conversation("10.0.1.7", 40001, "10.0.2.9", 22)
    a.handshake().client_sends(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    a.server_sends(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\nInvalid SSH identification string.\r\n").wait(0.001).server_rst()
    b = Conversation("10.0.1.7", 40002, "10.0.2.9", 443)
    b.handshake().client_sends(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    b.server_sends(b"\x15\x03\x01\x00\x02\x02\x46").wait(0.001).server_rst()
    return merge(a, b)
