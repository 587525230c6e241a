# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL ends a session on purpose and says so; MariaDB is shut down."""
from builder import Conversation, merge


def packets():
    a = Conversation("10.0.1.7", 40001, "10.0.2.9", 5432)
    a.handshake().client_sends(b"\0\0\0\x29\0\x03\0\0user\0joe\0").server_sends(b"R\0\0\0\x08\0\0\0\0").wait(7.3)
    a.server_sends(b"E\0\0\0\x6dSFATAL\0VFATAL\0C57P01\0Mterminating connection due to").wait(0.001).server_rst()
    b = Conversation("10.0.1.7", 40002, "10.0.2.9", 3306)
    b.handshake().server_sends(b"\x4a\0\0\0\x0a10.11.4-MariaDB\0").client_sends(b"\x20\0\0\x01" + bytes(32))
    b.server_sends(b"\x07\0\0\x02\0\0\0\x02\0\0\0").wait(3.7)
    b.server_sends(b"\x1d\0\0\0\xff\x1d\x04#08S01Server shutdown in progress").wait(0.001).server_rst()
    return merge(a, b)
