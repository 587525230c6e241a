# SPDX-License-Identifier: Apache-2.0
"""Real programs in real trouble: a full Redis, a refused certificate, a killed server, a blocked name."""
import os
import signal
import ssl
import sys
import time

from context import Expect, recv_all, request, scenario, wait_reset
from net import LabError, run
from scenarios.aborts import curl_connection
from scenarios.middlebox import on_request, reset_both, slow_answer


@scenario(
    "overload_redis",
    "Redis has all the clients it may have: it says so and closes on the waiting command",
    Expect(
        "overload",
        ("server",),
        ("exchange", "request"),
        ("reset",),
        kernel="server:TCP_ABORT_ON_CLOSE",
    ),
    core=False,
    needs=("redis-server",),
)
def overload_redis(t):
    port = t.port()
    p = t.start(
        t.network.server,
        "redis-server",
        "--port",
        str(port),
        "--bind",
        t.server_ip(),
        "--maxclients",
        "2",
        "--protected-mode",
        "no",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        t.directory(),
        ready_port=port,
    )
    inside = [t.connect(port, i) for i in range(2)]
    for c in inside:
        c.client.sendall(b"PING\r\n")
        c.client.recv(100)
    # Held still for a moment, so that every command waits unread when its connection is refused.
    os.kill(p.pid, signal.SIGSTOP)
    refused = []
    for i in range(t.n):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(b"GET session:%d\r\n" % i)
        refused.append(c)
    time.sleep(0.1)
    os.kill(p.pid, signal.SIGCONT)
    for c in refused:
        wait_reset(c.client)
        c.close()
    for c in inside:
        t.expect_clean(c, "a client it had room for")
        c.client.sendall(b"QUIT\r\n")
        recv_all(c.client)
        c.close()


@scenario(
    "process_crash",
    "a server process is killed; all its connections end in the same moment",
    Expect(
        "process_crash",
        ("server",),
        ("request",),
        ("reset",),
        also_ok=("app_abort_unread",),
        kernel="server:TCP_ABORT_ON_CLOSE",
    ),
    core=False,
)
def process_crash(t):
    port = t.port()
    code = """
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])), family=int(sys.argv[3]))
k = []
while True:
    k.append(s.accept())
"""
    p = t.start(t.network.server, sys.executable, "-c", code, t.server_ip(), str(port), str(int(t.af)), ready_port=port)
    live = []
    for i in range(max(6, t.n)):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(request(i))
        live.append(c)
    time.sleep(0.4)
    t.lab.processes.stop(p, sig=signal.SIGKILL)
    for c in live:
        wait_reset(c.client)
        c.close()


@scenario(
    "sni_url_block",
    "a proxy policy blocks one name, in a URL or in TLS; other names on the same server pass",
    Expect("sni_url_block", ("middlebox",), ("request",), ("reset",), also_ok=("ips_reset_both",), kernel="forged"),
    core=False,
)
def sni_url_block(t):
    listener = t.listen()
    t.watch(listener.getsockname()[1], on_request(b"blocked.example", reset_both))

    def one(pair):
        i, c = pair
        if i % 2:
            t.expect(c, "TLS server name")
            c.client.sendall(client_hello("www.blocked.example"))
            wait_reset(c.client)
            wait_reset(c.server, 0.5)
            c.close()
        else:
            t.expect(c, "HTTP Host")
            slow_answer(c, i, b"/index", host=b"www.blocked.example")

    t.each(one, list(enumerate(t.pairs(listener))))


def client_hello(name):
    """A genuine ClientHello for this server name."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


@scenario(
    "tls_failure",
    "curl does not trust the server's certificate: a fatal alert, then the end",
    Expect(
        "tls_failure",
        ("client",),
        ("exchange", "closing"),
        ("reset",),
        also_ok=("client_fast_close", "client_cancel"),
        kernel="client:TCP_ABORT_ON_CLOSE|TCP_STATE|TCP_ABORT_ON_DATA|TCP_TIMEWAIT_SOCKET|NO_SOCKET",
    ),
    core=False,
    needs=("openssl", "curl"),
)
def tls_failure(t):
    port, d = t.port(), t.directory()
    run(
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=shop.example",
        "-keyout",
        f"{d}/key.pem",
        "-out",
        f"{d}/cert.pem",
    )
    host = t.server_ip() if t.family == 4 else f"[{t.server_ip()}]"
    t.start(
        t.network.server,
        "openssl",
        "s_server",
        "-accept",
        f"{host}:{port}",
        "-key",
        f"{d}/key.pem",
        "-cert",
        f"{d}/cert.pem",
        "-www",
        ready_port=port,
    )
    for i in range(t.n):
        c = curl_connection(t, port, i)
        p = t.start(
            t.network.client,
            "curl",
            "-s",
            "--max-time",
            "3",
            *(["--tls-max", "1.2"] if i % 2 else []),
            "--interface",
            c.client_ip,
            "--local-port",
            str(c.client_port),
            f"https://{host}:{port}/",
        )
        p.wait(5)
        if p.returncode != 60:  # CURLE_PEER_FAILED_VERIFICATION
            raise LabError(f"tls_failure: curl ended with {p.returncode}: {t.lab.processes.tail(p)}")
        time.sleep(0.1)
        # Whether a reset comes of it is up to what was still unread: the kernel knows.
        ends = {(c.client_ip, c.client_port), (c.server_ip, c.server_port)}
        if any({tuple(e["src"]), tuple(e["dst"])} == ends for e in t.lab.oracle.between(c.start_ns, time.time_ns())):
            t.expect(c, "TLS 1.2" if i % 2 else "TLS 1.3")
        else:
            t.ignore(c, "ended without a reset")
