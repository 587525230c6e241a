# SPDX-License-Identifier: Apache-2.0
"""Five connections rest; the server restarts without a FIN to anyone and knows none of them afterwards. Its timestamp
clock starts anew, as a fresh connection shows."""
from builder import Conversation, SERVER, merge


def packets():
    parts = []
    for i in range(5):
        c = Conversation("10.0.1.7", 40001 + i, "10.0.2.9", 5432).wait(0.1 * i)
        c.handshake().client_sends(200).server_sends(500)
        parts.append(c)
    fresh = Conversation("10.0.1.7", 41000, "10.0.2.9", 5432).wait(36)
    fresh.stack(SERVER, ts_base=1000 - 36000).handshake().client_sends(200).server_sends(500)
    fresh.client_fin().server_fin()
    for i, c in enumerate(parts):
        c.wait(37 + 0.3 * i).client_sends(150, acked=False).wait(0.001).server_rst("stateless")
    return merge(*parts, fresh)
