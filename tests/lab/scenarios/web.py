# SPDX-License-Identifier: Apache-2.0
"""Web servers and proxies that end a connection for a reason of their own: nginx, HAProxy, Apache, Node."""
import contextlib
import os
import socket
import time

from context import Connection, Expect, exchange, linger0, recv_all, recv_exact, scenario, wait_reset
from net import LabError
from scenarios.aborts import nginx

HEAD = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
UPLOAD = b"POST /upload HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 900000\r\n\r\n"
BODY = b"u" * 4000
LATE = "server:TCP_ABORT_ON_DATA|TCP_TIMEWAIT_SOCKET|TCP_FLAGS|NO_SOCKET"
UNREAD = "server:TCP_ABORT_ON_CLOSE"
LINGER = "lingering_time 200ms; lingering_close off; "  # nginx reads on for a while where it has answered early


def haproxy(t, ns, text, port):
    """HAProxy in a namespace with this configuration, listening on `port`."""
    config = os.path.join(t.directory(), f"haproxy-{port}.cfg")
    with open(config, "w", encoding="ascii") as f:
        f.write(text)
    t.start(ns, "haproxy", "-db", "-f", config, ready_port=port)


def apache(t, port, text):
    """Apache on the server, with this in its configuration."""
    d = t.directory()
    os.makedirs(os.path.join(d, "www"), exist_ok=True)
    with open(os.path.join(d, "www", "index.html"), "w", encoding="ascii") as f:
        f.write("hello\n" * 50)
    modules = "/usr/lib/apache2/modules"
    names = ("mpm_event", "authz_core", "reqtimeout", "dir", "mime")
    with open(os.path.join(d, "apache.conf"), "w", encoding="ascii") as f:
        for name in names:
            f.write(f"LoadModule {name}_module {modules}/mod_{name}.so\n")
        f.write(
            f"ServerName lab\nServerRoot {d}\nPidFile {d}/pid\nErrorLog {d}/error.log\nMutex file:{d} default\n"
            f"User www-data\nGroup www-data\nTypesConfig /etc/mime.types\nListen {t.host()}:{port}\n"
            f"DocumentRoot {d}/www\n<Directory {d}/www>\nRequire all granted\n</Directory>\nDirectoryIndex index.html\n"
            f"{text}\n"
        )
    t.start(t.network.server, "apache2", "-DFOREGROUND", "-f", os.path.join(d, "apache.conf"), ready_port=port)


def node(t, port, code):
    """A Node program on the server; `code` may use `http`, `host` and `port`."""
    path = os.path.join(t.directory(), "server.js")
    with open(path, "w", encoding="ascii") as f:
        f.write(f"const http=require('http');const host='{t.server_ip()}',port={port};\n{code}\n")
    t.start(t.network.server, "node", path, ready_port=port)


def upload_meets(t, port, seconds=0.4):
    """Clients that keep uploading while the server answers and closes. The body begins in the packet of the head: a
    server that reads the head alone always has something unread, however fast it closes."""

    def one(i):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(UPLOAD + BODY)
        stop = time.monotonic() + seconds
        with contextlib.suppress(OSError):
            while time.monotonic() < stop:
                c.client.sendall(BODY)
                time.sleep(0.003)
        wait_reset(c.client, 1)
        c.close()

    t.each(one)


@scenario(
    "early_response_nginx",
    "nginx answers 413 to an upload that is too large, and closes without lingering",
    Expect("early_response_abort", ("server",), ("exchange", "request"), ("reset",), kernel=UNREAD),
    core=False,
    needs=("nginx",),
)
def early_response_nginx(t):
    port = t.port()
    nginx(t, port, LINGER + "client_max_body_size 10k; location / { root %(root)s; }")
    upload_meets(t, port)


@scenario(
    "overload_503_nginx",
    "nginx has no worker for the application: 503 while the upload is running, and it closes",
    Expect("overload", ("server",), ("exchange", "request"), ("reset",), kernel=UNREAD),
    core=False,
    needs=("nginx",),
)
def overload_503_nginx(t):
    port = t.port()
    nginx(t, port, LINGER + "keepalive_timeout 0; location / { return 503; }")
    upload_meets(t, port)


@scenario(
    "rate_limit_nginx",
    "nginx limits each client's requests: 429 while the upload is running, and it closes",
    Expect(
        "rate_limit", ("server",), ("exchange", "request"), ("reset",), kernel=UNREAD
    ),
    core=False,
    needs=("nginx",),
)
def rate_limit_nginx(t):
    port = t.port()
    zone = "limit_req_zone $binary_remote_addr zone=z:1m rate=1r/m; limit_req_status 429;"
    nginx(t, port, LINGER + "keepalive_timeout 0; limit_req zone=z; location / { root %(root)s; }", zone)
    for i in range(min(8, t.n)):
        c = t.connect(port, i)
        t.expect_clean(c, "the request the limit allows")
        c.client.sendall(HEAD)
        recv_all(c.client)
        c.close()
    upload_meets(t, port)


@scenario(
    "nginx_444",
    "nginx drops a request by configuration (return 444 with reset_timedout_connection)",
    Expect(
        "app_abort_linger0",
        ("server",),
        ("request",),
        ("reset",),
        also_ok=("app_abort_unread",),
        kernel="server:TCP_STATE|TCP_ABORT_ON_LINGER",
    ),
    core=False,
    needs=("nginx",),
)
def nginx_444(t):
    port = t.port()
    nginx(t, port, "reset_timedout_connection on; location / { return 444; }")

    def one(i):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(HEAD)
        wait_reset(c.client)
        c.close()

    t.each(one)


def half_a_request(t, port, wait, then=b"le\r\n\r\n"):
    """Half a header, the server's 408 or FIN after its timeout, and the rest of the request half a second later."""

    def one(i):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(b"GET / HTTP/1.1\r\nHost: shop.examp")
        c.client.settimeout(wait + 3)
        recv_all(c.client)
        time.sleep(0.5)
        with contextlib.suppress(OSError):
            c.client.send(then)
        time.sleep(0.3)
        c.close()

    t.each(one)


@scenario(
    "request_timeout_haproxy",
    "HAProxy answers an unfinished request with 408 and closes; the rest of it comes late",
    Expect(
        "request_timeout",
        ("server",),
        ("closing", "closed"),
        ("reset",),
        kernel=LATE,
    ),
    core=False,
    seconds=5,
    needs=("haproxy",),
)
def request_timeout_haproxy(t):
    port, back = t.port(), t.port()
    haproxy(
        t,
        t.network.server,
        "defaults\n mode http\n timeout connect 1s\n timeout client 9s\n timeout server 9s\n"
        f" timeout http-request 2s\nfrontend f\n bind {t.host()}:{port}\n default_backend b\n"
        f"backend b\n server s 127.0.0.1:{back}\n",
        port,
    )
    half_a_request(t, port, 2)


@scenario(
    "request_timeout_apache",
    "Apache's RequestReadTimeout ends an unfinished request with 408; the rest of it comes late",
    Expect(
        "request_timeout",
        ("server",),
        ("closing", "closed"),
        ("reset",),
        kernel=LATE,
    ),
    core=False,
    seconds=7,
    needs=("apache2",),
)
def request_timeout_apache(t):
    port = t.port()
    apache(t, port, "RequestReadTimeout handshake=0 header=2 body=2")
    # Apache lingers: what comes within two seconds of its FIN is read and thrown away.

    def one(i):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(b"GET / HTTP/1.1\r\nHost: shop.examp")
        c.client.settimeout(5)
        recv_all(c.client)
        time.sleep(2.5)
        with contextlib.suppress(OSError):
            c.client.send(b"le\r\n\r\n")
        time.sleep(0.3)
        c.close()

    t.each(one)


@scenario(
    "request_timeout_node",
    "Node's headersTimeout ends an unfinished request with 408; the rest of it comes late",
    Expect(
        "request_timeout",
        ("server",),
        ("closing", "closed"),
        ("reset",),
        kernel=LATE,
    ),
    core=False,
    seconds=6,
    needs=("node",),
)
def request_timeout_node(t):
    port = t.port()
    node(
        t,
        port,
        "http.createServer({headersTimeout:2000,requestTimeout:3000,connectionsCheckingInterval:100},"
        "(q,r)=>r.end('ok')).listen(port,host);",
    )
    half_a_request(t, port, 3)


def idle_then_write(t, port, wait, ask=HEAD):
    """A request and its answer, silence until the server has closed, and the next request half a second after."""

    def one(i):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(ask)
        c.client.settimeout(wait + 4)
        recv_all(c.client)
        time.sleep(0.5)
        with contextlib.suppress(OSError):
            c.client.send(ask)
        time.sleep(0.3)
        c.close()

    t.each(one)


IDLE_FIN = Expect(
    "idle_timeout_fin",
    ("server",),
    ("closing", "closed", "idle"),
    ("reset",),
    also_ok=("close_then_late_data",),
    kernel=LATE,
)


@scenario(
    "idle_timeout_fin_node",
    "Node's keepAliveTimeout closes an idle connection; the client writes half a second later",
    IDLE_FIN,
    core=False,
    seconds=6,
    needs=("node",),
)
def idle_timeout_fin_node(t):
    port = t.port()
    node(t, port, "const s=http.createServer((q,r)=>r.end('ok'));s.keepAliveTimeout=1000;s.listen(port,host);")
    idle_then_write(t, port, 3)


@scenario(
    "idle_timeout_fin_apache",
    "Apache's KeepAliveTimeout closes an idle connection; the client writes long after",
    IDLE_FIN,
    core=False,
    seconds=7,
    needs=("apache2",),
)
def idle_timeout_fin_apache(t):
    port = t.port()
    apache(t, port, "KeepAlive On\nKeepAliveTimeout 2")

    def one(i):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(HEAD)
        c.client.settimeout(6)
        recv_all(c.client)
        time.sleep(2.5)  # beyond Apache's lingering close
        with contextlib.suppress(OSError):
            c.client.send(HEAD)
        time.sleep(0.3)
        c.close()

    t.each(one)


@scenario(
    "app_abort_node",
    "a Node server answers and then destroys the socket with resetAndDestroy()",
    Expect("app_abort_linger0", ("server",), ("exchange",), ("reset",), kernel="server:TCP_STATE|TCP_ABORT_ON_LINGER"),
    core=False,
    needs=("node",),
)
def app_abort_node(t):
    port = t.port()
    node(
        t,
        port,
        "http.createServer((q,r)=>{r.end('ok');setTimeout(()=>q.socket.resetAndDestroy(),150);}).listen(port,host);",
    )

    def one(i):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(HEAD)
        wait_reset(c.client, 3)
        c.close()

    t.each(one)


@scenario(
    "keepalive_race",
    "the server closes an idle connection just as the next request is on its way",
    Expect(
        "keepalive_race",
        ("server",),
        ("closing", "closed"),
        ("reset",),
        also_ok=("close_then_late_data",),
        kernel=LATE,
    ),
    core=False,
    seconds=4,
    needs_delay=True,
)
def keepalive_race(t):
    listener = t.listen()

    def one(pair):
        i, c = pair
        t.expect(c)
        exchange(c, i)
        time.sleep(2.0)
        # Both leave their ends before either can have seen the other's.
        if i % 2:
            c.server.close()
            c.client.send(HEAD)
        else:
            c.client.send(HEAD)
            c.server.close()
        wait_reset(c.client, 1)
        c.close()

    t.each(one, list(enumerate(t.pairs(listener))))


@scenario(
    "lb_no_backend_haproxy",
    "HAProxy cannot reach any server behind it: after its retries it closes, and the client writes on",
    Expect(
        "lb_no_backend",
        ("server",),
        ("closing", "closed", "request"),
        ("reset",),
        also_ok=("idle_timeout_fin", "close_then_late_data"),
        kernel="server:TCP_ABORT_ON_DATA|TCP_TIMEWAIT_SOCKET|TCP_FLAGS|NO_SOCKET|TCP_ABORT_ON_CLOSE|TCP_STATE",
    ),
    core=False,
    seconds=6,
    needs=("haproxy",),
)
def lb_no_backend_haproxy(t):
    port, back = t.port(), t.port()
    haproxy(
        t,
        t.network.server,
        "defaults\n mode tcp\n timeout connect 1s\n timeout client 9s\n timeout server 9s\n retries 2\n"
        f"frontend f\n bind {t.host()}:{port}\n default_backend b\nbackend b\n server s 127.0.0.1:{back}\n",
        port,
    )

    def one(i):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(HEAD)
        c.client.settimeout(5)
        recv_all(c.client)
        time.sleep(0.3)
        with contextlib.suppress(OSError):
            c.client.send(HEAD)
        time.sleep(0.3)
        c.close()

    t.each(one)


@scenario(
    "rate_limit_haproxy",
    "HAProxy rejects the connections of a client that opens too many (tcp-request connection reject)",
    Expect(
        "rate_limit",
        ("server",),
        ("established", "request"),
        ("reset",),
        also_ok=("app_abort_linger0", "listener_closed_backlog"),
        kernel="server:TCP_STATE|TCP_ABORT_ON_LINGER|TCP_ABORT_ON_CLOSE|TCP_FLAGS",
    ),
    core=False,
    needs=("haproxy",),
)
def rate_limit_haproxy(t):
    port, back = t.port(), t.port()
    haproxy(
        t,
        t.network.server,
        "defaults\n mode http\n timeout connect 1s\n timeout client 9s\n timeout server 9s\nfrontend f\n"
        f" bind {t.host()}:{port}\n stick-table type {'ip' if t.family == 4 else 'ipv6'} size 1k expire 30s"
        " store conn_rate(20s)\n tcp-request connection track-sc0 src\n"
        " tcp-request connection reject if { sc0_conn_rate gt 3 }\n http-request return status 200\n",
        port,
    )
    for i in range(3 + max(3, t.n)):
        c, _ = t.attempt(port, 0)  # the reset may come before connect() has returned
        if i < 3:
            t.expect_clean(c, "within the limit")
            c.client.sendall(HEAD)
            c.client.recv(1000)
        else:
            time.sleep(0.1)
            t.expect(c, "over the limit")
            wait_reset(c.client, 1)
        c.close()
        time.sleep(0.1)


@scenario(
    "proxy_relayed",
    "a client resets its connection to HAProxy, which resets its own connection to the server behind it",
    Expect(
        "proxy_relayed",
        ("client",),
        ("exchange", "idle"),
        ("reset",),
        also_ok=("client_cancel", "client_fast_close"),
        kernel="client:TCP_STATE|TCP_ABORT_ON_LINGER|TCP_ABORT_ON_CLOSE",
    ),
    core=False,
    needs=("haproxy",),
)
def proxy_relayed(t):
    # Both legs pass the mirror: the proxy stands on the server's side, the server behind it on the client's.
    front, back = t.port(), t.port()
    with t.network.client:
        listener = socket.socket(t.af, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((t.client_ip(7), back))
        listener.listen(16)
    t.cleanups.append(listener.close)
    haproxy(
        t,
        t.network.server,
        "defaults\n mode tcp\n timeout connect 1s\n timeout client 9s\n timeout server 9s\n"
        f"frontend f\n bind {t.host()}:{front}\n default_backend b\n"
        f"backend b\n server s {t.host(t.client_ip(7))}:{back}\n",
        front,
    )
    for i in range(t.n):
        c = t.connect(front, i)
        listener.settimeout(5)
        c.client.sendall(HEAD)
        behind, peer = listener.accept()
        behind.settimeout(5)
        recv_exact(behind, len(HEAD))
        behind.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + b"d" * 3000)
        recv_exact(c.client, 3000)
        leg = Connection(None, behind, peer[0], peer[1], t.client_ip(7), back, c.start_ns)
        t.expect(c, "front", cause="client_cancel", also_ok=("client_fast_close",))
        linger0(c.client)
        c.client.close()
        if wait_reset(behind, 2):
            t.expect(leg, "back: the proxy is the client here")
        else:
            t.ignore(leg, "back: ended without a reset")
        behind.close()


@scenario(
    "client_fast_close_haproxy",
    "HAProxy checks its server over HTTP and resets after the answer",
    Expect(
        "client_fast_close",
        ("client",),
        ("exchange", "closing"),
        ("reset",),
        also_ok=("health_check", "client_cancel"),
        kernel="client:TCP_STATE|TCP_ABORT_ON_LINGER|TCP_ABORT_ON_CLOSE",
    ),
    core=False,
    seconds=5,
    needs=("haproxy", "nginx"),
)
def client_fast_close_haproxy(t):
    port, front = t.port(), t.port()
    nginx(t, port, "keepalive_timeout 5s; location / { root %(root)s; }")
    t.watch(port)
    start = time.time_ns()
    loop = "127.0.0.1" if t.family == 4 else "[::1]"
    haproxy(
        t,
        t.network.client,
        "defaults\n mode http\n timeout connect 1s\n timeout client 2s\n timeout server 2s\n"
        f"frontend f\n bind {loop}:{front}\n default_backend b\nbackend b\n option httpchk GET /\n"
        f" server s {t.host()}:{port} check inter 500ms\n",
        front,
    )
    time.sleep(3.5)
    with t.box.lock:
        clients = {k[1]: k[0] for k in t.box.last if k[3] == port}
    if not clients:
        raise LabError("client_fast_close_haproxy: no check was seen")
    time.sleep(0.5)
    for sport, ip in clients.items():
        c = Connection(None, None, ip, sport, t.server_ip(), port, start)
        if t.reset_seen(c, wait=0):
            t.expect(c)
        else:
            t.expect_clean(c, "closed with a FIN")
