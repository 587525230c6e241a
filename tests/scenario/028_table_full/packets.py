# SPDX-License-Identifier: Apache-2.0
"""Room for 2,048 flows, 40 established connections, then 5,000 SYNs of a flood: the flood loses, each established
connection keeps its record and its ending."""
from builder import Conversation, merge


def packets():
    kept = []
    for i in range(40):
        c = Conversation("10.0.1.7", 40000 + i, "10.0.2.9", 8080).wait(0.002 * i)
        kept.append(c.handshake().client_sends(100).server_sends(300))
    flood = []
    for i in range(5000):
        c = Conversation(f"198.51.{i // 250}.{i % 250}", 1024 + i, "10.0.2.10", 80).wait(0.5 + 0.0001 * i)
        flood.append(c.syn())
    for c in kept:
        c.wait(0.8).client_sends(500).wait(0.05).server_rst()
    return merge(*kept, *flood)
