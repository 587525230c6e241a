# SPDX-License-Identifier: Apache-2.0
"""The capturing machine had no clock: its first packet has time 0. Zero is a time, not the absence of one."""
from builder import Conversation


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080, start_ns=0)
    return c.handshake().client_sends(800).wait(0.05).server_rst().packets
