# SPDX-License-Identifier: Apache-2.0
"""Devices with a memory on the path: NAT and conntrack that forget, fail over, leak; changing ways."""
import time

from context import Connection, Expect, exchange, recv_exact, request, scenario, vanish, wait_reset


def answered_late(c):
    """The client's next request after the silence, and the end of it."""
    c.client.send(request(2))
    wait_reset(c.client)
    vanish(c.server)
    c.close()


@scenario(
    "nat_expiry_rst",
    "a NAT forgets an idle connection to the address it publishes: its own kernel answers the next packet",
    Expect(
        "nat_expiry_rst",
        ("middlebox",),
        ("idle",),
        ("reset",),
        also_ok=("idle_timeout_rst",),
        kernel="server:NO_SOCKET|TCP_FLAGS",
    ),
    core=False,
    seconds=6,
    needs=("conntrack",),
)
def nat_expiry_rst(t):
    listener = t.listen()
    port = listener.getsockname()[1]
    public, vip = t.port(), ("10.77.1.1" if t.family == 4 else "fd77:1::1")
    ip = "ip" if t.family == 4 else "ip6"
    t.nft_table(
        t.network.router,
        f"""
        chain c {{
          type nat hook prerouting priority -100
          {ip} daddr {vip} tcp dport {public} dnat {ip} to {t.host()}:{port}
        }}""",
    )

    def one(i):
        with t.lock:
            s = t.socket(i)
            start = time.time_ns()
            s.connect((vip, public))
            listener.settimeout(5)
            peer, _ = listener.accept()
            peer.settimeout(5)
        name = s.getsockname()[:2]
        c = Connection(s, peer, name[0], name[1], vip, public, start)
        t.expect(c)
        exchange(c, i)
        time.sleep(3.0)
        t.network.router.run(
            *("conntrack", "-D", "-f", f"ipv{t.family}", "-p", "tcp", "--orig-src", name[0], "--sport", str(name[1])),
            check=False,
        )
        answered_late(c)

    t.each(one)


def stateful(t, port, verdict):
    """A firewall that lets through what it knows and treats the rest so."""
    ip = "ip" if t.family == 4 else "ip6"
    kind = f"ipv{t.family}_addr . inet_service"
    t.nft_table(
        t.network.router,
        f"""
        set live {{ type {kind}; flags dynamic,timeout; timeout 60s; }}
        chain c {{
          type filter hook forward priority 10
          tcp dport {port} tcp flags & (syn|ack) == syn update @live {{ {ip} saddr . tcp sport }} accept
          tcp dport {port} {ip} saddr . tcp sport @live accept
          tcp sport {port} {ip} daddr . tcp dport @live accept
          tcp dport {port} {verdict}
          tcp sport {port} drop
        }}""",
    )


@scenario(
    "state_loss_failover",
    "a firewall fails over without its state: connections to several servers are rejected in the same moment",
    Expect(
        "state_loss_failover",
        ("middlebox",),
        ("exchange", "request"),
        ("reset",),
        # One connection shows a reject in the middle; that many servers were hit at once is another connection's news.
        also_ok=("fw_midstream_reject",),
        kernel="forged",
    ),
    core=False,
    seconds=4,
)
def state_loss_failover(t):
    port = t.port()
    listeners = [t.listen(port, which=k) for k in range(4)]
    stateful(t, port, "reject with tcp reset")
    live = [t.pair(listeners[i % 4], i) for i in range(max(8, t.n))]
    for c in live:
        t.expect(c)
        exchange(c)
    stop = time.monotonic() + 0.8

    def busy(c):
        k = 0
        try:
            while time.monotonic() < stop + 1.0:
                exchange(c, k)
                k += 1
                time.sleep(0.05)
        except OSError:
            pass

    def fail_over(_):
        time.sleep(max(0, stop - time.monotonic()))
        t.network.router.run("nft", "flush", "set", "inet", t.last_table, "live")

    t.each(lambda job: job[0](job[1]), [(fail_over, None)] + [(busy, c) for c in live])
    for c in live:
        vanish(c.server)
        c.close()


@scenario(
    "path_change",
    "the way to the servers changes by some hops; the firewall on the new way knows nothing of the connections",
    Expect(
        "path_change",
        ("middlebox",),
        ("exchange", "request"),
        ("reset",),
        also_ok=("fw_midstream_reject",),
        kernel="forged",
    ),
    core=False,
    seconds=4,
)
def path_change(t):
    listener = t.listen()
    port = listener.getsockname()[1]
    live = t.pairs(listener)
    for c in live:
        t.expect(c)
        exchange(c)
    hops = "ip ttl set 60" if t.family == 4 else "ip6 hoplimit set 60"
    time.sleep(0.4)
    t.nft(t.network.router, "forward", f"{t.only()} tcp sport {port} {hops}", 5)

    def one(c):
        exchange(c, 1)
        time.sleep(0.3)

    t.each(one, live)
    t.nft(t.network.router, "forward", f"tcp dport {port} reject with tcp reset", 20)

    def ask(c):
        c.client.send(request(3))
        wait_reset(c.client)
        time.sleep(0.1)
        vanish(c.server)
        c.close()

    t.each(ask, live)


@scenario(
    "ct_invalid_leak",
    "a packet that conntrack calls invalid leaves without its address translation: the client resets a stranger",
    Expect(
        "ct_invalid_leak",
        ("client",),
        ("midstream",),
        ("reset",),
        also_ok=("stray_segment",),
        kernel="client:NO_SOCKET",
    ),
    core=False,
    seconds=4,
    needs=("conntrack",),
)
def ct_invalid_leak(t):
    listener = t.listen()
    port = listener.getsockname()[1]
    public, vip = t.port(), ("10.77.1.1" if t.family == 4 else "fd77:1::1")
    ip = "ip" if t.family == 4 else "ip6"
    t.nft_table(
        t.network.router,
        f"""
        chain c {{
          type nat hook prerouting priority -100
          {ip} daddr {vip} tcp dport {public} dnat {ip} to {t.host()}:{port}
        }}""",
    )
    for i in range(t.n):
        s = t.socket(i)
        start = time.time_ns()
        s.connect((vip, public))
        listener.settimeout(5)
        peer, _ = listener.accept()
        peer.settimeout(5)
        name = s.getsockname()[:2]
        c = Connection(s, peer, name[0], name[1], vip, public, start)
        t.ignore(c, "the connection to the published address")
        exchange(c, i)
        s.sendall(request(1))
        recv_exact(peer, len(request(1)))
        # As with an invalid packet: translation is forgotten, so the answer leaves with the server's own address.
        t.network.router.run(
            *("conntrack", "-D", "-f", f"ipv{t.family}", "-p", "tcp", "--orig-src", name[0], "--sport", str(name[1])),
            check=False,
        )
        leak = Connection(None, None, name[0], name[1], t.server_ip(), port, time.time_ns())
        t.expect(leak, "the leaked answer")
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        time.sleep(0.3)
        vanish(s)
        vanish(peer)


@scenario(
    "icmp_reject_codes",
    "routers and firewalls say no in every way ICMP has",
    Expect("icmp_reject", ("middlebox",), ("syn",), ("rejected",), kernel="none"),
    core=False,
    seconds=4,
)
def icmp_reject_codes(t):
    kinds = {
        4: ("net-unreachable", "host-unreachable", "port-unreachable", "net-prohibited", "host-prohibited",
            "admin-prohibited", "prot-unreachable"),
        6: ("no-route", "admin-prohibited", "addr-unreachable", "port-unreachable", "policy-fail", "reject-route"),
    }[t.family]
    jobs = []
    for k, kind in enumerate(kinds):
        port = t.port()
        family = "icmp" if t.family == 4 else "icmpv6"
        t.nft(t.network.router, "forward", f"{t.only()} tcp dport {port} reject with {family} type {kind}")
        jobs.append((k, kind, port))

    def one(job):
        k, kind, port = job
        s = t.socket(k)
        s.setsockopt(6, 7, 1)  # TCP_SYNCNT
        c, _ = t.attempt(port, sock=s, seconds=3)
        t.expect(c, kind)
        c.close()

    t.each(one, jobs)
