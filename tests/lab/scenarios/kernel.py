# SPDX-License-Identifier: Apache-2.0
"""What the kernel itself does to a connection: killed sockets, probes that meet a stranger, cookies, MPTCP."""
import contextlib
import signal
import socket
import sys
import time

from context import Connection, Expect, exchange, recv_exact, request, scenario, vanish, wait_reset
from net import LabError
from scenarios.overload import established, finish, overflow, take
from scenarios.timers import TCP_USER_TIMEOUT, keepalive

IPPROTO_MPTCP = 262


@scenario(
    "admin_kill",
    "an administrator kills idle sockets of the server with ss -K",
    Expect(
        "admin_kill",
        ("server",),
        ("idle", "exchange"),
        ("reset",),
        # A process that closes an idle connection with SO_LINGER 0 sends the very same packet.
        also_ok=("app_abort_linger0", "idle_timeout_rst"),
        kernel="server:TCP_STATE",
    ),
    core=False,
    seconds=4,
)
def admin_kill(t):
    listener = t.listen()
    live = t.pairs(listener)
    for c in live:
        t.expect(c)
        exchange(c)
    time.sleep(1.5 + 0.37)
    t.network.server.run("ss", "-K", "-t", "sport", "=", f":{listener.getsockname()[1]}", check=False)
    for c in live:
        wait_reset(c.client)
        c.close()


@scenario(
    "mptcp_reset",
    "a Multipath TCP connection is aborted: the reset says so in its options",
    Expect("mptcp_reset", ("server",), ("exchange", "request", "idle"), ("reset",), kernel="server:"),
    core=False,
)
def mptcp_reset(t):
    def make(ns, address):
        with ns:
            s = socket.socket(t.af, socket.SOCK_STREAM, IPPROTO_MPTCP)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(address)
        s.settimeout(5)
        return s

    port = t.port()
    try:
        listener = make(t.network.server, (t.server_ip(), port))
    except OSError as e:
        raise LabError(f"mptcp_reset: this kernel has no MPTCP: {e}") from e
    t.cleanups.append(listener.close)
    listener.listen(16)
    for i in range(t.n):
        client = make(t.network.client, (t.client_ip(i), 0))
        start = time.time_ns()
        client.connect((t.server_ip(), port))
        server, peer = listener.accept()
        c = Connection(client, server, *peer[:2], t.server_ip(), port, start)
        t.expect(c, "request unread" if i % 2 else "answered, SO_LINGER 0")
        if i % 2:
            client.sendall(request(i))
            time.sleep(0.1)
        else:
            exchange(c, i)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        server.close()
        wait_reset(client)
        c.close()


@scenario(
    "keepalive_user_timeout",
    "keepalive probes end by TCP_USER_TIMEOUT",
    Expect("keepalive_timeout", ("server",), ("idle",), ("reset",), kernel="server:TCP_KEEPALIVE_TIMEOUT"),
    core=False,
    seconds=7,
)
def keepalive_user_timeout(t):
    listener = t.listen()
    live = t.pairs(listener)
    for c in live:
        t.expect(c)
        exchange(c)
        keepalive(c.server)
        c.server.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 3500)
    time.sleep(0.3)  # what is on its way arrives
    t.nft(t.network.client, "input", f"tcp sport {listener.getsockname()[1]} drop")
    time.sleep(6)
    for c in live:
        vanish(c.client)
        c.close()


@scenario(
    "keepalive_meets_restart",
    "a keepalive probe reaches a host that has forgotten the connection",
    Expect("host_restart_stale", ("client", "server"), ("idle",), ("reset",), kernel="client:NO_SOCKET"),
    core=False,
    seconds=5,
)
def keepalive_meets_restart(t):
    listener = t.listen()
    live = t.pairs(listener)
    for c in live:
        t.expect(c, origin=("client",))
        exchange(c)
        time.sleep(0.05)
        keepalive(c.server)
        vanish(c.client)
    time.sleep(3.5)
    for c in live:
        c.close()


@scenario(
    "process_crash_idle",
    "a server process is killed with nothing unread: its kernel closes with FINs, the clients write later",
    Expect(
        "process_crash",
        ("server",),
        ("closing", "closed"),
        ("reset",),
        # The same packets as of a server that closes each connection on purpose: only their number in one moment tells.
        also_ok=("close_then_late_data",),
        kernel="server:TCP_TIMEWAIT_SOCKET|TCP_ABORT_ON_DATA|NO_SOCKET|TCP_FLAGS",
    ),
    core=False,
    seconds=4,
)
def process_crash_idle(t):
    port = t.port()
    code = """
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])), family=int(sys.argv[3]))
k = []
while True:
    c = s.accept()[0]
    k.append(c)
    c.recv(1000)
    c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
"""
    p = t.start(t.network.server, sys.executable, "-c", code, t.server_ip(), str(port), str(int(t.af)), ready_port=port)
    live = []
    for i in range(max(6, t.n)):
        c = t.connect(port, i)
        t.expect(c)
        c.client.sendall(request(i))
        c.client.recv(100)
        live.append(c)
    time.sleep(0.4)
    t.lab.processes.stop(p, sig=signal.SIGKILL)

    def write(c):
        time.sleep(0.4)
        with contextlib.suppress(OSError):
            c.client.send(request(9))
        time.sleep(0.2)
        c.close()

    t.each(write, live)


@scenario(
    "listen_overflow_cookies",
    "the accept queue is full while SYN cookies are out: the server says nothing at all",
    Expect(
        "listen_overflow_drop",
        ("server",),
        ("syn_ack", "established", "request"),
        ("timed_out",),
        also_ok=("retrans_timeout",),
        kernel="none",
    ),
    core=False,
    exclusive="overflow",
    seconds=12,
)
def listen_overflow_cookies(t):
    t.network.server.sysctl("net.ipv4.tcp_syncookies", 2)
    t.cleanups.append(lambda: t.network.server.sysctl("net.ipv4.tcp_syncookies", 1))
    listener, many = overflow(t, 0)
    for c in many:
        with contextlib.suppress(OSError):
            c.client.send(b"anyone?\n")
    time.sleep(9.5)  # five doubling repeats
    inside = established(t, listener)
    for c in many:
        if c.client_port not in inside:
            t.expect(c, "one too many")
            vanish(c.client)
    take(listener, [c for c in many if c.client_port in inside])
    for c in many:
        if c.server:
            t.expect_clean(c, "was in the queue")
            finish(c)


@scenario(
    "syn_ignored",
    "the accept queue is full: new SYNs are ignored while the port serves others",
    Expect(
        "listen_overflow_drop",
        ("server", "unknown"),
        ("syn",),
        ("timed_out",),
        also_ok=("syn_blackhole",),
        kernel="none",
    ),
    core=False,
    seconds=9,
)
def syn_ignored(t):
    listener = t.listen(backlog=1)
    port = listener.getsockname()[1]
    inside = [t.connect(port, i) for i in range(2)]  # a backlog of one holds two

    def one(i):
        s = t.socket(i)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 3)
        c, error = t.attempt(port, sock=s, seconds=20)
        if error is None:
            raise LabError("syn_ignored: connected in spite of the full queue")
        t.expect(c)
        c.close()

    t.each(one)
    for c in inside:
        c.server, _ = listener.accept()
        t.expect_clean(c, "was in the queue")
        c.server.settimeout(5)
        c.client.sendall(request())
        recv_exact(c.server, len(request()))
        finish(c)


@scenario(
    "clean_slow",
    "slow but whole: retransmissions, zero windows and keepalive probes that are answered, then FINs",
    Expect("unknown"),
    seconds=6,
)
def clean_slow(t):
    listener = t.listen()
    port = listener.getsockname()[1]

    def one(pair):
        i, c = pair
        if i % 3 == 0:
            t.expect_clean(c, "keepalive answered")
            keepalive(c.server)
            exchange(c, i)
            time.sleep(4.5)
            exchange(c, i)
        elif i % 3 == 1:
            t.expect_clean(c, "a slow reader closes its window for a while")
            c.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.server.setblocking(False)
            sent = 0
            for _ in range(12):
                with contextlib.suppress(BlockingIOError):
                    sent += c.server.send(b"s" * 20000)
                time.sleep(0.1)
            c.server.setblocking(True)
            recv_exact(c.client, sent)
        else:
            t.expect_clean(c, "a request repeated over a gap in the path")
            exchange(c, i)
            lost = t.nft(t.network.router, "forward", f"tcp dport {port} tcp sport {c.client_port} drop")
            c.client.sendall(request(i))
            time.sleep(1.2)
            lost()
            recv_exact(c.server, len(request(i)))
        c.client.shutdown(socket.SHUT_WR)
        while c.server.recv(1000):
            pass
        c.close()

    t.each(one, list(enumerate(t.pairs(listener))))
