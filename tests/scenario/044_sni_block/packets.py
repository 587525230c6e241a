# SPDX-License-Identifier: Apache-2.0
"""A filter does not like the name in the ClientHello: resets for both sides, in their names, with its own TTL."""
import struct

from builder import CLIENT, Conversation, SERVER


NAME = b"blocked.example.org"
SNI = b"\0\0" + struct.pack("!HHBH", len(NAME) + 5, len(NAME) + 3, 0, len(NAME)) + NAME
# A key share as large as X25519MLKEM768's stands first: the name comes in the second segment.
SHARE = struct.pack("!HH", 51, 1500) + bytes(1500)
BODY = b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + struct.pack("!H", len(SHARE + SNI)) + SHARE + SNI
HELLO = b"\x16\3\1" + struct.pack("!HBBH", len(BODY) + 4, 1, 0, len(BODY)) + BODY


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 443)
    c.handshake().client_sends(HELLO).wait(0.0002)
    c.inject(c.segment(SERVER, "RA", options=[], ttl=200, ipid=0x1111, window=0)).wait(0.00005)
    return c.inject(c.segment(CLIENT, "RA", options=[], ttl=200, ipid=0x1112, window=0)).packets
