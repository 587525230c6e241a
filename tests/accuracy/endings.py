# SPDX-License-Identifier: Apache-2.0
"""Ways a connection ends, told as its two systems and the devices between would do it: a function each, which plays the
packets into a Talk and gives the truth. What is true is what was played, never what the product is known to say.

A truth may name other causes whose packets are the same (`also`), and say that packets alone do not tell (`dim`): then
"unknown" is as good an answer.
"""
import dataclasses

from stacks import (ABORTING, ANSWER, BUSY, CLIENT, CLIENTS, F5, FREEBSD, GET, LINUX, LWIP, MACOS, REFUSING, SERVER,
                    SERVERS, TLS_ALERT, TLS_HELLO, TLS_SERVER, WINDOWS)

ENDINGS = {}  # name -> (function, clients, servers, options of the Talk)


@dataclasses.dataclass
class Truth:
    cause: str | None            # None: nothing may be reported
    origin: tuple = ()
    stage: tuple = ()
    also: tuple = ()
    dim: bool = False
    events: int = 1


def ending(clients=CLIENTS, servers=SERVERS, **talk):
    def keep(function):
        ENDINGS[function.__name__] = (function, clients, servers, talk)
        return function

    return keep


def asked(t, request=None):
    """Shaken hands, and a request on its way."""
    t.handshake().wait(t.rng.uniform(0.0001, 0.02))
    return t.client_sends(request or t.rng.randrange(40, 1800))


def talked(t, rounds=None):
    """Some requests and answers, the last one complete and acknowledged."""
    t.handshake()
    for _ in range(rounds or t.rng.randint(1, 4)):
        t.wait(t.rng.uniform(0.001, 0.2)).client_sends(t.rng.randrange(40, 900))
        t.wait(t.rng.uniform(0.002, 0.2)).server_sends(t.rng.randrange(200, 9000))
    return t


def spoke_last(t, end):
    """… with this end's message as the last."""
    talked(t)
    if end == CLIENT:
        t.wait(0.01).client_sends(t.rng.randrange(40, 900))
    return t


# ---- refusal ----


@ending(servers=REFUSING)
def closed_port(t):
    t.marked(t.rng.choice((0, 0, 0x48, 0xB8)))
    t.syn().wait(t.rtt[SERVER])
    t.rst(SERVER, "stateless")
    unmarked = t.ends[CLIENT].stack.tos == 0
    return Truth("port_closed", ("server",), ("syn",), also=("host_fw_reject",) if unmarked else (),
                 dim=t.systems[SERVER] is LWIP)


@ending(clients=(WINDOWS,))
def closed_port_windows_insists(t):
    """KB175523: it asks three times more, half a second apart, with the same numbers."""
    for i in range(4):
        if i:
            t.ends[CLIENT].next_seq -= 1
        t.syn().wait(t.rtt[SERVER])
        t.rst(SERVER, "stateless").wait(0.5)
    return Truth("port_closed", ("server",), ("syn",), also=("host_fw_reject",), events=4)


@ending(servers=(LINUX,))
def host_firewall_rejects(t):
    t.marked(0x48)
    t.syn().wait(t.rtt[SERVER])
    t.rst(SERVER, "reject")
    return Truth("host_fw_reject", ("server",), ("syn",), dim=True)


@ending(place=0.5)
def path_firewall_rejects(t):
    """A port the server itself serves to others; a device refuses this client. One connection alone shows little."""
    t.syn()
    t.device(SERVER, "RA", ttl=255, seq=0, ids="random", df=t.rng.random() < 0.5)
    return Truth("path_fw_reject", ("middlebox",), ("syn",), also=("port_closed", "host_fw_reject"), dim=True)


@ending()
def silence(t):
    """Retries as its system makes them: 1, 2, 4 … s (RFC 6298), 3, 6 s (Windows before 8), 1, 1, 1 … s (macOS)."""
    gaps = {"linux": (1, 2, 4), "windows": (3, 6), "macos": (1, 1, 1, 1, 1, 2)}.get(t.systems[CLIENT].name, (1, 2, 4))
    t.syn()
    for gap in gaps:
        t.wait(gap).add(CLIENT, t.segment(CLIENT, "S", seq=t.ends[CLIENT].last_data.seq))
    return Truth("syn_blackhole", ("unknown",), ("syn",), also=("listen_overflow_drop",))


@ending(servers=(LINUX, FREEBSD))
def backlog_full_rst(t):
    t.handshake().wait(t.rtt[SERVER])
    t.rst(SERVER, "stateless")
    return Truth("listen_overflow_rst", ("server",), ("established",), dim=True)


@ending(servers=(LINUX,))
def backlog_full_silent(t):
    t.handshake()
    gap = 1.0
    for _ in range(5):
        t.wait(gap).add(SERVER, t.segment(SERVER, "SA", seq=t.ends[SERVER].last_data.seq, ipid=0)).ack(CLIENT)
        gap *= 2
    return Truth("listen_overflow_drop", ("server",), ("established",))


# ---- endpoint abort ----


@ending(servers=ABORTING)
def server_aborts_request(t):
    asked(t).wait(t.rng.choice((0.003, 0.04, 0.35, 0.77)) * t.rng.uniform(0.9, 1.1))
    t.rst(SERVER)
    return Truth("app_abort_unread", ("server",), ("request",), also=("app_abort_linger0",))


@ending(servers=ABORTING)
def server_aborts_later_request(t):
    spoke_last(t, CLIENT).wait(t.rng.uniform(0.003, 0.6))
    t.rst(SERVER)
    return Truth("app_abort_unread", ("server",), ("exchange",), also=("app_abort_linger0",))


@ending(servers=ABORTING)
def server_drops_answered(t):
    talked(t).wait(t.rng.uniform(0.02, 0.6))
    t.rst(SERVER)
    return Truth("app_abort_linger0", ("server",), ("exchange",), also=("app_abort_unread", "admin_kill"))


@ending(servers=ABORTING)
def server_busy(t):
    asked(t, GET).wait(0.02).server_sends(BUSY).wait(0.001)
    t.rst(SERVER)
    return Truth("overload", ("server",), ("exchange",), also=("app_abort_linger0",))


@ending()
def client_has_enough(t):
    asked(t, GET).wait(0.02).server_sends(ANSWER).wait(t.rng.uniform(0.0003, 0.05))
    t.rst(CLIENT)
    return Truth("client_fast_close", ("client",), ("exchange",), also=("client_cancel", "app_abort_linger0"))


@ending()
def client_goes_away(t):
    """In the middle of an answer: what is under way is answered by RSTs without a socket."""
    asked(t, GET).wait(0.02).server_sends(14000)
    t.server_sends(5 * (t.ends[SERVER].stack.mss - (12 if t.both else 0)), acked=False)
    t.wait(t.rtt[CLIENT]).rst(CLIENT)
    for _ in range(t.rng.randint(2, 5)):
        t.wait(0.0002).plain(SERVER, "A", payload=b"y" * 1300)
        t.wait(t.rtt[CLIENT] if t.rng.random() < 0.3 else 0.0002).rst(CLIENT, "stateless")
    return Truth("client_cancel", ("client",), ("exchange",), also=("client_fast_close",))


@ending()
def late_data(t):
    """The server said goodbye; the client writes on long afterwards."""
    talked(t).wait(0.37).server_fin().wait(t.rng.uniform(1.3, 9.7))
    t.client_sends(200, acked=False).wait(t.rtt[SERVER])
    t.rst(SERVER, "stateless")
    return Truth("close_then_late_data", ("server",), ("closing",), also=("idle_timeout_fin",))


@ending()
def idle_timeout_with_fin(t):
    seconds = t.rng.choice((5, 15, 60, 65, 75))
    talked(t).wait(seconds - t.rtt[CLIENT] + 0.001).server_fin().wait(t.rng.uniform(2.3, 7.7))
    t.client_sends(200, acked=False).wait(t.rtt[SERVER])
    t.rst(SERVER, "stateless")
    return Truth("idle_timeout_fin", ("server",), ("closing",), also=("close_then_late_data",))


@ending()
def keepalive_race(t):
    talked(t).wait(60.0 - t.rtt[CLIENT] + 0.001)
    # Both set out at once: the request passes the tap while the FIN is on the client's half of the way.
    t.fin(SERVER, acked=False).wait(min(t.rtt[CLIENT] * 0.4, 0.0002)).client_sends(200, acked=False)
    t.wait(t.rtt[SERVER]).rst(SERVER, "stateless")
    return Truth("keepalive_race", ("server",), ("closing",), also=("close_then_late_data", "idle_timeout_fin"))


@ending()
def lost_state(t):
    """The server started anew: its kernel knows nothing of the connection."""
    talked(t).wait(t.rng.uniform(14.2, 700))
    t.client_sends(300, acked=False).wait(t.rtt[SERVER])
    t.rst(SERVER, "stateless")
    return Truth("host_restart_stale", ("server",), ("idle",), also=("nat_expiry_rst",), dim=True)


@ending(servers=(LINUX, FREEBSD, MACOS, WINDOWS))
def keepalive_fails(t):
    """Linux 75 s, macOS 75 s, Windows 1 s between probes; then RST."""
    talked(t).wait(120.4)
    gap = {"windows": 1.0}.get(t.systems[SERVER].name, t.rng.choice((10.0, 75.0)))
    for _ in range(t.rng.randint(3, 9)):
        t.keepalive_probe(SERVER).wait(gap)
    t.rst(SERVER)
    return Truth("keepalive_timeout", ("server",), ("idle",))


@ending(servers=(FREEBSD, MACOS, WINDOWS))
def repeats_in_vain(t):
    """BSD's tcp_drop and Windows after TcpMaxDataRetransmissions say so with a RST."""
    asked(t).wait(0.02).server_sends(900, acked=False)
    gap = 0.3
    for _ in range(5):
        t.wait(gap).retransmit(SERVER)
        gap *= 2
    t.wait(gap).rst(SERVER)
    return Truth("retrans_timeout", ("server",), ("exchange",))


@ending(servers=(LINUX,))
def repeats_into_silence(t):
    asked(t).wait(0.02).server_sends(900, acked=False)
    gap = 0.25
    for _ in range(8):
        t.wait(gap).retransmit(SERVER)
        gap *= 2
    return Truth("retrans_timeout", ("unknown",), ("exchange",))


# ---- timers of devices ----


@ending(place=0.5)
def balancer_resets_both_after_idle(t):
    """Azure 240 s, F5 300 s, ASA 3600 s: a RST to either side, drawn by no packet."""
    talked(t).wait(t.rng.choice((240, 300, 3600)) + t.rng.uniform(0, 0.01))
    flags = t.rng.choice(("R", "RA"))
    t.device(SERVER, flags, ttl=255, ids="random", seq=t.ends[SERVER].next_seq, ack=t.ends[CLIENT].next_seq, wait=False)
    t.wait(0.00005)
    t.device(CLIENT, flags, ttl=255, ids="random", seq=t.ends[CLIENT].next_seq, ack=t.ends[SERVER].next_seq, wait=False)
    return Truth("idle_timeout_rst", ("middlebox",), ("idle",))


@ending(place=0.5)
def balancer_forgot(t):
    """AWS NLB: silent after 350 s; the next packet draws a RST."""
    talked(t).wait(350 + t.rng.uniform(3, 600))
    t.client_sends(300, acked=False)
    t.device(SERVER, t.rng.choice(("R", "RA")), ttl=t.rng.choice((64, 255)), ids="random",
             df=t.rng.random() < 0.5)
    return Truth("idle_timeout_rst", ("middlebox",), ("idle",), also=("nat_expiry_rst",))


@ending()
def conntrack_forgot(t):
    """… or drops: the client repeats itself until it gives up."""
    talked(t).wait(3600 + t.rng.uniform(10, 300))
    t.client_sends(300, acked=False)
    gap = 0.3
    for _ in range(8):
        t.wait(gap).retransmit(CLIENT)
        gap *= 2
    return Truth("silent_state_expiry", ("unknown",), ("idle",), also=("retrans_timeout",))


# ---- devices on the path ----


def displeased(t):
    """A packet an inspecting device dislikes, in the middle of a connection."""
    spoke_last(t, SERVER).wait(0.05)
    t.client_sends(b"\x90" * 400, acked=False)


@ending(place=0.5)
def snort_resets_both(t):
    """Snort 2.9 manual 2.11: TTL as seen in the session, sequence numbers strafed."""
    displeased(t)
    t.wait(0.0003)
    peer = t.ends[CLIENT].last
    for k in range(t.rng.choice((1, 4))):
        t.wait(0.00001).device(SERVER, "RA", ttl=(t.ends[SERVER].stack.ttl,), ids="random", wait=False,
                               seq=peer.ack + k * t.rng.choice((183, 512)))
        t.device(CLIENT, "RA", ttl=(t.ends[CLIENT].stack.ttl,), ids="random", wait=False, ack=peer.ack,
                 seq=peer.seq_end + k * 512)
    return Truth("ips_reset_both", ("middlebox",), ("exchange",), also=("censor_injection",))


@ending(place=0.5)
def suricata_rejects_both(t):
    """respond-reject-libnet11.c: RST|ACK, TTL 64, DF clear, the trigger's window."""
    displeased(t)
    peer = t.ends[CLIENT].last
    t.device(SERVER, "RA", ttl=64, ids="random", df=False, window=peer.window)
    t.wait(0.00002)
    t.device(CLIENT, "RA", ttl=64, ids="random", df=False, window=peer.window, seq=peer.seq, ack=peer.ack, wait=False)
    return Truth("ips_reset_both", ("middlebox",), ("exchange",))


@ending(place=0.5)
def palo_alto_resets_both(t):
    displeased(t)
    peer = t.ends[CLIENT].last
    t.device(SERVER, "RA", ttl=64, ids="random")
    t.wait(0.00002).device(CLIENT, "RA", ttl=64, ids="random", seq=peer.seq_end, ack=peer.ack, wait=False)
    return Truth("ips_reset_both", ("middlebox",), ("exchange",))


@ending(place=0.5)
def fortigate_resets_client(t):
    displeased(t)
    t.device(SERVER, "R", ttl=255, ids="random")
    return Truth("fw_midstream_reject", ("middlebox",), ("exchange",))


@ending(place=0.5)
def asa_resets_server(t):
    """resetoutbound: the RST goes on in the client's name."""
    displeased(t)
    peer = t.ends[CLIENT].last
    t.device(CLIENT, "RA", ttl=255, ids="random", df=False, seq=peer.seq_end, ack=peer.ack)
    return Truth("fw_midstream_reject", ("middlebox",), ("exchange",))


@ending(place=0.5)
def netfilter_rejects(t):
    """nf_reject_ipv4.c on a router between; the server goes on."""
    t.marked(0x28)
    displeased(t)
    t.device(SERVER, "R", ttl=64)
    t.wait(t.rtt[SERVER]).server_sends(700, acked=False).wait(t.rtt[CLIENT]).rst(CLIENT, "stateless")
    return Truth("fw_midstream_reject", ("middlebox",), ("exchange",))


@ending(place=0.5)
def some_device(t):
    """Whatever product it is: of what a RST may look like, anything, but its distance is its own."""
    displeased(t)
    peer = t.ends[CLIENT].last
    same = {"ttl": t.rng.choice((64, 128, 255)), "ids": t.rng.choice(("zero", "random", peer.ipid)),
            "df": t.rng.random() < 0.6, "window": t.rng.choice((0, 0, peer.window, 8192, t.rng.randrange(65536))),
            "label": t.rng.choice((0, peer.flow_label))}
    flags, both = t.rng.choice(("R", "RA")), t.rng.random() < 0.5
    t.device(SERVER, flags, **same)
    if both:
        t.wait(0.00002).device(CLIENT, flags, **same, seq=peer.seq_end, ack=peer.ack, wait=False)
    return Truth("ips_reset_both" if both else "fw_midstream_reject", ("middlebox",), ("exchange",))


@ending(place=0.5)
def some_device_refuses(t):
    """… and of a SYN: with nothing else of the server seen, it may pass for the server itself."""
    t.syn()
    t.device(SERVER, "RA", ttl=t.rng.choice((64, 128, 255)), ids=t.rng.choice(("zero", "random", 0x1234)), seq=0,
             df=t.rng.random() < 0.6, window=t.rng.choice((0, 0, 8192)))
    return Truth("path_fw_reject", ("middlebox",), ("syn",), also=("port_closed", "host_fw_reject"), dim=True)


@ending()
def great_firewall(t):
    """Wang et al., IMC 2017: three RST|ACK at X, X+1460, X+4380, TTL and window of no one."""
    asked(t, TLS_HELLO)
    peer = t.ends[CLIENT].last_data
    t.wait(t.rng.uniform(0.0005, 0.006))
    for k in (0, 1460, 4380):
        t.device(SERVER, "RA", ttl=(t.rng.choice((47, 58, 91, 109)),), window=t.rng.randrange(60, 6000), ids="random",
                 df=False, seq=peer.ack + k, ack=peer.seq_end, wait=False).wait(0.00002)
    return Truth("censor_injection", ("middlebox",), ("request",), also=("sni_url_block",))


@ending(place=0.5)
def name_filter(t):
    """A proxy or DNS filter product: the ClientHello draws a RST to either side."""
    asked(t, TLS_HELLO)
    peer = t.ends[CLIENT].last_data
    t.device(SERVER, "RA", ttl=64, ids="random", seq=peer.ack, ack=peer.seq_end)
    t.wait(0.00003).device(CLIENT, "RA", ttl=64, ids="random", seq=peer.seq_end, ack=peer.ack, wait=False)
    return Truth("sni_url_block", ("middlebox",), ("request",), also=("ips_reset_both",))


@ending()
def blind_attack(t):
    """RFC 5961: in the window, not exact; a challenge ACK, and life goes on."""
    talked(t).wait(0.3)
    t.device(SERVER, "R", ttl=(t.rng.choice((37, 50, 113, 240)),), ids="random", seq=t.ends[SERVER].next_seq + 3000,
             wait=False)
    t.wait(t.rtt[CLIENT]).add(CLIENT, t.segment(CLIENT, "A")).wait(0.1)
    t.client_sends(300).wait(0.02).server_sends(900)
    t.wait(3).client_fin().server_fin()
    return Truth("blind_rst_attempt", ("off_path",), ("exchange",))


# ---- protocol, load ----


@ending(servers=ABORTING)
def tls_alert(t):
    asked(t, TLS_HELLO).wait(0.004).server_sends(TLS_SERVER).wait(0.002)
    t.client_sends(TLS_ALERT, acked=False).wait(0.00005)
    t.rst(CLIENT)
    return Truth("tls_failure", ("client",), ("exchange",))


@ending(clients=(LINUX,))
def half_open(t):
    """The client comes back to a connection the server still has (RFC 9293 3.5.1)."""
    t.syn()
    t.wait(t.rtt[SERVER]).add(SERVER, t.segment(SERVER, "A", seq=t.rng.getrandbits(32), ack=t.rng.getrandbits(32)))
    t.wait(t.rtt[CLIENT]).rst(CLIENT, "stateless")
    return Truth("half_open_discovery", ("client",), ("syn",), also=("timewait_collision",))


@ending(clients=(LINUX, FREEBSD), place=0.5)
def scanned(t):
    """nmap -sS: window 1024, MSS alone, TTL 37 to 59; the kernel resets what it did not ask for."""
    t.stack(CLIENT, timestamps=False)
    t.add(CLIENT, t.segment(CLIENT, "S", window=1024, df=False, options=[(2, b"\x05\xb4")],
                            ttl=t.rng.randint(37, 59) - t.hops[CLIENT]))
    t.syn_ack().wait(t.rtt[CLIENT])
    t.rst(CLIENT, "stateless")
    return Truth("port_scan", ("client",), ("syn_ack",))


@ending()
def gave_up_connecting(t):
    """Its connect timeout passed before the server answered."""
    t.syn().wait(1.0).add(CLIENT, t.segment(CLIENT, "S", seq=t.ends[CLIENT].last_data.seq))
    t.wait(0.7).syn_ack().wait(t.rtt[CLIENT])
    t.rst(CLIENT, "stateless")
    return Truth("connect_cancel", ("client",), ("syn_ack",), also=("port_scan",), dim=True)


@ending(servers=(F5,))
def big_ip_says_why(t):
    talked(t).wait(0.2).client_sends(300, acked=False).wait(t.rtt[SERVER])
    words = b"BIG-IP: [0x2664c65:2574] No flow found for ACK"
    t.add(SERVER, t.segment(SERVER, "RA", options=[], window=0, payload=words))
    return Truth("state_loss_failover", ("server", "middlebox"), ("exchange",), also=("nat_expiry_rst",), dim=True)


# ---- nothing to report ----


@ending()
def orderly(t):
    talked(t).wait(0.2)
    first = t.rng.choice((CLIENT, SERVER))
    t.fin(first).wait(0.01).fin(1 - first)
    return Truth(None)


@ending()
def orderly_and_slow(t):
    """Idle between its requests, keepalive probes answered, repeats that help."""
    talked(t).wait(75.0).keepalive_probe(SERVER).ack(CLIENT).wait(40)
    t.client_sends(300, acked=False).wait(0.3).retransmit(CLIENT).ack(SERVER)
    t.server_sends(4000).wait(0.2).client_fin().server_fin()
    return Truth(None)

