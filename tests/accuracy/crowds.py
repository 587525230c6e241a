# SPDX-License-Identifier: Apache-2.0
"""What only several connections tell: scans, crowds behind one address, monitors, crashes. A function each gives
[(Talk, Truth)]; truths are as in endings.py."""
from endings import GET, Truth
from stacks import ANSWER, CLIENT, CLIENTS, FREEBSD, LINUX, MACOS, SERVER, WINDOWS, Talk

SECOND = 10**9
CROWDS = {}  # name -> function
REFUSED = Truth("port_closed", ("server",), ("syn",), also=("host_fw_reject",))
CLEAN = Truth(None)


def crowd(function):
    CROWDS[function.__name__] = function
    return function


class Town:
    """Makes Talks between chosen ends."""

    def __init__(self, rng, number, start_ns):
        self.rng, self.start = rng, start_ns
        self.v6 = rng.random() < 0.3
        self.net = 1 + number % 250
        self.client_system, self.server_system = rng.choice(CLIENTS), rng.choice((LINUX, WINDOWS, FREEBSD, MACOS))
        self.rtt = rng.choice((0.001, 0.008, 0.04))
        self.place = rng.choice((0.02, 0.5, 0.97))
        self.hops = rng.randint(3, 14)
        self.sport = rng.randrange(33000, 40000)
        self.block = rng.randrange(1, 250)
        self.now = 0.0

    def host(self, side, number):
        return (f"fd01:{side:x}:{self.net:x}::{self.block:x}{number:02x}" if self.v6 else
                f"10.{side}.{self.net}.{(self.block + number) % 255}")

    def talk(self, client, server, port, at):
        self.sport += 1
        return Talk(self.rng, self.host(201, client), self.sport, self.host(202, server), port,
                    (self.client_system, self.server_system), self.start + round(at * SECOND), self.place,
                    self.rtt * self.rng.uniform(1, 1.1), self.hops)


def refused(t):
    t.syn().wait(t.rtt[SERVER])
    return t.rst(SERVER, "stateless")


def served(t):
    t.handshake().client_sends(GET).wait(0.003).server_sends(ANSWER).wait(0.002)
    return t.client_fin().server_fin()


def hung_up(t):
    return t.handshake().rst(CLIENT)


@crowd
def many_behind_one_address(town):
    """A company's NAT: in two seconds fifty connections to a dozen hosts; somebody's list of ports is out of date."""
    out = []
    for i in range(50):
        at = i * 0.04 + town.rng.uniform(0, 0.02)
        if i % 6 == 5:
            out.append((refused(town.talk(1, 1, 7000 + i, at)), REFUSED))
        else:
            out.append((served(town.talk(1, 1 + i % 12, 443, at)), CLEAN))
    return out


@crowd
def connect_scan(town):
    out = []
    for i in range(20):
        t = town.talk(1, 1, 20 + i, i * 0.02)
        if i in (2, 13):
            out.append((hung_up(t), Truth("port_scan", ("client",), ("established",),
                                          also=("connect_cancel", "health_check", "app_abort_linger0"))))
        else:
            out.append((refused(t), Truth("port_scan", ("server", "client"), ("syn",), also=("port_closed",))))
    return out


@crowd
def sweep(town):
    """One port of many hosts."""
    truth = Truth("port_scan", ("server", "client"), ("syn",), also=("port_closed",))
    return [(refused(town.talk(1, i, 3389, i * 0.015)), truth) for i in range(14)]


@crowd
def waits_for_its_services(town):
    """A program starts before what it needs: three ports, over and over."""
    return [(refused(town.talk(1, 1, 8001 + i % 3, i * 0.11)), REFUSED) for i in range(24)]


@crowd
def monitor_of_many_ports(town):
    """A balancer looks after eight ports of a host, all at once, every five seconds."""
    out = []
    for round_ in range(5):
        truth = Truth("health_check", ("client",), ("established",),
                      also=("connect_cancel", "app_abort_linger0") if round_ < 2 else ())
        out += [(hung_up(town.talk(1, 1, 9001 + i, 5 * round_ + i * 0.01)), truth) for i in range(8)]
    return out


@crowd
def crash(town):
    """A process dies with eight requests in hand."""
    out, end = [], town.start + round(9.33 * SECOND)
    truth = Truth("process_crash", ("server",), ("request",), also=("app_abort_unread",))
    for i in range(8):
        t = town.talk(i, 1, 8080, i * town.rng.uniform(0.4, 1.0))
        t.handshake().client_sends(400)
        t.now = end + i * 20_000
        out.append((t.rst(SERVER), truth))
    return out


@crowd
def rejected_beside_others(town):
    """A device on the path refuses one client; the server's own packets to others are known."""
    out = [(served(town.talk(2 + i, 1, 443, i * 0.3)), CLEAN) for i in range(6)]
    t = town.talk(1, 1, 443, 2.0)
    if t.hops[SERVER] < 3:
        return out
    t.syn()
    t.device(SERVER, "RA", ttl=64, seq=0, ids="zero")
    out.append((t, Truth("path_fw_reject", ("middlebox",), ("syn",))))
    return out


@crowd
def refused_by_the_server(town):
    """… or the server does, whose distance is as known."""
    out = [(served(town.talk(2 + i, 1, 443, i * 0.3)), CLEAN) for i in range(6)]
    out.append((refused(town.talk(1, 1, 444, 2.0)), REFUSED))
    return out
