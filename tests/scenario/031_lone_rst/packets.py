# SPDX-License-Identifier: Apache-2.0
"""One RST and nothing else: no connection, no trigger, nothing to tell a cause from."""
from builder import Packet, Segment, START_NS


def packets():
    rst = Segment("10.0.2.9", 8080, "10.0.1.7", 40001, "R", seq=4711, ttl=63, window=0)
    return [Packet(rst.bytes(), START_NS, rst)]
