# SPDX-License-Identifier: Apache-2.0
"""Endings as other operating systems make them: puppets with the marks of Windows and the BSDs."""
import random
import time

import forge
from context import RESPONSE, Connection, Expect, recv_exact, request, scenario, wait_reset
from puppet import FREEBSD, WINDOWS, Puppet, Stack

RA = forge.RST | forge.ACK
PSH_ACK = forge.PSH | forge.ACK


def server_puppet(t, i, stack):
    """A client of this machine, connected to a puppet server."""
    port = t.port()
    sock = t.socket(i)
    host = t.server_ip(4 if stack is WINDOWS else 5)  # an address of its own
    here, there = (host, port), sock.getsockname()[:2]
    p = Puppet(t, "server", here, there, port, stack)
    return p, sock, Connection(sock, None, *there, *here, p.start_ns)


def connected(p, sock):
    """Shakes hands between the two."""
    sock.setblocking(False)
    sock.connect_ex(p.here)
    p.accept()
    sock.setblocking(True)
    sock.settimeout(5)
    time.sleep(0.1)


def client_puppet(t, listener, i, stack, sport=None):
    """A puppet client of a server of this machine."""
    port = listener.getsockname()[1]
    here, there = (t.client_ip(i), sport or random.randrange(33000, 60000)), (t.server_ip(), port)
    p = Puppet(t, "client", here, there, port, stack)
    return p, Connection(None, None, *here, *there, p.start_ns)


@scenario(
    "windows_refused",
    "a Windows client repeats its SYN after each refusal, three times at 500 ms, with the same numbers",
    Expect("port_closed", ("server",), ("syn",), ("refused",), kernel="server:NO_SOCKET"),
    core=False,
    seconds=4,
)
def windows_refused(t):
    port = t.port()

    def one(i):
        here = (t.client_ip(i), 49700 + i)
        p = Puppet(t, "client", here, (t.server_ip(), port), port, WINDOWS)
        c = Connection(None, None, *here, t.server_ip(), port, p.start_ns)
        t.expect(c)["many"] = True  # each SYN is refused by itself
        isn = p.next
        for _ in range(4):
            p.send(forge.SYN, seq=isn)
            p.must_hear(lambda s: s.flags & forge.RST, "refusal")
            time.sleep(0.5)

    t.each(one)


@scenario(
    "windows_abort",
    "a Windows server closes a socket with the request unread: RST|ACK with a window of zero",
    Expect(
        "app_abort_unread", ("server",), ("request",), ("reset",), also_ok=("app_abort_linger0",), kernel="forged"
    ),
    core=False,
)
def windows_abort(t):
    def one(i):
        p, sock, c = server_puppet(t, i, WINDOWS)
        t.expect(c)
        connected(p, sock)
        sock.sendall(request(i))
        p.take()
        time.sleep(0.15)
        p.send(RA, window=0)
        wait_reset(sock)
        sock.close()

    t.each(one)


@scenario(
    "windows_fast_close",
    "a Windows client resets after the whole answer: RST|ACK with a window of zero",
    Expect("client_fast_close", ("client",), ("exchange",), ("reset",), also_ok=("client_cancel",), kernel="forged"),
    core=False,
)
def windows_fast_close(t):
    listener = t.listen()

    def one(i):
        with t.lock:
            p, c = client_puppet(t, listener, i, WINDOWS)
            p.connect()
            listener.settimeout(5)
            server, _ = listener.accept()
            server.settimeout(5)
        t.expect(c)
        p.send(PSH_ACK, request(i))
        recv_exact(server, len(request(i)))
        server.sendall(RESPONSE)
        p.take()
        time.sleep(0.1)
        p.send(RA, window=0)
        wait_reset(server)
        server.close()

    t.each(one)


@scenario(
    "bsd_retrans_timeout",
    "a FreeBSD-like server repeats its answer without an echo, gives up, and says so with a reset",
    Expect(
        "retrans_timeout",
        ("server",),
        ("exchange", "request"),
        ("reset",),
        kernel="",
    ),
    core=False,
    seconds=9,
)
def bsd_retrans_timeout(t):
    def one(i):
        p, sock, c = server_puppet(t, i, FREEBSD)
        t.expect(c)
        connected(p, sock)
        sock.sendall(request(i))
        p.take()
        # The client falls silent: what comes is dropped inside it.
        t.nft(t.network.client, "input", f"{t.only()} tcp sport {p.here[1]} drop")
        at = p.next
        p.send(PSH_ACK, RESPONSE)
        wait = 0.25
        for _ in range(5):
            time.sleep(wait)
            p.send(PSH_ACK, RESPONSE, seq=at)
            wait *= 2
        time.sleep(wait / 8)
        p.send(RA)
        sock.setsockopt(6, 19, 1)  # TCP_REPAIR: it goes without a word
        sock.close()

    t.each(one)


@scenario(
    "bsd_refused",
    "a FreeBSD server refuses: hop count and fields of its own, an ID that counts",
    Expect("port_closed", ("server",), ("syn",), ("refused",), also_ok=("host_fw_reject",), kernel="forged"),
    core=False,
)
def bsd_refused(t):
    def one(i):
        p, sock, c = server_puppet(t, i, FREEBSD)
        t.expect(c)
        sock.setblocking(False)
        sock.connect_ex(p.here)
        s = p.must_hear(lambda s: s.flags & forge.SYN, "SYN")
        # It turns the SYN's own packet round: type of service and flow label stay.
        p.send(RA, seq=0, ack=s.end, window=0, tos=s.tos, flow_label=s.flow_label)
        time.sleep(0.2)
        sock.close()

    t.each(one)


@scenario(
    "timewait_collision",
    "a client comes back from a port whose last connection the server still remembers (TIME_WAIT)",
    Expect(
        "timewait_collision",
        ("client",),
        ("syn", "closed"),
        ("reset",),
        also_ok=("half_open_discovery",),
        kernel="none",
    ),
    core=False,
    seconds=4,
)
def timewait_collision(t):
    listener = t.listen()
    stack = Stack()
    for i in range(t.n):
        p, c = client_puppet(t, listener, i, stack)
        p.next = 0x70000000
        p.connect()
        listener.settimeout(5)
        server, _ = listener.accept()
        t.ignore(c, "the connection before, closed by the server")
        p.send(PSH_ACK, request(i))
        server.settimeout(5)
        recv_exact(server, len(request(i)))
        server.sendall(RESPONSE)
        p.take()
        server.close()
        p.must_hear(lambda s: s.flags & forge.FIN, "FIN")
        p.send(forge.FIN | forge.ACK)
        p.hear(seconds=0.3)
        time.sleep(0.3)
        # The same port again, with a lower number and no timestamps: the old connection answers.
        again, c2 = client_puppet(t, listener, i, stack, p.here[1])
        c2.start_ns = time.time_ns()
        again.next = 0x60000000
        t.expect(c2)
        again.send(forge.SYN)
        stale = again.must_hear(lambda s: s.flags & forge.ACK, "ACK of the old connection")
        again.send(forge.RST, seq=stale.ack, ack=0, window=0, ip_id=0)
        time.sleep(0.05)
        again.send(forge.SYN, seq=0x60000000)
        if again.hear(lambda s: s.flags & forge.SYN, 1.0):
            again.next = 0x60000001
            again.send(forge.ACK)
            server, _ = listener.accept()
            again.send(forge.FIN | forge.ACK)
            again.hear(seconds=0.3)
            server.close()
            again.must_hear(lambda s: s.flags & forge.FIN, "FIN")
            again.send(forge.ACK)


@scenario(
    "windows_client_cancel",
    "a Windows client goes away in the middle of an answer, then resets what still comes",
    Expect("client_cancel", ("client",), ("exchange",), ("reset",), also_ok=("client_fast_close",), kernel="forged"),
    core=False,
)
def windows_client_cancel(t):
    listener = t.listen()

    def one(i):
        with t.lock:
            p, c = client_puppet(t, listener, i, WINDOWS)
            p.connect()
            listener.settimeout(5)
            server, _ = listener.accept()
            server.settimeout(5)
        t.expect(c)
        p.send(PSH_ACK, request(i))
        recv_exact(server, len(request(i)))
        server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + b"d" * 20000)
        for _ in range(3):
            p.take()
        p.send(RA, window=0)
        while (s := p.hear(lambda s: s.payload, 0.1)) is not None:
            p.send(forge.RST, seq=s.ack, ack=0, window=0)
        wait_reset(server)
        server.close()

    t.each(one)


@scenario(
    "clean_stacks",
    "orderly closes of Windows and BSD clients",
    Expect("unknown"),
)
def clean_stacks(t):
    listener = t.listen()

    def one(i):
        with t.lock:
            p, c = client_puppet(t, listener, i, WINDOWS if i % 2 else FREEBSD)
            p.connect()
            listener.settimeout(5)
            server, _ = listener.accept()
            server.settimeout(5)
        t.expect_clean(c, "Windows" if i % 2 else "FreeBSD")
        p.send(PSH_ACK, request(i))
        recv_exact(server, len(request(i)))
        server.sendall(RESPONSE)
        p.take()
        p.send(forge.FIN | forge.ACK)
        server.recv(1)
        server.close()
        p.must_hear(lambda s: s.flags & forge.FIN, "FIN")
        p.send(forge.ACK)

    t.each(one)
