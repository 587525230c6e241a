# SPDX-License-Identifier: Apache-2.0
"""The response is complete and acknowledged; the client leaves with an RST instead of FIN. Once before and once after
the server's FIN: harmless both times."""
from builder import Conversation, merge


def packets():
    before = Conversation("10.0.1.7", 40001, "10.0.2.9", 80)
    before.handshake().client_sends(300).server_sends(9000).wait(0.01).client_rst()
    after = Conversation("10.0.1.7", 40002, "10.0.2.9", 80).wait(1)
    after.handshake().client_sends(300).server_sends(9000).server_fin().wait(0.01).client_rst()
    return merge(before, after)
