# SPDX-License-Identifier: Apache-2.0
"""Devices that write into the RST why they send it: F5 in its payload, NetScaler in its window, a CBOR code."""
from builder import Conversation, merge


def reset(port, wait, server_port=80, **fields):
    c = Conversation("10.0.1.7", port, "10.0.2.9", server_port)
    c.handshake().client_sends(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    c.server_sends(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500)
    return c.wait(wait).client_sends(b"GET /b HTTP/1.1\r\n\r\n").wait(0.001).server_rst(options=[], **fields)


def packets():
    refused = Conversation("10.0.1.7", 40005, "10.0.2.9", 81)
    refused.syn().wait(0.001)
    refused.server_rst("stateless", payload=b"BIG-IP: [0x235ef8f:2618] No local listener")
    return merge(
        reset(40001, 0.4, window=0, payload=b"BIG-IP: [0x2664c65:2574] {peer} TCP RST from remote system"),
        reset(40002, 301.0, window=0, payload=b"BIG-IP: [0x2664c65:2574] No flow found for ACK"),
        reset(40003, 180.0, window=9300),
        reset(40004, 0.4, window=0, payload=b"\x19\x30\x39\xa1\x01\x0a"),
        refused)
