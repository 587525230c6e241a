# SPDX-License-Identifier: Apache-2.0
"""More probing: nmap's other scans, hping3, zmap; floods and their echo; clients that change their mind."""
import random
import socket
import time

import forge
from box import mac
from context import Connection, Expect, exchange, linger0, scenario, wait_reset
from net import MAC, SCANNER_UID, LabError

SCAN = Expect("port_scan", ("client", "server"), ("syn", "syn_ack", "established", "midstream"), ("reset", "refused"))


def probe(t, i, sport, dport):
    return Connection(None, None, t.scanner_ip(i), sport, t.server_ip(), dport, time.time_ns())


def tool(t, *args):
    """A scanner that runs to its end."""
    p = t.start(t.network.client, *args)
    try:
        p.wait(25)
    except Exception as e:
        raise LabError(f"{args[0]} did not end: {t.lab.processes.tail(p)}") from e
    if p.returncode:
        raise LabError(f"{args[0]} failed: {t.lab.processes.tail(p)}")


def nmap(t, kind, i, sport, ports):
    args = ["nmap", kind, "-n", "-Pn", "--disable-arp-ping", "-T4", "--max-retries", "0"]
    args += ["-6"] if t.family == 6 else []
    args += ["-p", f"{ports.start}-{ports.stop - 1}", t.server_ip()]
    if kind == "-sT":  # connect() by a user whose way out has a scanner's address
        tool(t, "setpriv", f"--reuid={SCANNER_UID}", "--clear-groups", *args, "--unprivileged")
    else:
        tool(t, *args, "-g", str(sport), "-S", t.scanner_ip(i), "-e", "c0")


def raw(t):
    """Sends IP packets out of the client's link."""
    with t.network.client:
        out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        out.bind(("c0", 0))
    t.cleanups.append(out.close)
    head = mac(MAC["r0"]) + mac(MAC["c0"]) + (b"\x08\x00" if t.family == 4 else b"\x86\xdd")
    return lambda packet: out.send(head + packet)


@scenario(
    "port_scan_flags",
    "nmap -sF and -sX: segments no connection begins with, to closed ports",
    SCAN,
    core=False,
    seconds=3,
    needs=("nmap",),
)
def port_scan_flags(t):
    first = t.port()
    for kind, ports in (("-sF", range(first, first + 6)), ("-sX", range(first + 6, first + 12))):
        sport = random.randrange(40000, 60000)
        for p in ports:
            akin = ("stray_segment", "port_closed")
            t.expect(probe(t, 2, sport, p), f"nmap {kind}", also_ok=akin, kernel="server:NO_SOCKET")
        nmap(t, kind, 2, sport, ports)


@scenario(
    "port_scan_ack",
    "nmap -sA: bare ACKs, to learn what a firewall lets through",
    SCAN,
    core=False,
    seconds=3,
    needs=("nmap",),
)
def port_scan_ack(t):
    first = t.port()
    sport = random.randrange(40000, 60000)
    ports = range(first, first + 8)
    for p in ports:
        t.expect(probe(t, 3, sport, p), "nmap -sA", also_ok=("stray_segment",), kernel="server:NO_SOCKET")
    nmap(t, "-sA", 3, sport, ports)


@scenario(
    "port_scan_connect",
    "nmap -sT: whole connections, reset at once where a port is open",
    SCAN,
    core=False,
    seconds=3,
    needs=("nmap",),
)
def port_scan_connect(t):
    first = t.port()
    opened = {first + 1, first + 5}
    for p in opened:
        t.listen(p)
    # nmap -sT leaves the choice of source ports to the kernel: the box sees them.
    for p in range(first, first + 8):
        t.watch(p)
    start = time.time_ns()
    nmap(t, "-sT", 0, 0, range(first, first + 8))
    time.sleep(0.2)
    with t.box.lock:
        seen = {k for k in t.box.last if first <= k[3] < first + 8}
    for src, sport, dst, dport in sorted(seen):
        c = Connection(None, None, src, sport, dst, dport, start)
        if dport in opened:
            akin = ("health_check", "connect_cancel")
            t.expect(c, "open", also_ok=akin, kernel="client:TCP_STATE")
        else:
            t.expect(c, "closed", also_ok=("port_closed",), kernel="server:NO_SOCKET")


@scenario(
    "port_scan_hping3",
    "hping3 --scan: SYNs with no options",
    SCAN,
    core=False,
    seconds=4,
    needs=("hping3",),
    families=(4,),
)
def port_scan_hping3(t):
    first = t.port()
    opened = first + 2
    t.listen(opened)
    for p in range(first, first + 8):
        t.watch(p)
    start = time.time_ns()
    tool(t, "hping3", "--scan", f"{first}-{first + 7}", "-S", "-I", "c0", "-a", t.scanner_ip(1), t.server_ip())
    time.sleep(0.2)
    with t.box.lock:
        seen = {k for k in t.box.last if first <= k[3] < first + 8}
    for src, sport, dst, dport in sorted(seen):
        c = Connection(None, None, src, sport, dst, dport, start)
        if dport == opened:
            truth = t.expect(c, "open", kernel="client:NO_SOCKET")
        else:
            truth = t.expect(c, "closed", also_ok=("port_closed",), kernel="server:NO_SOCKET")
        truth["many"] = True  # hping3 asks again with the same segment


@scenario("port_scan_zmap", "a zmap-like scanner of one port: IP-ID 54321, TTL 255", SCAN, core=False)
def port_scan_zmap(t):
    port, closed = t.port(), t.port()
    for which in range(4):
        t.listen(port, which=which)
    send = raw(t)
    for which in range(4):
        for dport in (port, closed):
            sport = random.randrange(33000, 60000)
            c = Connection(None, None, t.scanner_ip(2), sport, t.server_ip(which), dport, time.time_ns())
            is_open = dport == port
            t.expect(
                c,
                "open" if is_open else "closed",
                also_ok=() if is_open else ("port_closed",),
                kernel="client:NO_SOCKET" if is_open else "server:NO_SOCKET",
            )
            send(
                forge.tcp(
                    c.client_ip, c.server_ip, sport, dport, random.getrandbits(32), 0, forge.SYN, window=65535, ttl=255,
                    df=False, ip_id=54321,
                )
            )
            time.sleep(0.02)
    time.sleep(0.3)


@scenario(
    "syn_flood",
    "a bounded SYN flood from addresses that answer nothing",
    Expect("syn_flood", ("unknown", "client", "off_path"), ("syn_ack",), ("timed_out",), kernel="none"),
    core=False,
    seconds=19,
)
def syn_flood(t):
    listener = t.listen(backlog=8)
    port = listener.getsockname()[1]
    send = raw(t)
    for k in range(24):
        sport = random.randrange(1024, 65000)
        c = Connection(None, None, t.nowhere_ip(k), sport, t.server_ip(), port, time.time_ns())
        t.expect(c)
        packet = forge.tcp(
            c.client_ip, c.server_ip, sport, port, random.getrandbits(32), 0, forge.SYN, window=random.randrange(65536),
            ttl=random.randrange(40, 120), df=False, ip_id=random.randrange(65536),
        )
        send(packet)
        time.sleep(0.002)
    time.sleep(18)  # the server repeats its SYN-ACKs at 1, 3, 7 and 15 s


@scenario(
    "backscatter",
    "answers to SYNs that somebody else sent in our name: SYN-ACKs and resets out of the blue",
    Expect(
        "backscatter",
        ("client", "server"),
        ("midstream", "syn_ack"),
        ("reset",),
        kernel="client:NO_SOCKET",
    ),
    core=False,
)
def backscatter(t):
    port = t.port()
    with t.network.server:
        out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        out.bind(("s0", 0))
    t.cleanups.append(out.close)
    head = mac(MAC["r1"]) + mac(MAC["s0"]) + (b"\x08\x00" if t.family == 4 else b"\x86\xdd")
    for i in range(t.n):
        c = Connection(
            None, None, t.client_ip(i), random.randrange(33000, 60000), t.server_ip(), port, time.time_ns()
        )
        t.expect(c, "a SYN-ACK")
        numbers = random.getrandbits(32), random.getrandbits(32)
        packet = forge.tcp(
            c.server_ip, c.client_ip, port, c.client_port, *numbers, forge.SYN | forge.ACK, window=64240,
            options=b"\x02\x04\x05\xb4",
        )
        out.send(head + packet)
        time.sleep(0.05)
    time.sleep(0.3)


@scenario(
    "connect_cancel",
    "the client's patience ends before the SYN-ACK comes: its kernel resets the late answer",
    Expect(
        "connect_cancel",
        ("client",),
        ("syn_ack", "syn"),
        ("reset",),
        kernel="client:NO_SOCKET",
    ),
    core=False,
    seconds=4,
)
def connect_cancel(t):
    listener = t.listen()
    port = listener.getsockname()[1]
    # The first SYN-ACKs are lost: the answer comes when the server repeats it, a second later.
    ip = "ip" if t.family == 4 else "ip6"
    t.nft_table(
        t.network.router,
        f"""
        set once {{ type ipv{t.family}_addr . inet_service; flags dynamic,timeout; timeout 20s; }}
        chain c {{
          type filter hook forward priority 0
          tcp sport {port} {ip} daddr . tcp dport @once accept
          tcp sport {port} tcp flags & (syn|ack) == (syn|ack) update @once {{ {ip} daddr . tcp dport }} drop
        }}""",
    )

    def one(i):
        c, error = t.attempt(port, i, seconds=0.6)
        if error is None:
            raise LabError("connect_cancel: connected in spite of the lost SYN-ACK")
        t.expect(c, "gave up after 0.6 s")
        c.close()

    t.each(one)
    time.sleep(2.0)


@scenario(
    "connect_cancel_rival",
    "a rival attempt won: the connection is reset as soon as it stands",
    Expect(
        "connect_cancel",
        ("client",),
        ("established",),
        ("reset",),
        also_ok=("app_abort_linger0", "health_check"),
        kernel="client:TCP_STATE|TCP_ABORT_ON_LINGER",
    ),
    core=False,
)
def connect_cancel_rival(t):
    listener, rival = t.listen(which=0), t.listen(which=1)

    def one(i):
        c, winner = t.pair(listener, i), t.pair(rival, i)
        t.expect(c, "the loser")
        t.expect_clean(winner, "the winner")
        linger0(c.client)
        c.client.close()
        exchange(winner, i)
        winner.client.shutdown(1)
        winner.server.recv(1)
        winner.close()
        c.close()

    for i in range(t.n):
        one(i)
        time.sleep(random.uniform(0.05, 0.3))


@scenario(
    "health_check_linger",
    "a balancer checks every half second: a whole handshake, then a reset",
    Expect(
        "health_check",
        ("client",),
        ("established",),
        ("reset",),
        also_ok=("connect_cancel",),
        kernel="client:TCP_STATE|TCP_ABORT_ON_LINGER",
    ),
    core=False,
    seconds=5,
)
def health_check_linger(t):
    listener = t.listen()
    began = time.monotonic()
    for k in range(7):
        c = t.pair(listener, 6)
        t.expect(c)
        linger0(c.client)
        c.client.close()
        wait_reset(c.server, 1)
        c.close()
        time.sleep(max(0, began + 0.5 * (k + 1) - time.monotonic()))
