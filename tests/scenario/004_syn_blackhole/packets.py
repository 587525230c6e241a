# SPDX-License-Identifier: Apache-2.0
"""SYN after SYN, never an answer of any kind, while the capture goes on for minutes."""
from builder import Conversation, CLIENT, merge


def packets():
    silent = Conversation("10.0.1.7", 40001, "10.0.2.9", 8443).syn()
    for pause in (1, 2, 4, 8, 16, 32):
        silent.wait(pause).retransmit(CLIENT)
    later = Conversation("10.0.1.7", 40002, "10.0.3.3", 80).wait(300)
    later.handshake().client_sends(100).server_sends(500).client_fin().server_fin()
    return merge(silent, later)
