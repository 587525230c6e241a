# SPDX-License-Identifier: Apache-2.0
"""Endings by the clock: keepalive, retransmission, and idle timeouts of proxies and middleboxes."""
import os
import socket
import threading
import time

import forge
from context import Connection, Expect, exchange, linger0, recv_exact, request, scenario, vanish, wait_reset

TCP_USER_TIMEOUT = 18  # linux/tcp.h, milliseconds; long enough for five doubling repeats from 200 ms on


def keepalive(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 2), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 3)):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


@scenario(
    "keepalive_timeout",
    "the peer has gone silently; keepalive probes stay unanswered until the host gives up",
    Expect("keepalive_timeout", ("server",), ("idle",), ("reset",), kernel="server:TCP_KEEPALIVE_TIMEOUT"),
    seconds=7,
)
def keepalive_timeout(t):
    listener, other = t.listen(), t.listen()

    def server_side(c):
        t.expect(c, "the server probes")
        exchange(c)
        keepalive(c.server)

    def client_side(c):
        t.expect(c, "the client probes", origin=("client",), kernel="client:TCP_KEEPALIVE_TIMEOUT")
        exchange(c)
        keepalive(c.client)

    probed = t.pairs(listener)
    probing = [t.pair(other, i) for i in range(max(1, t.n // 2))]
    t.each(server_side, probed)
    t.each(client_side, probing)
    time.sleep(0.3)  # what is on its way arrives
    # The far side dies without a word: what reaches it is dropped inside it, beyond the mirror.
    t.nft(t.network.client, "input", f"tcp sport {listener.getsockname()[1]} drop")
    t.nft(t.network.server, "input", f"tcp dport {other.getsockname()[1]} drop")
    time.sleep(6.2)
    for c in probed:
        vanish(c.client)
        c.close()
    for c in probing:
        vanish(c.server)
        c.close()


@scenario(
    "retrans_timeout",
    "the server dies silently; the client repeats its request until it gives up",
    Expect(
        "retrans_timeout", ("server", "middlebox", "unknown"), ("exchange", "request"), ("timed_out",), kernel="none"
    ),
    core=False,
    seconds=12,
)
def retrans_timeout(t):
    listener = t.listen()
    live = t.pairs(listener)

    def one(c):
        t.expect(c)
        exchange(c)

    t.each(one, live)
    t.nft(t.network.server, "input", f"tcp dport {listener.getsockname()[1]} drop")

    def write(c):
        c.client.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 10000)
        c.client.send(request(2))
        c.client.settimeout(12)
        try:
            c.client.recv(10)
        except OSError:
            pass
        vanish(c.server)
        c.close()

    t.each(write, live)


@scenario(
    "silent_state_expiry",
    "a stateful firewall forgets an idle connection; after that its packets go nowhere",
    Expect(
        "silent_state_expiry",
        ("middlebox", "unknown"),
        ("idle",),
        ("timed_out",),
        also_ok=("retrans_timeout",),
        kernel="none",
    ),
    core=False,
    seconds=14,
)
def silent_state_expiry(t):
    listener = t.listen()
    idle_firewall(t, listener.getsockname()[1], "drop")
    live = t.pairs(listener)

    def one(c):
        t.expect(c)
        exchange(c)
        time.sleep(4.0)
        c.client.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 9500)
        c.client.send(request(2))
        c.client.settimeout(12)
        try:
            c.client.recv(10)
        except OSError:
            pass
        vanish(c.server)
        c.close()

    t.each(one, live)


def idle_firewall(t, port, verdict):
    """A stateful firewall on the router whose connections are forgotten after 3 s without a packet."""
    ip = "ip" if t.family == 4 else "ip6"
    kind = f"ipv{t.family}_addr . inet_service"
    t.nft_table(
        t.network.router,
        f"""
        set live {{ type {kind}; flags dynamic,timeout; timeout 3s; }}
        chain c {{
          type filter hook forward priority 10
          tcp dport {port} tcp flags & (syn|ack) == syn update @live {{ {ip} saddr . tcp sport timeout 3s }} accept
          tcp dport {port} {ip} saddr . tcp sport @live update @live {{ {ip} saddr . tcp sport timeout 3s }} accept
          tcp sport {port} {ip} daddr . tcp dport @live update @live {{ {ip} daddr . tcp dport timeout 3s }} accept
          tcp dport {port} {verdict}
          tcp sport {port} drop
        }}""",
    )


@scenario(
    "idle_timeout_rst",
    "a middlebox resets both ends of a connection that was idle for 3 s",
    Expect("idle_timeout_rst", ("middlebox",), ("idle",), ("reset",), kernel="forged"),
    seconds=5,
)
def idle_timeout_rst(t):
    listener = t.listen()
    port = listener.getsockname()[1]
    t.watch(port)
    live = t.pairs(listener)

    def one(c):
        t.expect(c)
        exchange(c)
        time.sleep(3.0)
        up = t.box.latest(c.client_ip, c.client_port, c.server_ip, port)
        down = t.box.latest(c.server_ip, port, c.client_ip, c.client_port)
        for send, me, you in ((t.box.to_client, down, up), (t.box.to_server, up, down)):
            send(forge.tcp(me.src, me.dst, me.sport, me.dport, me.end, you.end, forge.RST | forge.ACK, ttl=255))
        wait_reset(c.client)
        wait_reset(c.server)
        c.close()

    t.each(one, live)


@scenario(
    "idle_timeout_rst_on_packet",
    "a firewall forgets an idle connection and answers its next packet with a reset",
    Expect("idle_timeout_rst", ("middlebox",), ("idle",), ("reset",), also_ok=("nat_expiry_rst",), kernel="forged"),
    seconds=5,
)
def idle_timeout_rst_on_packet(t):
    listener = t.listen()
    idle_firewall(t, listener.getsockname()[1], "reject with tcp reset")

    def one(c):
        t.expect(c)
        exchange(c)
        time.sleep(4.0)
        c.client.send(request(2))
        wait_reset(c.client)
        vanish(c.server)
        c.close()

    t.each(one, t.pairs(listener))


@scenario(
    "idle_timeout_rst_haproxy",
    "HAProxy's timeout ends an idle connection: its server side gets a reset",
    Expect(
        "idle_timeout_rst",
        ("client",),
        ("idle", "closing"),
        ("reset",),
        also_ok=("client_fast_close", "app_abort_linger0"),
        kernel="client:TCP_STATE|TCP_ABORT_ON_LINGER",
    ),
    seconds=5,
    needs=("haproxy",),
)
def idle_timeout_rst_haproxy(t):
    # The proxy stands on the client's side of the mirror, its front leg inside that host.
    front = t.port()
    listener = t.listen()
    port = listener.getsockname()[1]
    loop, host = ("127.0.0.1", t.server_ip()) if t.family == 4 else ("[::1]", f"[{t.server_ip()}]")
    config = os.path.join(t.directory(), "haproxy.cfg")
    with open(config, "w", encoding="ascii") as f:
        f.write(
            f"defaults\n mode tcp\n timeout connect 1s\n timeout client 3s\n timeout server 3s\n"
            f"frontend f\n bind {loop}:{front}\n default_backend b\nbackend b\n server s {host}:{port}\n"
        )
    t.start(t.network.client, "haproxy", "-db", "-f", config, ready_port=front)

    def one(i):
        with t.lock:
            with t.network.client:
                user = socket.create_connection((loop.strip("[]"), front))
            listener.settimeout(5)
            server, peer = listener.accept()
        c = Connection(None, server, peer[0], peer[1], t.server_ip(), port, time.time_ns() - 10**8)
        user.sendall(request(i))
        recv_exact(server, len(request(i)))
        server.sendall(b"pong\n")
        recv_exact(user, 5)
        # When its two timers expire in the same tick the server side gets a FIN and a reset, else a FIN: the server's
        # kernel knows which.
        reset = wait_reset(server, 6)
        time.sleep(0.05)
        if reset or server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            t.expect(c)
        else:
            t.expect_clean(c, "a FIN only")
        server.close()
        user.close()

    t.each(one)


@scenario(
    "zero_window_abort",
    "the client stops reading; the server gives up on its closed window and aborts",
    Expect(
        "zero_window_abort",
        ("server",),
        ("exchange", "idle"),
        ("reset",),
        kernel="server:TCP_STATE|TCP_ABORT_ON_LINGER",
    ),
    core=False,
    seconds=6,
)
def zero_window_abort(t):
    listener = t.listen()

    def one(i):
        c = t.pair(listener, i)
        t.expect(c)
        c.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.client.send(request(i))
        recv_exact(c.server, len(request(i)))
        c.server.setblocking(False)
        stop = time.monotonic() + 4
        while time.monotonic() < stop:
            try:
                c.server.send(b"z" * 20000)
            except BlockingIOError:
                threading.Event().wait(0.1)
        linger0(c.server)
        c.server.close()
        wait_reset(c.client)
        c.close()

    t.each(one)
