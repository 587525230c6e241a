# SPDX-License-Identifier: Apache-2.0
"""A small company's last hours as a capture: services that fail in their own ways, a restart, a limit on silence, a
scan; and one name that would like to be HTML."""
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "packet"))
from builder import CLIENT, SECOND, SERVER, Conversation, merge

HOSTILE = '<img src=x onerror="document.title=1">"\'&amp;'
NAMES = """\
networks:
  - {cidr: 10.1.0.0/16, site: fra1, owner: platform}
  - {cidr: 10.2.0.0/16, site: ams2, owner: platform}
  - {cidr: 10.1.1.10, port: 443, service: shop}
  - {cidr: 10.1.1.20, port: 5432, service: payments-db}
  - {cidr: 10.1.2.30, port: 6379, service: session-cache}
  - {cidr: 10.2.1.40, port: 8080, service: reports}
  - {cidr: 10.2.2.50, port: 9092, service: event-bus}
  - {cidr: 10.2.3.60, port: 443, service: '%s'}
""" % HOSTILE.replace("'", "''")

SERVICES = [("10.1.1.10", 443), ("10.1.1.20", 5432), ("10.1.2.30", 6379), ("10.2.1.40", 8080), ("10.2.2.50", 9092),
            ("10.2.3.60", 443), ("10.1.3.70", 25), ("10.2.4.80", 389)]
NETWORKS = ["192.168.1", "192.168.2", "192.168.7", "172.16.4", "172.16.9"]


def tls_hello(name):
    """The first bytes of a TLS ClientHello that asks for `name` (RFC 8446 4.1.2, RFC 6066 3)."""
    name = name.encode()
    sni = b"\0\0" + (len(name) + 5).to_bytes(2, "big") + (len(name) + 3).to_bytes(2, "big") + b"\0"
    sni += len(name).to_bytes(2, "big") + name
    body = b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + len(sni).to_bytes(2, "big") + sni
    hello = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + len(hello).to_bytes(2, "big") + hello


class Company:
    def __init__(self, until_ns, hours=3.0, seed=7):
        self.random = random.Random(seed)
        self.until, self.since = until_ns, until_ns - round(hours * 3600 * SECOND)
        self.port = 20_000
        self.parts = []

    def open(self, server, at, client=None):
        self.port = 20_000 + (self.port - 19_999) % 40_000
        client = client or f"{self.random.choice(NETWORKS)}.{self.random.randint(2, 60)}"
        c = Conversation(client, self.port, *server, start_ns=round(at), isn=(self.random.getrandbits(31),
                                                                              self.random.getrandbits(31)))
        self.parts.append(c)
        return c

    def at(self, low=0.0, high=1.0):
        return self.since + (self.until - self.since) * self.random.uniform(low, high)

    def clean(self, server, at):
        c = self.open(server, at).handshake().client_sends(300).server_sends(2500)
        c.client_fin().server_fin()

    def everyday(self, connections):
        for server in SERVICES:
            for _ in range(connections):
                self.clean(server, self.at())

    def aborts(self, server, count, low=0.0, high=1.0):
        """Closed with data unread: an active reset by the server."""
        for _ in range(count):
            c = self.open(server, self.at(low, high)).handshake().client_sends(400).server_sends(900)
            c.client_sends(300, acked=False).wait(0.002).server_rst()

    def lingers(self, server, count):
        for _ in range(count):
            self.open(server, self.at()).handshake().client_sends(200).server_sends(500).wait(0.5).server_rst()

    def cancels(self, server, count):
        """The client leaves while the answer streams."""
        for _ in range(count):
            c = self.open(server, self.at()).handshake().client_sends(300).server_sends(9000)
            c.server_sends(5000, acked=False).wait(0.001).client_rst()
            c.server_sends(1448, acked=False).wait(0.0002).client_rst("stateless")

    def fast_closes(self, server, count):
        """Harmless: the whole answer was there."""
        for _ in range(count):
            self.open(server, self.at()).handshake().client_sends(300).server_sends(9000).wait(0.01).client_rst()

    def refuses(self, server, count, low=0.0, high=1.0):
        for _ in range(count):
            self.open(server, self.at(low, high)).syn().wait(0.001).server_rst("stateless")

    def silences(self, server, count, seconds, client=None):
        """A balancer forgets after `seconds` and resets both sides at once, with its own TTL."""
        for _ in range(count):
            c = self.open(server, self.at(0.0, 0.85), client).handshake().client_sends(200).server_sends(500)
            c.wait(seconds + self.random.uniform(0, 0.4))
            c.inject(c.segment(SERVER, "RA", options=[], ttl=255, ipid=0x1111, window=0)).wait(0.00005)
            c.inject(c.segment(CLIENT, "RA", options=[], ttl=255, ipid=0x1112, window=0))

    def blackholes(self, server, count):
        for _ in range(count):
            c = self.open(server, self.at(0, 0.9)).syn()
            for pause in (1, 2, 4, 8):
                c.wait(pause).retransmit(CLIENT)

    def restart(self, server, at, connections):
        """The host comes back without its connections: each next segment is answered by a bare RST."""
        for _ in range(connections):
            c = self.open(server, at - self.random.uniform(5, 60) * SECOND).handshake().client_sends(200)
            c.server_sends(400).wait((at - c.now) / SECOND + self.random.uniform(0, 6))
            c.client_sends(100, acked=False).wait(0.001).server_rst("stateless")
        for _ in range(connections):
            c = self.open(server, at - self.random.uniform(0.1, 2.5) * SECOND).syn().wait(0.001)
            c.server_rst("stateless")

    def scan(self, server_ip, at, client="203.0.113.9"):
        for i in range(120):
            self.open((server_ip, 1000 + i), at + i * 0.02 * SECOND, client).syn().wait(0.001).server_rst("stateless")

    def blocked(self, server, name, count):
        """A middlebox reads the name and resets both sides."""
        for _ in range(count):
            c = self.open(server, self.at()).handshake().client_sends(tls_hello(name), acked=False)
            c.wait(0.0003)
            c.inject(c.segment(SERVER, "R", options=[], ttl=243, ipid=0x2222, window=0)).wait(0.0001)
            c.inject(c.segment(CLIENT, "R", options=[], ttl=243, ipid=0x2223, window=0))

    def packets(self):
        return [p for p in merge(*self.parts) if p.time < self.until]


def company(until_ns, hours=3.0, scale=1):
    c = Company(until_ns, hours)
    shop, db, cache, reports, bus, odd, mail, ldap = SERVICES
    c.everyday(40 * scale)
    c.aborts(shop, 60 * scale)
    c.aborts(reports, 90 * scale, 0.55, 0.8)
    c.lingers(cache, 50 * scale)
    c.cancels(shop, 40 * scale)
    c.fast_closes(shop, 30 * scale)
    c.refuses(ldap, 70 * scale, 0.3, 1.0)
    c.silences(db, 45 * scale, 350)
    c.blackholes(mail, 15 * scale)
    c.restart(bus, c.since + (c.until - c.since) * 0.7, 60)
    c.scan("10.1.1.10", c.since + (c.until - c.since) * 0.4)
    c.blocked(odd, "<b>bold</b>.example.org", 20 * scale)
    return c.packets()


def fresh(until_ns, count, server=SERVICES[1]):
    """Some resets of the last seconds."""
    c = Company(until_ns, hours=20 / 3600, seed=until_ns & 0xFFFF)
    c.aborts(server, count, 0.0, 0.7)
    return c.packets()
