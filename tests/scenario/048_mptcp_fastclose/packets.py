# SPDX-License-Identifier: Apache-2.0
"""MPTCP's abrupt close (RFC 8684 3.5): one end sends MP_FASTCLOSE on an ACK and the other answers with a RST; or it
comes on the RST itself."""
from builder import Conversation, CLIENT, SERVER, merge

FASTCLOSE = (30, b"\x70\x00" + bytes(range(8)))


def talk(port):
    c = Conversation("10.0.1.7", port, "10.0.2.9", 2002)
    return c.handshake().client_sends(100).server_sends(200).wait(0.4)


def packets():
    asked = talk(40001)
    fast = asked.segment(CLIENT, "A")
    asked.add(CLIENT, fast.set(options=[*fast.options, FASTCLOSE])).wait(0.001).server_rst()
    itself = talk(40002)
    rst = itself.rst_segment(SERVER)
    itself.add(SERVER, rst.set(options=[*rst.options, FASTCLOSE]))
    return merge(asked, itself)
