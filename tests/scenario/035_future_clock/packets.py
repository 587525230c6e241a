# SPDX-License-Identifier: Apache-2.0
"""The capturing machine's clock is wrong by decades: the packets come from the year 2095. Its endings are shown all
the same."""
from builder import Conversation, SECOND


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080, start_ns=3_950_000_000 * SECOND)
    return c.handshake().client_sends(800).wait(0.05).server_rst().packets
