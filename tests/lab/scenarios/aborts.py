# SPDX-License-Identifier: Apache-2.0
"""An endpoint ends a live connection with a reset: the server's application, or the client's."""
import os
import signal
import socket
import threading
import time

from context import (
    RESPONSE,
    Connection,
    Expect,
    abort,
    exchange,
    linger0,
    recv_exact,
    request,
    scenario,
    vanish,
    wait_reset,
)


@scenario(
    "app_abort_unread",
    "the server closes with part of the request unread",
    Expect("app_abort_unread", ("server",), ("request",), ("reset",), kernel="server:TCP_ABORT_ON_CLOSE"),
)
def app_abort_unread(t):
    listener = t.listen()
    for i in range(t.n):
        c = t.pair(listener, i)
        t.expect(c)
        c.client.sendall(request(i) + b"x" * 400)
        recv_exact(c.server, 100)
        time.sleep(0.15)
        c.server.close()
        wait_reset(c.client)
        c.close()


@scenario(
    "app_abort_linger0",
    "the server answers fully, then closes with SO_LINGER 0",
    Expect("app_abort_linger0", ("server",), ("exchange",), ("reset",), kernel="server:TCP_STATE|TCP_ABORT_ON_LINGER"),
)
def app_abort_linger0(t):
    listener = t.listen()

    def one(c):
        t.expect(c)
        for i in range(2):
            exchange(c, i)
            time.sleep(0.1)
        abort(c.server)
        wait_reset(c.client)
        c.close()

    t.each(one, t.pairs(listener))


@scenario(
    "client_cancel",
    "the client goes away while the answer is still flowing",
    Expect(
        "client_cancel",
        ("client",),
        ("exchange",),
        ("reset",),
        # All that was sent may just have been acknowledged: whether more was to come stands in the payload only.
        also_ok=("client_fast_close",),
        kernel="client:TCP_ABORT_ON_CLOSE|TCP_STATE|TCP_ABORT_ON_DATA|NO_SOCKET",
    ),
)
def client_cancel(t):
    listener = t.listen()

    def serve(c):
        try:
            c.server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n")
            for _ in range(800):
                c.server.sendall(b"d" * 10000)
        except OSError:
            pass

    def one(pair):
        i, c = pair
        t.expect(c, "close with unread data" if i % 2 else "SO_LINGER 0")
        c.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.client.sendall(request(i))
        recv_exact(c.server, len(request(i)))
        server = threading.Thread(target=serve, args=(c,))
        server.start()
        for _ in range(20):  # read slowly, then lose patience
            c.client.recv(4096)
            time.sleep(0.01)
        if not i % 2:
            linger0(c.client)
        c.client.close()
        server.join()
        c.close()

    t.each(one, list(enumerate(t.pairs(listener))))


@scenario(
    "client_cancel_curl",
    "curl is killed in the middle of a download from nginx",
    Expect(
        "client_cancel",
        ("client",),
        ("exchange", "closing"),
        ("reset",),
        also_ok=("client_fast_close",),
        kernel="client:TCP_ABORT_ON_CLOSE|TCP_ABORT_ON_DATA|NO_SOCKET",
    ),
    needs=("nginx", "curl"),
)
def client_cancel_curl(t):
    port = t.port()
    directory = nginx(t, port, "limit_rate 400k; location / { root %(root)s; }")
    with open(os.path.join(directory, "www", "big.bin"), "wb") as f:
        f.truncate(50_000_000)
    host = t.server_ip() if t.family == 4 else f"[{t.server_ip()}]"

    def one(i):
        c = curl_connection(t, port, i)
        t.expect(c, "curl killed")
        p = t.start(
            t.network.client,
            "curl",
            "-s",
            "--limit-rate",
            "100k",
            "--interface",
            c.client_ip,
            "--local-port",
            str(c.client_port),
            "-o",
            "/dev/null",
            f"http://{host}:{port}/big.bin",
        )
        time.sleep(0.8)
        t.lab.processes.stop(p, sig=signal.SIGKILL)

    t.each(one)
    time.sleep(0.3)


def curl_connection(t, port, i):
    """curl holds the socket: only its addresses are known, its local port because we choose it."""
    return Connection(None, None, t.client_ip(i), 61000 + (port + i * 37) % 4000, t.server_ip(), port, time.time_ns())


def nginx(t, port, location, extra=""):
    """Starts nginx on `port` of the server; `location` is server-block text. Returns its directory."""
    d = t.directory()
    os.makedirs(os.path.join(d, "www"), exist_ok=True)
    host = t.server_ip() if t.family == 4 else f"[{t.server_ip()}]"
    temp = "\n".join(f"{k}_temp_path {d}/tmp;" for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open(os.path.join(d, "www", "index.html"), "w", encoding="ascii") as f:
        f.write("hello\n" * 50)
    with open(os.path.join(d, "nginx.conf"), "w", encoding="ascii") as f:
        f.write(
            f"daemon off; worker_processes 1; pid {d}/pid; error_log {d}/error.log;\n"
            f"events {{ worker_connections 512; }}\nhttp {{ {temp}\naccess_log off;\n{extra}\n"
            f"server {{ listen {host}:{port}; {location % {'root': d + '/www'}} }} }}\n"
        )
    t.start(
        t.network.server,
        "nginx",
        "-c",
        os.path.join(d, "nginx.conf"),
        "-e",
        os.path.join(d, "error.log"),
        ready_port=port,
    )
    return d


@scenario(
    "client_fast_close",
    "the client has the whole answer and resets instead of closing",
    Expect("client_fast_close", ("client",), ("exchange",), ("reset",), kernel="client:TCP_STATE|TCP_ABORT_ON_CLOSE"),
)
def client_fast_close(t):
    listener = t.listen()

    def one(pair):
        i, c = pair
        if i % 2 == 0:
            t.expect(c, "keep-alive answer, then SO_LINGER 0")
            exchange(c, i)
            time.sleep(0.1)
        else:
            t.expect(c, "answer and FIN of the server, then SO_LINGER 0", stage=("closing",))
            c.client.sendall(request(i))
            recv_exact(c.server, len(request(i)))
            c.server.sendall(RESPONSE)
            c.server.shutdown(socket.SHUT_WR)
            recv_exact(c.client, len(RESPONSE))
            c.client.recv(1)
            time.sleep(0.1)
        abort(c.client)
        time.sleep(0.1)
        c.close()

    t.each(one, list(enumerate(t.pairs(listener))))


@scenario(
    "host_restart_stale",
    "the server's host lost the connection's state without a word; the client writes",
    Expect("host_restart_stale", ("server",), ("idle", "exchange"), ("reset",), kernel="server:NO_SOCKET|TCP_FLAGS"),
    seconds=4,
)
def host_restart_stale(t):
    again, gone = t.listen(), t.listen()
    live = []
    for i in range(t.n):
        c = t.pair(again if i % 2 == 0 else gone, i)
        t.expect(c, "the service is up again" if i % 2 == 0 else "the service is not back yet")
        live.append(c)

    def lose(c):
        exchange(c)
        time.sleep(0.2)
        vanish(c.server)

    t.each(lose, live)
    gone.close()
    time.sleep(3.0)

    def write(c):
        c.client.send(request(9))
        wait_reset(c.client)
        c.close()

    t.each(write, live)


@scenario(
    "early_response_abort",
    "the server answers 413 while the client is still uploading, and closes",
    Expect(
        "early_response_abort",
        ("server",),
        ("exchange", "request"),
        ("reset",),
        kernel="server:TCP_ABORT_ON_CLOSE",
    ),
    core=False,
)
def early_response_abort(t):
    listener = t.listen()
    answer = b"HTTP/1.1 413 Request Entity Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    def serve(c):
        c.server.recv(1000)
        c.server.sendall(answer)
        time.sleep(0.03)
        c.server.close()

    def one(pair):
        i, c = pair
        t.expect(c)
        server = threading.Thread(target=serve, args=(c,))
        server.start()
        try:
            c.client.sendall(b"POST /upload HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 900000\r\n\r\n")
            for _ in range(100):
                c.client.sendall(b"u" * 5000)
                time.sleep(0.002)
        except OSError:
            pass
        server.join()
        c.close()

    t.each(one, list(enumerate(t.pairs(listener))))
