# SPDX-License-Identifier: Apache-2.0
"""TLS and SSH: refused certificates and versions, the wrong protocol on a port, sshd's limits."""
import contextlib
import os
import ssl
import threading
import time

from context import Expect, linger0, recv_all, request, scenario, wait_reset
from net import run
from scenarios.aborts import nginx
from scenarios.programs import client_hello

UNREAD = "server:TCP_ABORT_ON_CLOSE|TCP_ABORT_ON_DATA|TCP_TIMEWAIT_SOCKET|TCP_FLAGS|NO_SOCKET"


def certificate(directory):
    """A self-signed certificate and its key: (certificate, key)."""
    cert, key = os.path.join(directory, "cert.pem"), os.path.join(directory, "key.pem")
    make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=shop.example"
    run("openssl", *make.split(), "-keyout", key, "-out", cert)
    return cert, key


def s_server(t, port, *options):
    cert, key = t.shared("certificate", certificate)
    t.start(
        t.network.server,
        *("openssl", "s_server", "-accept", f"{t.host()}:{port}", "-key", key, "-cert", cert, "-quiet", *options),
        ready_port=port,
    )


def serving(t):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*t.shared("certificate", certificate))
    return context


def serve(context, c):
    """One handshake by the server's end; closed at once when it fails, as most servers do."""
    try:
        c.server = context.wrap_socket(c.server, server_side=True)
    except OSError:
        c.server.close()


def trusting():
    """A client that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def told(t, c, note, **changes):
    """Whether a reset follows the failure is up to what was still unread: the kernel knows."""
    if t.reset_seen(c):
        t.expect(c, note, **changes)
    else:
        t.ignore(c, note + ": ended without a reset")


@scenario(
    "tls_client_cert_missing",
    "the server wants a client certificate (TLS 1.3): its alert crosses the client's first request",
    Expect(
        "tls_failure",
        ("server",),
        ("exchange", "closing", "closed"),
        ("reset",),
        # With TLS 1.3 the alert is encrypted: only its length tells.
        also_ok=("app_abort_unread",),
        kernel=UNREAD,
    ),
    core=False,
    needs=("openssl",),
)
def tls_client_cert_missing(t):
    listener = t.listen()
    context = serving(t)
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3

    def one(pair):
        _, c = pair
        threading.Thread(target=serve, args=(context, c), daemon=True).start()
        with contextlib.suppress(OSError):
            tls = trusting().wrap_socket(c.client, server_hostname="shop.example")
            c.client = tls
            for k in range(4):
                tls.sendall(request(k))
                time.sleep(0.02)
            tls.recv(100)
        told(t, c, "request sent before the alert came")
        c.close()

    t.each(one, list(enumerate(t.pairs(listener))))


@scenario(
    "tls_unknown_ca",
    "a health checker does not trust the certificate: it sends its alert and resets",
    Expect(
        "tls_failure",
        ("client",),
        ("exchange", "closing"),
        ("reset",),
        also_ok=("client_fast_close", "client_cancel"),
        kernel="client:TCP_STATE|TCP_ABORT_ON_LINGER|TCP_ABORT_ON_CLOSE",
    ),
    core=False,
    needs=("openssl",),
)
def tls_unknown_ca(t):
    port = t.port()
    s_server(t, port)

    def one(i):
        c = t.connect(port, i)
        context = ssl.create_default_context()
        if i % 2:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        t.expect(c, "TLS 1.2: the alert is readable" if i % 2 else "TLS 1.3: the alert is encrypted")
        with contextlib.suppress(OSError):
            # wrap_socket closes on failure: with linger 0, as balancers' checks do.
            linger0(c.client)
            c.client = context.wrap_socket(c.client, server_hostname="shop.example")
        c.close()
        time.sleep(0.1)

    t.each(one)


@scenario(
    "tls_handshake_failure",
    "no version or cipher in common: the server's alert is readable, the client resets",
    Expect(
        "tls_failure",
        ("client",),
        ("exchange", "closing", "closed"),
        ("reset",),
        also_ok=("client_fast_close", "client_cancel"),
        kernel="client:TCP_STATE|TCP_ABORT_ON_LINGER|TCP_ABORT_ON_CLOSE",
    ),
    core=False,
    needs=("openssl",),
)
def tls_handshake_failure(t):
    version, cipher = t.port(), t.port()
    s_server(t, version, "-tls1_3")
    s_server(t, cipher, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384")

    def one(i):
        c = t.connect(version if i % 2 else cipher, i)
        context = trusting()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        linger0(c.client)
        with contextlib.suppress(OSError):
            c.client = context.wrap_socket(c.client, server_hostname="shop.example")
        c.close()
        told(t, c, "protocol_version" if i % 2 else "handshake_failure")

    t.each(one)


@scenario(
    "http_to_tls_port",
    "plain HTTP to a TLS port: the server reads one record header and closes on the rest",
    Expect(
        "app_protocol_error",
        ("server",),
        ("request", "exchange"),
        ("reset",),
        also_ok=("app_abort_unread",),
        kernel=UNREAD,
    ),
    core=False,
    needs=("openssl",),
)
def http_to_tls_port(t):
    listener = t.listen()
    context = serving(t)

    def one(pair):
        i, c = pair
        threading.Thread(target=serve, args=(context, c), daemon=True).start()
        with contextlib.suppress(OSError):
            c.client.sendall(request(i))
            wait_reset(c.client)
        told(t, c, "OpenSSL in a Python server")
        c.close()

    t.each(one, list(enumerate(t.pairs(listener))))


@scenario(
    "tls_to_http_port",
    "a TLS ClientHello to a plain HTTP port: 400 from nginx, and the client goes on",
    Expect(
        "app_protocol_error",
        ("server",),
        ("exchange", "closing", "closed"),
        ("reset",),
        kernel=UNREAD,
    ),
    core=False,
    needs=("nginx",),
)
def tls_to_http_port(t):
    port = t.port()
    nginx(t, port, "lingering_close off; location / { root %(root)s; }")

    def one(i):
        c = t.connect(port, i)
        with contextlib.suppress(OSError):
            c.client.sendall(client_hello("shop.example"))
            recv_all(c.client)
            time.sleep(0.1)
            c.client.send(b"\x15\x03\x01\x00\x02\x02\x0a")  # the client's own alert: unexpected_message
            time.sleep(0.1)
        told(t, c, "nginx")
        c.close()

    t.each(one)


def sshd(t, port, *options):
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    key = t.shared("ssh", new_host_key)
    config = os.path.join(t.directory(), "sshd_config")
    with open(config, "w", encoding="ascii") as f:
        f.write(f"HostKey {key}\nListenAddress {t.host()}:{port}\nPidFile none\nUseDNS no\nUsePAM no\n")
        f.write("PasswordAuthentication no\n" + "".join(o + "\n" for o in options))
    t.start(t.network.server, "/usr/sbin/sshd", "-D", "-e", "-f", config, ready_port=port)


def new_host_key(directory):
    key = os.path.join(directory, "host_key")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    return key


BANNER = b"SSH-2.0-OpenSSH_9.2\r\n"


@scenario(
    "rate_limit_sshd",
    "sshd has all the unauthenticated sessions it may have and throttles (MaxStartups)",
    Expect(
        "rate_limit",
        ("server",),
        ("exchange", "request", "closing", "closed"),
        ("reset",),
        also_ok=("overload",),
        kernel=UNREAD,
    ),
    core=False,
    seconds=4,
    needs=("/usr/sbin/sshd", "ssh-keygen"),
)
def rate_limit_sshd(t):
    port = t.port()
    sshd(t, port, "MaxStartups 2:100:2")
    inside = [t.connect(port, i) for i in range(2)]
    for c in inside:
        t.ignore(c, "had room, never logs in")
        c.client.sendall(BANNER)
        c.client.recv(100)
    time.sleep(0.2)

    def one(i):
        c = t.connect(port, i)
        with contextlib.suppress(OSError):
            c.client.sendall(BANNER)
            c.client.settimeout(1)
            while c.client.recv(1000):
                pass
            c.client.send(b"\0" * 40)
            time.sleep(0.1)
        told(t, c, "one too many")
        c.close()

    t.each(one)
    for c in inside:
        c.close()


@scenario(
    "http_to_ssh_port",
    "HTTP to sshd: it says so and closes; the client goes on",
    Expect(
        "app_protocol_error",
        ("server",),
        ("exchange", "closing", "closed"),
        ("reset",),
        kernel=UNREAD,
    ),
    core=False,
    seconds=4,
    needs=("/usr/sbin/sshd", "ssh-keygen"),
)
def http_to_ssh_port(t):
    port = t.port()
    sshd(t, port, "MaxStartups 100")

    def one(i):
        c = t.connect(port, i)
        with contextlib.suppress(OSError):
            c.client.sendall(request(i))
            c.client.settimeout(2)
            while c.client.recv(1000):
                pass
            time.sleep(0.2)
            c.client.send(request(i))
            time.sleep(0.1)
        told(t, c, "OpenSSH")
        c.close()

    t.each(one)


@scenario(
    "request_timeout_sshd",
    "sshd's LoginGraceTime ends a session that never logs in; the client writes later",
    Expect(
        "request_timeout",
        ("server",),
        ("idle", "closing", "closed"),
        ("reset",),
        also_ok=("idle_timeout_fin",),
        kernel=UNREAD + "|TCP_STATE",
    ),
    core=False,
    seconds=6,
    needs=("/usr/sbin/sshd", "ssh-keygen"),
)
def request_timeout_sshd(t):
    port = t.port()
    sshd(t, port, "LoginGraceTime 2", "MaxStartups 100")

    def one(i):
        c = t.connect(port, i)
        with contextlib.suppress(OSError):
            c.client.sendall(BANNER)
            c.client.settimeout(6)
            recv_all(c.client)
            time.sleep(0.4)
            c.client.send(b"\0" * 40)
            time.sleep(0.1)
        told(t, c, "no login")
        c.close()

    t.each(one)


@scenario(
    "clean_tls",
    "TLS sessions of both versions that end with close_notify and FIN",
    Expect("unknown"),
    needs=("openssl",),
)
def clean_tls(t):
    port = t.port()
    s_server(t, port, "-www")

    def one(i):
        c = t.connect(port, i)
        context = trusting()
        if i % 2:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        t.expect_clean(c, "TLS 1.2" if i % 2 else "TLS 1.3")
        c.client = context.wrap_socket(c.client, server_hostname="shop.example")
        c.client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        recv_all(c.client)
        c.close()

    t.each(one)
