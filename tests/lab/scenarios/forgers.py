# SPDX-License-Identifier: Apache-2.0
"""More shapes of forged resets: inspecting devices, censors, throttling providers, balancers that say why."""
import random
import threading
import time

import forge
from context import Expect, exchange, recv_exact, scenario, wait_reset
from scenarios.middlebox import RA, on_request, slow_answer
from scenarios.programs import client_hello


def any_id():
    return random.randrange(1, 65536)


def act_on(t, word, act):
    """A listener whose connections the box watches for this word."""
    listener = t.listen()
    t.watch(listener.getsockname()[1], on_request(word, act))
    return listener


def ask(t, listener, path):
    def one(pair):
        i, c = pair
        t.expect(c)
        slow_answer(c, i, path)

    t.each(one, list(enumerate(t.pairs(listener))))


@scenario(
    "ips_reset_strafe",
    "a Snort-like device: TTLs copied from the flow, up to twenty guesses of the sequence number each way",
    Expect("ips_reset_both", ("middlebox",), ("request",), ("reset",), kernel="forged"),
    core=False,
)
def ips_reset_strafe(t):
    def strafe(box, s):
        # Snort 2.9 manual 2.11: the TTL of the session's first packet, several sequence numbers in the window.
        other = box.latest(s.dst, s.dport, s.src, s.sport)
        for k in range(8):
            step = k * s.window // 16
            back = (s.dst, s.src, s.dport, s.sport, s.ack + step, s.end)
            box.to_client(forge.tcp(*back, RA, ttl=other.ttl if other else s.ttl, ip_id=any_id()))
            forth = (s.src, s.dst, s.sport, s.dport, s.end + step, s.ack)
            box.to_server(forge.tcp(*forth, RA, ttl=s.ttl - 1, ip_id=any_id()))

    ask(t, act_on(t, b"/etc/passwd", strafe), b"/etc/passwd")


@scenario(
    "ips_reset_ttl_copied",
    "an inline device that copies TTL and window, and puts one exact reset in either direction",
    Expect("ips_reset_both", ("middlebox",), ("request",), ("reset",), kernel="forged"),
    core=False,
)
def ips_reset_ttl_copied(t):
    def tear(box, s):
        other = box.latest(s.dst, s.dport, s.src, s.sport)
        back = (s.dst, s.src, s.dport, s.sport, s.ack, s.end)
        window = other.window if other else 0
        box.to_client(forge.tcp(*back, RA, ttl=other.ttl if other else 63, window=window, ip_id=any_id()))
        forth = (s.src, s.dst, s.sport, s.dport, s.end, s.ack)
        box.to_server(forge.tcp(*forth, RA, ttl=s.ttl - 1, window=s.window, ip_id=any_id()))

    ask(t, act_on(t, b"/etc/passwd", tear), b"/etc/passwd")


@scenario(
    "ips_reset_plain",
    "a device that sends bare resets without ACK, ID zero, to both sides",
    Expect("ips_reset_both", ("middlebox",), ("request",), ("reset",), kernel="forged"),
    core=False,
)
def ips_reset_plain(t):
    def tear(box, s):
        box.to_client(forge.tcp(s.dst, s.src, s.dport, s.sport, s.ack, 0, forge.RST, ttl=255))
        box.to_server(forge.tcp(s.src, s.dst, s.sport, s.dport, s.end, 0, forge.RST, ttl=255))

    ask(t, act_on(t, b"/etc/passwd", tear), b"/etc/passwd")


@scenario(
    "censor_bare_and_residual",
    "a censor: one bare reset each way with a random TTL, then the same pair is cut at every SYN for a while",
    Expect("censor_injection", ("middlebox",), ("request",), ("reset",), also_ok=("ips_reset_both",), kernel="forged"),
    core=False,
    seconds=3,
)
def censor_bare_and_residual(t):
    cut = set()

    def strike(box, s):
        cut.add((s.src, s.dst))
        ttl = random.randrange(40, 200)
        for _ in range(3):
            back = (s.dst, s.src, s.dport, s.sport, s.ack, s.end)
            box.to_client(forge.tcp(*back, RA, ttl=ttl, window=random.randrange(65536), ip_id=any_id()))
            forth = (s.src, s.dst, s.sport, s.dport, s.end, s.ack)
            box.to_server(forge.tcp(*forth, RA, ttl=ttl, window=random.randrange(65536), ip_id=any_id()))

    listener = t.listen()
    seen = on_request(b"/forbidden", strike)

    def rule(box, s):
        if s.flags & forge.SYN and s.flags & forge.ACK and (s.dst, s.src) in cut:
            for k in range(3):
                back = (s.src, s.dst, s.sport, s.dport, s.end, s.ack)
                box.to_client(forge.tcp(*back, RA, ttl=60 + 7 * k, window=1980 + k, ip_id=any_id()))
        else:
            seen(box, s)

    t.watch(listener.getsockname()[1], rule)
    ask(t, listener, b"/forbidden")
    time.sleep(0.3)

    def again(i):
        c, _ = t.attempt(listener.getsockname()[1], i)
        t.expect(c, "again, soon after", stage=("established", "syn_ack"))
        wait_reset(c.client, 1)
        c.close()

    t.each(again)
    accepted = []
    listener.settimeout(0.2)
    try:
        while True:
            accepted.append(listener.accept()[0])
    except OSError:
        pass
    for s in accepted:
        wait_reset(s, 0.3)
        s.close()


@scenario(
    "censor_syn",
    "a censor answers every SYN with three resets before the server can (seen in 2025)",
    Expect("censor_injection", ("middlebox",), ("syn",), ("refused", "reset"), kernel="forged"),
    core=False,
    needs_delay=True,
)
def censor_syn(t):
    listener = t.listen()

    def rule(box, s):
        if s.flags & forge.SYN and not s.flags & forge.ACK:
            for k in range(3):
                back = (s.dst, s.src, s.dport, s.sport, 0, s.end)
                box.to_client(forge.tcp(*back, RA, ttl=51 + k, window=1980 + k, ip_id=any_id()))

    t.watch(listener.getsockname()[1], rule)

    def one(i):
        c, _ = t.attempt(listener.getsockname()[1], i)
        t.expect(c)
        time.sleep(0.2)
        c.close()

    t.each(one)


@scenario(
    "sni_block_one_sided",
    "a filter tells only the client: one reset right after the ClientHello; other names on that server pass",
    Expect(
        "sni_url_block",
        ("middlebox",),
        ("request",),
        ("reset",),
        also_ok=("fw_midstream_reject", "ips_reset_both"),
        kernel="forged",
    ),
    core=False,
)
def sni_block_one_sided(t):
    def tear(box, s):
        back = (s.dst, s.src, s.dport, s.sport, s.ack, s.end)
        box.to_client(forge.tcp(*back, RA, ttl=64, window=0, ip_id=any_id()))

    listener = act_on(t, b"blocked.example", tear)
    for i in range(2):
        c = t.pair(listener, i)
        t.expect_clean(c, "another name")
        hello = client_hello("www.allowed.example")
        c.client.sendall(hello)
        recv_exact(c.server, len(hello))
        c.server.sendall(b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00")
        recv_exact(c.client, 9)
        c.client.shutdown(1)
        c.server.recv(1)
        c.server.close()
        c.client.recv(1)
        c.close()

    def one(c):
        t.expect(c, "the blocked name")
        c.client.sendall(client_hello("www.blocked.example"))
        wait_reset(c.client)
        time.sleep(0.1)
        wait_reset(c.server, 0.3)
        c.close()

    t.each(one, t.pairs(listener))


@scenario(
    "isp_throttle",
    "a provider cuts peer-to-peer connections: a pair of resets each way, the second far ahead",
    Expect(
        "isp_throttle",
        ("middlebox",),
        ("request", "exchange"),
        ("reset",),
        also_ok=("ips_reset_both",),
        kernel="forged",
    ),
    core=False,
)
def isp_throttle(t):
    hello = b"\x13BitTorrent protocol" + b"\0" * 8 + bytes(range(40))

    def cut(box, s):
        # Weaver, Sommer, Paxson, NDSS 2009: pairs of resets, the second 12503 further on.
        for step in (0, 12503):
            back = (s.dst, s.src, s.dport, s.sport, s.ack + step, s.end)
            box.to_client(forge.tcp(*back, RA, ttl=120, ip_id=256))
            forth = (s.src, s.dst, s.sport, s.dport, s.end + step, s.ack)
            box.to_server(forge.tcp(*forth, RA, ttl=120, ip_id=256))

    listener = act_on(t, b"piece 7", cut)

    def one(c):
        t.expect(c)
        c.client.sendall(hello)
        recv_exact(c.server, len(hello))
        c.server.sendall(hello)
        recv_exact(c.client, len(hello))
        time.sleep(0.1)
        c.client.send(b"\0\0\0\x09\x04piece 7")
        wait_reset(c.client)
        wait_reset(c.server, 0.5)
        c.close()

    t.each(one, t.pairs(listener))


@scenario(
    "lb_no_backend_text",
    "a balancer without a live pool member answers the SYN with a reset that says so",
    Expect("lb_no_backend", ("middlebox",), ("syn",), ("refused",), kernel="forged"),
    core=False,
)
def lb_no_backend_text(t):
    port = t.port()
    t.nft(t.network.router, "forward", f"tcp dport {port} drop")

    def rule(box, s):
        if s.flags & forge.SYN:
            text = b"BIG-IP: [0x2664c65:2574] No pool member available"
            back = (s.dst, s.src, s.dport, s.sport, 0, s.end)
            box.to_client(forge.tcp(*back, RA, ttl=255, payload=text, ip_id=any_id()))

    t.watch(port, rule)

    def one(i):
        c, _ = t.attempt(port, i)
        t.expect(c)
        c.close()

    t.each(one)


@scenario(
    "blind_rst_spray",
    "an attacker off the path tries one sequence number in every window; the connection lives on",
    Expect("blind_rst_attempt", ("off_path",), ("exchange", "request", "idle"), (), kernel="none"),
    core=False,
    seconds=3,
)
def blind_rst_spray(t):
    listener = t.listen()
    port = listener.getsockname()[1]
    t.watch(port)

    def one(pair):
        i, c = pair
        t.expect(c)
        exchange(c, 0)
        time.sleep(0.1)
        down = t.box.latest(c.server_ip, port, c.client_ip, c.client_port)
        for k in range(1, 12):
            number = down.end + k * 300_000_007 + 5000
            packet = forge.tcp(down.src, down.dst, down.sport, down.dport, number, 0, forge.RST, ttl=44, ip_id=any_id())
            t.box.to_client(packet)
            time.sleep(0.01)
        time.sleep(0.2)
        for k in range(3):
            exchange(c, k)
            time.sleep(0.2)
        c.client.shutdown(1)
        c.server.recv(10)
        c.server.close()
        c.client.recv(10)
        c.client.close()

    t.each(one, list(enumerate(t.pairs(listener))))


@scenario(
    "ddos_auth_reset",
    "a scrubber proves new clients real: a SYN-ACK with a wrong number, the client's reset, then the way is free",
    Expect(
        "ddos_auth_reset",
        ("middlebox", "client"),
        ("syn", "syn_ack"),
        ("reset",),
        also_ok=("half_open_discovery",),
        kernel="client:TCP_INVALID_ACK_SEQUENCE",
    ),
    core=False,
    seconds=4,
)
def ddos_auth_reset(t):
    listener = t.listen(which=6)  # its SYN-ACKs are not all its own
    port = listener.getsockname()[1]
    ip = "ip" if t.family == 4 else "ip6"
    t.nft_table(
        t.network.router,
        f"""
        set good {{ type ipv{t.family}_addr . inet_service; flags dynamic,timeout; timeout 20s; }}
        chain c {{
          type filter hook forward priority 0
          tcp dport {port} tcp flags & rst == rst update @good {{ {ip} saddr . tcp sport }} drop
          tcp dport {port} {ip} saddr . tcp sport @good accept
          tcp dport {port} drop
        }}""",
    )
    known, lock = set(), threading.Lock()

    def rule(box, s):
        if s.flags & forge.SYN and not s.flags & forge.ACK:
            with lock:
                if (s.src, s.sport) in known:
                    return
                known.add((s.src, s.sport))
            wrong = (s.dst, s.src, s.dport, s.sport, 0x12345678, s.end + 77777)
            box.to_client(forge.tcp(*wrong, forge.SYN | forge.ACK, ttl=60, window=5840, ip_id=any_id()))

    t.watch(port, rule)
    for i in range(t.n):
        c = t.pair(listener, i)
        t.expect(c)
        exchange(c, i)
        c.client.shutdown(1)
        c.server.recv(1)
        c.server.close()
        c.client.recv(1)
        c.close()
