# SPDX-License-Identifier: Apache-2.0
"""Connections that never come to be: closed ports, firewalls that reject, answer with ICMP, or swallow."""
import socket
import struct
import time

from context import MARKED, TCP_REPAIR, Expect, exchange, scenario, wait_reset
from net import LabError

TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_REPAIR_WINDOW = 20, 21, 29  # linux/tcp.h


def refused(t, port, tos, note, **changes):
    def one(i):
        c, _ = t.attempt(port, i, tos)
        t.expect(c, note, **changes)
        c.close()

    t.each(one)


@scenario(
    "port_closed",
    "SYN to a port nobody listens on; half of the clients mark their packets with a TOS",
    Expect("port_closed", ("server",), ("syn",), ("refused",), kernel="server:NO_SOCKET"),
)
def port_closed(t):
    baseline(t)
    refused(t, t.port(), MARKED, "marked")
    refused(t, t.port(), 0, "unmarked")


@scenario(
    "host_fw_reject",
    "the server's own firewall rejects with a TCP reset",
    Expect("host_fw_reject", ("server",), ("syn",), ("refused",), kernel="forged"),
)
def host_fw_reject(t):
    baseline(t)
    port = t.port()
    t.nft(t.network.server, "input", f"tcp dport {port} reject with tcp reset")
    refused(t, port, MARKED, "marked")
    # An unmarked IPv4 refusal looks the same as a closed port, field by field; IPv6 still has the flow label.
    refused(t, port, 0, "unmarked", also_ok=("port_closed",) if t.family == 4 else ())


@scenario(
    "path_fw_reject",
    "a firewall on the path rejects with a TCP reset: its TTL is its own",
    Expect("path_fw_reject", ("middlebox",), ("syn",), ("refused",), kernel="forged"),
)
def path_fw_reject(t):
    baseline(t)
    port = t.port()
    t.nft(t.network.router, "forward", f"tcp dport {port} reject with tcp reset")
    refused(t, port, MARKED, "marked")
    refused(t, port, 0, "unmarked")


def baseline(t):
    """A healthy connection to the same server first, so that its TTL can be known."""
    listener = t.listen()
    c = t.pair(listener)
    exchange(c)
    c.client.shutdown(socket.SHUT_WR)
    c.server.recv(1)
    c.close()
    t.expect_clean(c, "healthy service on the same server")
    time.sleep(0.1)


@scenario(
    "syn_blackhole",
    "a firewall on the path drops the SYN and says nothing",
    Expect("syn_blackhole", ("middlebox", "unknown"), ("syn",), ("timed_out",), kernel="none"),
    seconds=8,
)
def syn_blackhole(t):
    port = t.port()
    t.nft(t.network.router, "forward", f"tcp dport {port} drop")

    def one(i):
        s = t.socket(i)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 3)
        c, _ = t.attempt(port, sock=s, seconds=20)
        t.expect(c)
        c.close()

    t.each(one)


@scenario(
    "icmp_reject",
    "a firewall answers with ICMP: on the path for one port, on the server for another",
    Expect("icmp_reject", ("middlebox",), ("syn",), ("rejected",), kernel="none"),
)
def icmp_reject(t):
    path, host = t.port(), t.port()
    t.nft(t.network.router, "forward", f"tcp dport {path} reject with icmpx admin-prohibited")
    t.nft(t.network.server, "input", f"tcp dport {host} reject with icmpx host-unreachable")
    for port, note, origin in (
        (path, "router, administratively prohibited", "middlebox"),
        (host, "server's own firewall, unreachable", "server"),
    ):

        def one(i, port=port, note=note, origin=origin):
            s = t.socket(i)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
            c, _ = t.attempt(port, sock=s, seconds=4)
            t.expect(c, note, origin=(origin,))
            c.close()

        t.each(one)


@scenario(
    "listener_closed_backlog",
    "the server stops listening while connections wait to be accepted",
    Expect(
        "listener_closed_backlog",
        ("server",),
        ("established", "request"),
        ("reset",),
        also_ok=("app_abort_linger0",),
        kernel="server:TCP_STATE|TCP_ABORT_ON_CLOSE",
    ),
    core=False,
)
def listener_closed_backlog(t):
    listener = t.listen()
    port = listener.getsockname()[1]
    waiting = [t.connect(port, i) for i in range(max(3, t.n))]
    for c in waiting:
        t.expect(c)
    time.sleep(0.3)
    listener.close()
    time.sleep(0.2)
    for c in waiting:
        c.close()


@scenario(
    "stray_segment",
    "a segment of a connection the server has never heard of",
    Expect("stray_segment", ("server",), ("midstream", "unknown"), ("reset",), kernel="server:NO_SOCKET|TCP_FLAGS"),
    core=False,
)
def stray_segment(t):
    port = t.port()
    for i in range(t.n):
        # The client's side of a connection, made whole in repair mode (tcp(7)) without a handshake on the wire.
        s = t.socket(i)
        ours, theirs = 0x11110000 + i * 0x1000, 0x22220000 + i * 0x1000
        s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        for queue, sequence in ((2, ours), (1, theirs)):  # 2: send queue, 1: receive queue
            s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
            s.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, sequence)
        c, error = t.attempt(port, sock=s)
        if error:
            raise LabError(f"stray_segment: {error}")
        t.expect(c)
        # struct tcp_repair_window: snd_wl1, snd_wnd, max_window, rcv_wnd, rcv_wup
        s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_WINDOW, struct.pack("5I", theirs, 60000, 60000, 60000, theirs))
        s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, -1)  # out of repair mode without a probe
        s.send(b"still there?\n")
        wait_reset(s)
        s.close()
