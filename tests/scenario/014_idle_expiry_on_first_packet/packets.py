# SPDX-License-Identifier: Apache-2.0
"""After 350 s of silence the first packet is answered with an RST that has another TTL than the server: a device on
the path has forgotten the connection."""
from builder import Conversation


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    c.handshake().client_sends(200).server_sends(500).wait(350)
    return c.client_sends(100, acked=False).wait(0.0002).server_rst("stateless", ttl=64).packets
