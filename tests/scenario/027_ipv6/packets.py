# SPDX-License-Identifier: Apache-2.0
"""IPv6 has no IP-ID: the flow label takes its place. A closed port (label set), a host firewall (label 0) and an
abort that keeps the connection's label."""
from builder import Conversation, CLIENT, merge

CLIENT_IP, SERVER_IP = "2001:db8:1::7", "2001:db8:2::9"


def packets():
    known = Conversation(CLIENT_IP, 40000, SERVER_IP, 80)
    known.handshake().client_sends(100).server_sends(500).client_fin().server_fin()
    closed = Conversation(CLIENT_IP, 40001, SERVER_IP, 8080).wait(2)
    closed.stack(CLIENT, tos=0x10).syn().wait(0.001).server_rst("stateless")
    rejected = Conversation(CLIENT_IP, 40002, SERVER_IP, 3306).wait(4)
    rejected.stack(CLIENT, tos=0x10).syn().wait(0.001).server_rst("reject")
    aborted = Conversation(CLIENT_IP, 40003, SERVER_IP, 80).wait(6)
    aborted.handshake().client_sends(800).wait(0.05).server_rst()
    return merge(known, closed, rejected, aborted)
