# SPDX-License-Identifier: Apache-2.0
"""The server has closed with a FIN; the client writes afterwards and is told off."""
import time

from context import Expect, exchange, recv_all, recv_exact, request, scenario
from scenarios.aborts import nginx

LATE = "server:TCP_ABORT_ON_DATA|TCP_TIMEWAIT_SOCKET|TCP_FLAGS|NO_SOCKET"


@scenario(
    "close_then_late_data",
    "the server closes after an answer; the client writes half a second later",
    Expect("close_then_late_data", ("server",), ("closing", "closed"), ("reset",), kernel=LATE),
)
def close_then_late_data(t):
    listener = t.listen()

    def one(pair):
        i, c = pair
        careless = i % 2 == 1
        if careless:
            t.expect(c, "writes, then sees the end and closes", stage=("closing", "closed"))
        else:
            t.expect(c, "writes and waits")
        exchange(c)
        c.server.close()
        time.sleep(0.5)
        c.client.send(request(2))
        if careless:
            c.client.recv(100)
        else:
            time.sleep(0.3)
        c.close()

    t.each(one, list(enumerate(t.pairs(listener))))


@scenario(
    "close_then_late_data_nginx",
    "nginx's keepalive_timeout of 2 s has closed; the client writes a second later",
    Expect("idle_timeout_fin", ("server",), ("closing",), ("reset",), also_ok=("close_then_late_data",), kernel=LATE),
    seconds=5,
    needs=("nginx",),
)
def close_then_late_data_nginx(t):
    port = t.port()
    nginx(t, port, "keepalive_timeout 2s; location / { root %(root)s; }")

    def one(i):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        recv_exact(c.client, 200)
        time.sleep(3.2)
        c.client.send(b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        time.sleep(0.3)
        c.close()

    t.each(one)


@scenario(
    "request_timeout",
    "nginx resets a client that never finishes its request header",
    Expect(
        "request_timeout",
        ("server",),
        ("request", "idle"),
        ("reset",),
        kernel="server:TCP_STATE|TCP_ABORT_ON_CLOSE",
    ),
    core=False,
    seconds=4,
    needs=("nginx",),
)
def request_timeout(t):
    port = t.port()
    nginx(t, port, "client_header_timeout 2s; reset_timedout_connection on; location / { root %(root)s; }")

    def one(i):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(b"GET / HTTP/1.1\r\nHost: shop.exam")
        c.client.settimeout(4)
        recv_all(c.client)
        c.close()

    t.each(one)
