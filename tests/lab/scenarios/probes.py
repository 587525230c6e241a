# SPDX-License-Identifier: Apache-2.0
"""Probing and colliding: scanners, health checks, a client that came back after losing its memory."""
import os
import random
import socket
import time

import forge
from box import mac
from context import Connection, Expect, exchange, scenario, vanish
from net import MAC, LabError

SCAN = Expect("port_scan", ("client", "server"), ("syn", "syn_ack", "established"), ("reset", "refused"))


def probe(t, i, sport, dport):
    """A probe's connection: no socket of ours, the scanner owns its port."""
    return Connection(None, None, t.scanner_ip(i), sport, t.server_ip(), dport, time.time_ns())


@scenario("port_scan", "nmap -sS over thirty ports, two of them open", SCAN, seconds=4, needs=("nmap",))
def port_scan(t):
    first = t.port()
    opened = {first + 3, first + 9}
    for p in opened:
        t.listen(p)
    sport = random.randrange(50000, 60000)
    ports = range(first, first + 15)
    for p in ports:
        is_open = p in opened
        t.expect(
            probe(t, 0, sport, p),
            "open" if is_open else "closed",
            also_ok=() if is_open else ("port_closed",),
            kernel="client:NO_SOCKET" if is_open else "server:NO_SOCKET",
        )
    args = ["-6"] if t.family == 6 else []
    p = t.start(
        t.network.client,
        "nmap",
        "-sS",
        "-n",
        "-Pn",
        "--disable-arp-ping",
        *args,
        "-g",
        str(sport),
        "-S",
        t.scanner_ip(0),
        "-e",
        "c0",
        "-T4",
        "--max-retries",
        "1",
        "-p",
        f"{ports.start}-{ports.stop - 1}",
        t.server_ip(),
    )
    try:
        p.wait(20)
    except Exception as e:
        raise LabError(f"nmap did not end: {t.lab.processes.tail(p)}") from e
    if p.returncode:
        raise LabError(f"nmap failed: {t.lab.processes.tail(p)}")


@scenario("port_scan_masscan", "a masscan-like scanner: bare SYNs with TTL 255 and a computed IP-ID", SCAN)
def port_scan_masscan(t):
    port = t.port()
    t.listen(port, which=0)
    with t.network.client:
        out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        out.bind(("c0", 0))
    t.cleanups.append(out.close)
    kind = b"\x08\x00" if t.family == 4 else b"\x86\xdd"
    sport = random.randrange(40000, 61000)
    for p in range(port, port + 15):
        seq = random.getrandbits(32)
        c = probe(t, 1, sport, p)
        dst = int.from_bytes(socket.inet_pton(t.af, c.server_ip)[-4:], "big")
        # masscan's templ-pkt.c: ip_id = (ip ^ port ^ seq) & 0xffff; window 1024, no options.
        packet = forge.tcp(
            c.client_ip, c.server_ip, sport, p, seq, 0, forge.SYN, window=1024, ttl=255, df=False, ip_id=dst ^ p ^ seq
        )
        t.expect(
            c,
            "open" if p == port else "closed",
            also_ok=() if p == port else ("port_closed",),
            kernel="client:NO_SOCKET" if p == port else "server:NO_SOCKET",
        )
        out.send(mac(MAC["r0"]) + mac(MAC["c0"]) + kind + packet)
        time.sleep(0.02)
    time.sleep(0.3)


@scenario(
    "half_open_discovery",
    "a client that lost its memory connects again from the same port",
    Expect(
        "half_open_discovery",
        ("client",),
        ("exchange", "idle", "syn"),
        ("reset",),
        kernel="client:TCP_INVALID_ACK_SEQUENCE",
    ),
    core=False,
    seconds=4,
)
def half_open_discovery(t):
    listener = t.listen()
    port = listener.getsockname()[1]

    def one(i):
        c = t.pair(listener, i)
        t.expect(c)
        exchange(c)
        vanish(c.client)
        time.sleep(0.3)
        again, error = t.attempt(port, sock=t.socket(i, port=c.client_port))
        if error:
            raise LabError(f"half_open_discovery: {error}")
        again.server, _ = listener.accept()
        t.ignore(again, "the second connection, on the same addresses")
        exchange(again)
        again.client.shutdown(socket.SHUT_WR)
        again.server.recv(1)
        again.close()
        c.close()

    for i in range(t.n):
        one(i)
    time.sleep(0.2)


@scenario(
    "health_check",
    "HAProxy checks a healthy server: SYN, SYN-ACK, reset, in a fixed rhythm",
    Expect(
        "health_check",
        ("client",),
        ("syn_ack", "established"),
        ("reset",),
        also_ok=("port_scan", "connect_cancel"),
        kernel="client:TCP_STATE|TCP_ABORT_ON_LINGER|NO_SOCKET",
    ),
    core=False,
    seconds=5,
    needs=("haproxy",),
)
def health_check(t):
    listener = t.listen()
    port, front = listener.getsockname()[1], t.port()
    loop, host = ("127.0.0.1", t.server_ip()) if t.family == 4 else ("[::1]", f"[{t.server_ip()}]")
    config = os.path.join(t.directory(), "haproxy.cfg")
    with open(config, "w", encoding="ascii") as f:
        f.write(
            "defaults\n mode tcp\n timeout connect 1s\n timeout client 2s\n timeout server 2s\n"
            f"frontend f\n bind {loop}:{front}\n default_backend b\n"
            f"backend b\n server s {host}:{port} check inter 400ms\n"
        )
    t.watch(port)
    start = time.time_ns()
    p = t.start(t.network.client, "haproxy", "-db", "-f", config, ready_port=front)
    time.sleep(4)
    t.lab.processes.stop(p)
    time.sleep(0.5)
    with t.box.lock:
        clients = {k[1]: k[0] for k in t.box.last if k[3] == port}
    for sport, ip in clients.items():
        c = Connection(None, None, ip, sport, t.server_ip(), port, start)
        if t.reset_seen(c, "client", wait=0) is False:
            t.ignore(c, "the checker was stopped in the middle of it")
        else:
            t.expect(c)
