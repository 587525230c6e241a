# SPDX-License-Identifier: Apache-2.0
"""Only the server's direction is captured: SYN-ACK, acknowledgements, data, then its abort."""
from builder import Conversation


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    c.handshake().client_sends(200).server_sends(5000).client_sends(100).wait(0.01).server_rst()
    return [p for p in c.packets if p.segment.sport == 8080]
