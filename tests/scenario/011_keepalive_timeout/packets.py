# SPDX-License-Identifier: Apache-2.0
"""The peer has vanished: three keepalive probes at equal distance stay unanswered, one interval later the prober
aborts."""
from builder import Conversation, CLIENT


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 5432)
    c.handshake().client_sends(200).server_sends(500).wait(60)
    for _ in range(3):
        c.keepalive_probe(CLIENT).wait(10)
    return c.client_rst().packets
