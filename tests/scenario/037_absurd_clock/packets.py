# SPDX-License-Identifier: Apache-2.0
"""A pcapng whose clock stands where 64 bits of nanoseconds end. The times cannot be true; the ending is, and is
shown."""
from builder import Conversation

FORMAT = "pcapng"


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080, start_ns=(1 << 64) - 505_391_422)
    return c.handshake().client_sends(800).wait(0.05).server_rst().packets
