# SPDX-License-Identifier: Apache-2.0
"""Resets that no endpoint sent: an intrusion prevention system, a censor, a firewall's new rule, a blind attacker."""
import random
import time

import forge
from context import RESPONSE, Expect, exchange, recv_exact, request, scenario, vanish, wait_reset

RA = forge.RST | forge.ACK


def reset_both(box, s):
    """A reset to either side, with exact sequence numbers; TTL and IP-ID are the box's own."""
    for send, forged in (
        (box.to_client, (s.dst, s.src, s.dport, s.sport, s.ack, s.end)),
        (box.to_server, (s.src, s.dst, s.sport, s.dport, s.end, s.ack)),
    ):
        send(forge.tcp(*forged, RA, ttl=128, ip_id=random.randrange(1, 65536)))


def on_request(forbidden, act):
    """A rule that acts once on each connection whose client says a forbidden word."""
    done = set()

    def rule(box, s):
        key = (s.src, s.sport, s.dport)
        if forbidden in s.payload and key not in done:
            done.add(key)
            act(box, s)

    return rule


def slow_answer(c, i, path, host=b"shop.example"):
    """The client asks; the server takes 200 ms to answer, as real ones do, so that the forger wins its race."""
    text = request(i).replace(b"/item", path).replace(b"shop.example", host)
    c.client.sendall(text)
    time.sleep(0.2)
    try:
        recv_exact(c.server, len(text))
        c.server.sendall(RESPONSE)
    except OSError:
        pass
    wait_reset(c.client)
    wait_reset(c.server, 0.5)
    c.close()


@scenario(
    "ips_reset_both",
    "an intrusion prevention system answers the request with a reset to both sides",
    Expect("ips_reset_both", ("middlebox",), ("request",), ("reset",), kernel="forged"),
)
def ips_reset_both(t):
    listener = t.listen()
    t.watch(listener.getsockname()[1], on_request(b"/etc/passwd", reset_both))

    def one(pair):
        i, c = pair
        t.expect(c)
        slow_answer(c, i, b"/etc/passwd")

    t.each(one, list(enumerate(t.pairs(listener))))


@scenario(
    "ips_reset_stale",
    "a Suricata-like device: TTL 64, DF clear, window copied, to the server a stale sequence",
    Expect("ips_reset_both", ("middlebox",), ("request",), ("reset",), kernel="forged"),
)
def ips_reset_stale(t):
    listener = t.listen()

    def tear(box, s):
        # As respond-reject-libnet11.c does: toward the server the trigger's own sequence number, already used.
        box.to_client(
            forge.tcp(
                s.dst,
                s.src,
                s.dport,
                s.sport,
                s.ack,
                s.end,
                RA,
                ttl=64,
                df=False,
                window=s.window,
                ip_id=random.randrange(1, 65536),
            )
        )
        box.to_server(
            forge.tcp(
                s.src,
                s.dst,
                s.sport,
                s.dport,
                s.seq,
                s.ack,
                RA,
                ttl=64,
                df=False,
                window=s.window,
                ip_id=random.randrange(1, 65536),
            )
        )

    t.watch(listener.getsockname()[1], on_request(b"/etc/passwd", tear))

    def one(pair):
        i, c = pair
        t.expect(c)
        slow_answer(c, i, b"/etc/passwd")

    t.each(one, list(enumerate(t.pairs(listener))))


@scenario(
    "censor_injection",
    "a censor: three resets to each side at X, X+1460 and X+4380 with changing TTL and window",
    Expect("censor_injection", ("middlebox",), ("request",), ("reset",), kernel="forged"),
)
def censor_injection(t):
    listener = t.listen()

    def strike(box, s):
        for k, step in enumerate((0, 1460, 4380)):
            ttl, window = 70 + 11 * k, 1980 + k
            box.to_client(
                forge.tcp(
                    s.dst,
                    s.src,
                    s.dport,
                    s.sport,
                    s.ack + step,
                    s.end,
                    RA,
                    ttl=ttl,
                    window=window,
                    ip_id=random.randrange(1, 65536),
                )
            )
            box.to_server(
                forge.tcp(
                    s.src,
                    s.dst,
                    s.sport,
                    s.dport,
                    s.end + step,
                    s.ack,
                    RA,
                    ttl=ttl + 3,
                    window=window,
                    ip_id=random.randrange(1, 65536),
                )
            )

    t.watch(listener.getsockname()[1], on_request(b"/forbidden", strike))

    def one(pair):
        i, c = pair
        t.expect(c)
        slow_answer(c, i, b"/forbidden")

    t.each(one, list(enumerate(t.pairs(listener))))


@scenario(
    "fw_midstream_reject",
    "a new firewall rule rejects a running connection: only the client is told",
    Expect("fw_midstream_reject", ("middlebox",), ("exchange", "request"), ("reset",), kernel="forged"),
)
def fw_midstream_reject(t):
    listener = t.listen()
    live = t.pairs(listener)
    for c in live:
        t.expect(c)
        exchange(c)
    time.sleep(0.3)
    t.nft(t.network.router, "forward", f"tcp dport {listener.getsockname()[1]} reject with tcp reset")

    def one(c):
        c.client.send(request(2))
        wait_reset(c.client)
        time.sleep(0.1)
        # The server has heard nothing and goes on.
        c.server.send(b"event: tick\n\n")
        time.sleep(0.3)
        vanish(c.server)
        c.close()

    t.each(one, live)


@scenario(
    "blind_rst_attempt",
    "an attacker off the path guesses: in the window, but not the exact sequence number",
    Expect("blind_rst_attempt", ("off_path",), ("exchange", "request", "idle"), (), kernel="none"),
    seconds=3,
)
def blind_rst_attempt(t):
    listener = t.listen()
    port = listener.getsockname()[1]
    t.watch(port)

    def one(pair):
        i, c = pair
        t.expect(c, "toward the client" if i % 2 == 0 else "toward the server")
        for k in range(3):
            exchange(c, k)
            time.sleep(0.05)
        up = t.box.latest(c.client_ip, c.client_port, c.server_ip, port)
        down = t.box.latest(c.server_ip, port, c.client_ip, c.client_port)
        send, me = (t.box.to_client, down) if i % 2 == 0 else (t.box.to_server, up)
        # A plain reset as blind tools make it, some way into the window; the connection goes on as if nothing were.
        send(
            forge.tcp(
                me.src,
                me.dst,
                me.sport,
                me.dport,
                me.end + 3000 + 17 * i,
                0,
                forge.RST,
                ttl=49,
                ip_id=random.randrange(1, 65536),
            )
        )
        time.sleep(0.3)
        for k in range(3):
            exchange(c, k)
            time.sleep(0.2)
        c.client.shutdown(1)
        c.server.recv(10)
        c.server.close()
        c.client.recv(10)
        c.client.close()

    t.each(one, list(enumerate(t.pairs(listener))))
