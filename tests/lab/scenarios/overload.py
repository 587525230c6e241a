# SPDX-License-Identifier: Apache-2.0
"""Servers with too much to do: full accept queues and full connection tables."""
import contextlib
import socket
import threading
import time

import forge
from context import Connection, Expect, recv_all, scenario, vanish
from net import LabError, run


@contextlib.contextmanager
def crowd(t, port):
    """Holds the client's packets to `port` back a little, so that many SYNs arrive before the first ACK."""
    client = t.network.client.name
    run("tc", "-n", client, "qdisc", "add", "dev", "c0", "root", "handle", "1:", "htb", "default", "1")
    try:
        run(
            "tc",
            "-n",
            client,
            "class",
            "add",
            "dev",
            "c0",
            "parent",
            "1:",
            "classid",
            "1:1",
            "htb",
            "rate",
            "10gbit",
            "quantum",
            "60000",
        )
        run(
            "tc",
            "-n",
            client,
            "class",
            "add",
            "dev",
            "c0",
            "parent",
            "1:",
            "classid",
            "1:2",
            "htb",
            "rate",
            "40kbit",
            "burst",
            "100",
            "cburst",
            "100",
            "quantum",
            "1500",
        )
        proto, at = ("ip", 22) if t.family == 4 else ("ipv6", 42)
        run(
            "tc",
            "-n",
            client,
            "filter",
            "add",
            "dev",
            "c0",
            "parent",
            "1:",
            "protocol",
            proto,
            "u32",
            "match",
            "u16",
            hex(port),
            "0xffff",
            "at",
            str(at),
            "flowid",
            "1:2",
        )
        yield
    finally:
        run("tc", "-n", client, "qdisc", "del", "dev", "c0", "root", check=False)


def overflow(t, on_overflow):
    """More clients than a queue of two holds, all with their SYN-ACK before the first of them is counted.

    The queue is made short only when the last SYN-ACK is out: with a short one from the start the kernel answers with
    SYN cookies, and then says nothing at all when the queue is full.
    """
    t.network.server.sysctl("net.ipv4.tcp_abort_on_overflow", on_overflow)
    t.cleanups.append(lambda: t.network.server.sysctl("net.ipv4.tcp_abort_on_overflow", 0))
    listener = t.listen()
    port = listener.getsockname()[1]
    count = max(6, t.n + 3)
    answered = set()
    short = threading.Event()

    def rule(_, s):
        if s.sport == port and s.flags & forge.SYN:
            answered.add(s.dport)
            if len(answered) == count:
                listener.listen(1)
                short.set()

    t.watch(port, rule)
    many = []
    with crowd(t, port):
        for i in range(count):
            s = t.socket(i)
            s.setblocking(False)
            ip, cport = s.getsockname()[:2]
            many.append(Connection(s, None, ip, cport, t.server_ip(), port, time.time_ns()))
            with contextlib.suppress(BlockingIOError):
                s.connect((t.server_ip(), port))
        if not short.wait(5):
            raise LabError(f"{t.spec.name}: {len(answered)} of {count} SYN-ACKs came back")
        time.sleep(0.05 * count)  # the ACKs follow one by one
    return listener, many


def take(listener, many):
    """Accepts what the queue holds; tells who got in."""
    held = {}
    listener.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        while len(held) < 2:
            s, peer = listener.accept()
            held[peer[1]] = s
    for c in many:
        c.server = held.get(c.client_port)
        c.client.setblocking(True)
        c.client.settimeout(2)


def finish(c):
    c.client.shutdown(socket.SHUT_WR)
    recv_all(c.server)
    c.close()


@scenario(
    "listen_overflow_rst",
    "the accept queue is full and tcp_abort_on_overflow is set",
    Expect("listen_overflow_rst", ("server",), ("established",), ("reset",), kernel="server:INVALID_SYN"),
    core=False,
    exclusive="overflow",
)
def listen_overflow_rst(t):
    listener, many = overflow(t, 1)
    take(listener, many)
    for c in many:
        if c.server:
            t.expect_clean(c, "was in the queue")
            finish(c)
        else:
            t.expect(c, "one too many")
            c.close()


@scenario(
    "listen_overflow_drop",
    "the accept queue is full: the server ignores the last ACK and repeats its SYN-ACK",
    Expect("listen_overflow_drop", ("server",), ("syn_ack", "established", "request"), ("timed_out",), kernel="none"),
    core=False,
    exclusive="overflow",
    seconds=12,
)
def listen_overflow_drop(t):
    listener, many = overflow(t, 0)
    for c in many:
        with contextlib.suppress(OSError):
            c.client.send(b"anyone?\n")
    time.sleep(7)  # five doubling repeats of the request; after 9 s the server forgets it and resets
    # Who did not get in gives up without a word, before the queue has room again.
    inside = established(t, listener)
    time.sleep(0.5)
    for c in many:
        if c.client_port not in inside:
            if t.reset_seen(c, wait=0):
                t.ignore(c, "one too many, and forgotten meanwhile")
            else:
                t.expect(c, "one too many")
            vanish(c.client)
    take(listener, [c for c in many if c.client_port in inside])
    for c in many:
        if c.server:
            t.expect_clean(c, "was in the queue")
            finish(c)


def established(t, listener):
    """Client ports of the connections the server's kernel holds as established."""
    lines = t.network.server.run("ss", "-Htn", "state", "established", "sport", "=", f":{listener.getsockname()[1]}")
    return {int(line.split()[3].rsplit(":", 1)[1]) for line in lines.splitlines()}
