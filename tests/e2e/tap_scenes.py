# SPDX-License-Identifier: Apache-2.0
"""What several taps of one network see: each scene is one story, told as a list of packets for every tap.

Taps along a path see the same packets with other round trips and hop counts; the times at a tap are those at the first
tap plus the way to it.
"""
from builder import CLIENT, SERVER, SECOND, START_NS, Conversation, merge

MS = 1_000_000

# client -- 1 ms -- east -- 4 ms, 1 router -- middle -- 4 ms, 1 router -- west -- 1 ms -- server; round trips, seconds
PATH = {"east": ((0.001, 0.017), 0, 0), "middle": ((0.009, 0.009), 4 * MS, 1), "west": ((0.017, 0.001), 8 * MS, 2)}


def at_taps(client, server, at_s, story, taps=tuple(PATH)):
    """{tap: conversation} of one connection; story(conversation, tap) lets it happen."""
    views = {}
    for tap in taps:
        rtt, later_ns, hops = PATH[tap]
        c = Conversation(*client, *server, START_NS + round(at_s * SECOND) + later_ns, rtt)
        c.stack(CLIENT, ttl=63 - hops).stack(SERVER, ttl=61 + hops)
        story(c, tap)
        views[tap] = c
    return views


def gathered(scenes):
    """Lists of {tap: conversation or packets} as one capture a tap."""
    taps = sorted({tap for scene in scenes for tap in scene})
    return {tap: merge(*(scene[tap] for scene in scenes if tap in scene)) for tap in taps}


def clean(c, _tap):
    c.handshake().client_sends(200).server_sends(500).client_fin().server_fin()


# --- three taps: one reset is one event; a firewall between two of them ---

WEB = ("10.0.2.9", 8080)
ABORTS, ABORT_EVERY_S = 6, 2
FIREWALL_AT_S = 20


def aborts(first_s=0.0, count=ABORTS):
    """The server aborts; every tap sees it."""
    def story(c, _tap):
        c.handshake().client_sends(200).server_sends(3000).server_rst()
    return [at_taps(("10.0.1.7", 40_000 + round(first_s) + i), WEB, first_s + i * ABORT_EVERY_S, story)
            for i in range(count)]


def firewall():
    """Between middle and west something resets the client; west sees the connection fall silent."""
    def story(c, tap):
        c.handshake().client_sends(200).server_sends(500)
        if tap != "west":
            c.server_rst(ttl=200, ipid=0x2222, options=[])
    return [at_taps(("10.0.1.7", 41_000), WEB, FIREWALL_AT_S, story)]


def later_traffic(server=WEB):
    """Taps tell every ten seconds that they were watching."""
    return [at_taps(("10.0.1.8", 42_000 + i), server, 5 * i, clean) for i in range(12)]


# --- a proxy: its back leg on one tap, its front leg on the other ---

FRONT, BACK = ("10.0.0.5", 443), ("10.0.3.9", 9000)
RELAYED, RELAYED_EVERY_S = 8, 10


def relayed():
    scenes = []
    for i in range(RELAYED):
        at = START_NS + 1000 * SECOND + i * RELAYED_EVERY_S * SECOND
        front = Conversation(f"192.168.7.{10 + i}", 50_000 + i, *FRONT, at)
        front.handshake().client_sends(300)
        back = Conversation(FRONT[0], 33_000 + i, *BACK, front.now + MS)
        back.handshake().client_sends(320).wait(0.2).server_rst()
        front.now = back.now + 3 * MS
        front.server_rst()
        scenes.append({"west": back, "east": front})
    return scenes


# --- a process dies under its connections, and comes back ---

SHOP = ("10.0.4.9", 5432)
BROKEN, TURNED_AWAY = 12, 8


def restart():
    start = START_NS + 2000 * SECOND
    views = []
    for i in range(4):
        views.append(Conversation(f"10.0.5.{i + 1}", 30_000 + i, *SHOP, start + i * SECOND))
        clean(views[-1], "west")
    for i in range(BROKEN):   # no round silence, which would be a timer's
        c = Conversation(f"10.0.5.{i + 1}", 31_000 + i, *SHOP, start + 5 * SECOND + i * 20 * MS)
        c.handshake().client_sends(100).server_sends(400).wait(11.37 - i * 0.02)
        views.append(c.server_rst())
    for i in range(TURNED_AWAY):
        c = Conversation(f"10.0.5.{i + 1}", 32_000 + i, *SHOP, start + 18 * SECOND + i * 200 * MS)
        c.syn().wait(0.0002)
        views.append(c.server_rst("stateless"))
    for i in range(20):   # packet time goes on, and all is well again
        views.append(Conversation(f"10.0.5.{i + 1}", 33_000 + i, *SHOP, start + (30 + 10 * i) * SECOND))
        clean(views[-1], "west")
    return [{"west": merge(*views)}]


# --- a device ends what was silent for 350 s ---

DATABASE = ("10.0.6.9", 3306)
IDLE_S, IDLE_SAMPLES = 350, 10


def idle_timeouts():
    views = []
    for i in range(IDLE_SAMPLES):
        c = Conversation(f"10.0.7.{i + 1}", 34_000 + i, *DATABASE, START_NS + (3000 + 7 * i) * SECOND)
        c.handshake().client_sends(150).server_sends(900).wait(IDLE_S + 0.05 * (i % 3))
        c.inject(c.segment(SERVER, "RA", options=[], ttl=255, ipid=0x1111 + i, window=0)).wait(0.00005)
        c.inject(c.segment(CLIENT, "RA", options=[], ttl=255, ipid=0x2111 + i, window=0))
        views.append(c)
    return [{"west": merge(*views)}]


# --- a flood of SYNs that nobody repeats, and a scan ---

FLOODED, FLOOD_SYNS = ("10.0.8.9", 80), 4000
SCANNER, SCANNED, SCANNED_PORTS = "10.0.9.66", "10.0.10.9", 200


def flood():
    start = START_NS + 4000 * SECOND
    packets = []
    for i in range(FLOOD_SYNS):
        c = Conversation(f"198.51.{i % 100}.{1 + i // 100}", 1024 + 7 * i % 60_000, *FLOODED, start + i * MS // 2)
        c.stack(CLIENT, timestamps=False)
        packets += c.syn().syn_ack().packets
    return [{"west": packets}]


def scan():
    start = START_NS + 4000 * SECOND
    packets = []
    for port in range(1, SCANNED_PORTS + 1):
        c = Conversation(SCANNER, 50_000, SCANNED, port, start + port * 5 * MS)
        c.stack(CLIENT, timestamps=False, ttl=52)
        c.add(CLIENT, c.segment(CLIENT, "S", window=1024, df=False, ipid=7 * port, options=[(2, b"\x05\xb4")]))
        packets += c.wait(0.001).server_rst("stateless").packets
    return [{"east": packets}]


def time_goes_on(from_s=4010, until_s=4400):
    """Clean connections at every tap, so that what is over is known to be."""
    server = ("10.0.11.9", 443)
    return [at_taps(("10.0.12.7", 20_000 + at), server, at, clean) for at in range(from_s, until_s, 10)]
