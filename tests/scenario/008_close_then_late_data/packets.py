# SPDX-License-Identifier: Apache-2.0
"""The server closes with FIN, the client acknowledges it and two seconds later still writes: its data meets no
socket."""
from builder import Conversation


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    c.handshake().client_sends(200).server_sends(4000).server_fin()
    return c.wait(2).client_sends(100, acked=False).wait(0.001).server_rst("stateless").packets
