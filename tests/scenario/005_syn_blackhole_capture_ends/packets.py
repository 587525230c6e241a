# SPDX-License-Identifier: Apache-2.0
"""As 004, but the capture ends while the client still tries: four SYNs without an answer tell enough."""
from builder import Conversation, CLIENT


def packets():
    silent = Conversation("10.0.1.7", 40001, "10.0.2.9", 8443).syn()
    for pause in (1, 2, 4):
        silent.wait(pause).retransmit(CLIENT)
    return silent.packets
