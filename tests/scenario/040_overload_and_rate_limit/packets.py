# SPDX-License-Identifier: Apache-2.0
"""Servers that say they are full, or that this client asks too much, and reset."""
from builder import Conversation, merge


def told(port, server_port, request, answer):
    c = Conversation("10.0.1.7", port, "10.0.2.9", server_port)
    c.handshake()
    if request:
        c.client_sends(request)
    return c.server_sends(answer).wait(0.001).server_rst()


def packets():
    get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    return merge(
        told(40001, 80, get, b"HTTP/1.1 503 Service Unavailable\r\nServer: nginx\r\n\r\n"),
        told(40002, 3306, b"", b"\x17\0\0\0\xff\x10\x04Too many connections"),
        told(40003, 6379, b"PING\r\n", b"-ERR max number of clients reached\r\n"),
        told(40004, 80, get, b"HTTP/1.1 429 Too Many Requests\r\n\r\n"),
        told(40005, 22, b"", b"Exceeded MaxStartups\r\n"),
        # The old answer to an earlier request says nothing of this ending: a new request stands unanswered.
        told(40006, 80, get, b"HTTP/1.1 429 Too Many Requests\r\n\r\n").packets[:-1],
        later())


def later():
    c = Conversation("10.0.1.7", 40007, "10.0.2.9", 80)
    get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    c.handshake().client_sends(get).server_sends(b"HTTP/1.1 429 Too Many Requests\r\n\r\n").wait(0.3)
    return c.client_sends(get).wait(0.05).server_rst()
