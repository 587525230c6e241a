# SPDX-License-Identifier: Apache-2.0
"""After three seconds of silence a request comes; the server acknowledges it and 50 ms later aborts without an
answer. The silence ended before: this is no idle timeout, the program left the request unread."""
from builder import Conversation


def packets():
    c = Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)
    c.handshake().client_sends(100).server_sends(300)
    return c.wait(3).client_sends(500).wait(0.05).server_rst().packets
