# SPDX-License-Identifier: Apache-2.0
"""Connections that end as they should: nothing may be reported."""
import socket
import threading
import time

from context import Expect, exchange, recv_all, recv_exact, scenario
from scenarios.aborts import nginx


def finish(first, second):
    first.shutdown(socket.SHUT_WR)
    recv_all(second)
    second.shutdown(socket.SHUT_WR)
    recv_all(first)


@scenario(
    "clean_close",
    "orderly closes: by the client, by the server, by both, half-closed, large, idle",
    Expect("unknown"),
    seconds=3,
)
def clean_close(t):
    listener = t.listen()

    def one(pair):
        i, c = pair
        kind = ("client first", "server first", "both at once", "half-closed", "large answer", "idle before the close")[
            i % 6
        ]
        t.expect_clean(c, kind)
        exchange(c, i)
        if kind == "client first":
            finish(c.client, c.server)
        elif kind == "server first":
            finish(c.server, c.client)
        elif kind == "both at once":
            c.client.shutdown(socket.SHUT_WR)
            c.server.shutdown(socket.SHUT_WR)
            recv_all(c.client), recv_all(c.server)
        elif kind == "half-closed":
            c.client.shutdown(socket.SHUT_WR)
            recv_all(c.server)
            for _ in range(5):
                c.server.sendall(b"late but welcome\n")
                time.sleep(0.05)
            c.server.shutdown(socket.SHUT_WR)
            recv_all(c.client)
        elif kind == "large answer":
            reader = threading.Thread(target=recv_exact, args=(c.client, 2_000_000))
            reader.start()
            c.server.sendall(b"L" * 2_000_000)
            reader.join()
            finish(c.server, c.client)
        else:
            time.sleep(2.2)
            exchange(c, i)
            finish(c.client, c.server)
        c.close()

    t.each(one, [(k, t.pair(listener, k)) for k in range(max(6, t.n))])


@scenario("clean_nginx", "plain HTTP requests to nginx, closed by either side", Expect("unknown"), needs=("nginx",))
def clean_nginx(t):
    port = t.port()
    nginx(t, port, "keepalive_timeout 1s; location / { root %(root)s; }")

    def one(i):
        c = t.connect(port, i)
        close = i % 2 == 0
        t.expect_clean(c, "Connection: close" if close else "nginx's keepalive timeout, client closes too")
        header = b"Connection: close\r\n" if close else b""
        c.client.sendall(b"GET / HTTP/1.1\r\nHost: shop.example\r\n" + header + b"\r\n")
        recv_all(c.client)
        c.close()

    t.each(one)


@scenario("clean_empty", "connections opened and closed without a byte", Expect("unknown"))
def clean_empty(t):
    listener = t.listen()
    for i in range(t.n):
        c = t.pair(listener, i)
        t.expect_clean(c)
        (finish(c.client, c.server) if i % 2 else finish(c.server, c.client))
        c.close()
