# SPDX-License-Identifier: Apache-2.0
"""Only the client's direction is captured. Its reset is its own; why needs the other half."""
from builder import Conversation


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    c.handshake().client_sends(200).server_sends(5000).client_sends(100).server_sends(300).wait(0.01).client_rst()
    return [p for p in c.packets if p.segment.sport == 40001]
