# SPDX-License-Identifier: Apache-2.0
"""What a scenario works with: sockets on both sides, firewall rules, real servers, forged packets, and the truth.

A scenario is a function `f(t)` decorated with @scenario. It makes about `t.n` connections of family `t.family` and
says of each what a perfect observer would: `t.expect(conn, ...)` or `t.expect_clean(conn)`.
"""
import contextlib
import dataclasses
import ipaddress
import math
import os
import select
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import net
from net import LabError

SCENARIOS = {}
TCP_REPAIR = 19  # linux/tcp.h; a socket closed in repair mode goes without a packet
MARKED = 0x28  # AF11: a TOS that a copy can be told from
PATH_NS = 100 * 10**6  # longest way of a reset from sender to receiver, delay included
TRACED_LATE_NS = 10 * 10**6  # a sender traced after its receiver: a softirq's time, and a moment of a busy machine


@dataclasses.dataclass
class Expect:
    """What is true of a connection. `also_ok`: other causes nobody can tell from it on the wire."""

    cause: str
    origin: tuple = ()
    stage: tuple = ()
    ending: tuple = ()
    also_ok: tuple = ()
    # What the kernel must have said: "server:REASON|REASON" (the first reset it sent, by whom, why), "forged" (it
    # received a reset that no kernel had sent before), "none" (it sent none), "" (not checked).
    kernel: str = ""


@dataclasses.dataclass
class Scenario:
    name: str
    text: str
    expect: Expect
    core: bool  # the first release must name it; others may still be answered "unknown"
    function: object
    seconds: float  # about how long it takes
    exclusive: str  # scenarios of the same non-empty word never run at the same time
    needs: tuple  # programs that must be installed
    demo: bool
    families: tuple
    needs_delay: bool  # makes sense only with long wires


def scenario(
    name,
    text,
    expect,
    *,
    core=True,
    seconds=2.0,
    exclusive="",
    needs=(),
    demo=True,
    families=(4, 6),
    needs_delay=False,
):
    def register(function):
        SCENARIOS[name] = Scenario(
            name,
            " ".join(text.split()),
            expect,
            core,
            function,
            seconds,
            exclusive,
            tuple(needs),
            demo,
            families,
            needs_delay,
        )
        return function

    return register


@dataclasses.dataclass
class Connection:
    """One TCP connection with both ends in hand; `server` is None where a real server holds it."""

    client: socket.socket
    server: socket.socket
    client_ip: str
    client_port: int
    server_ip: str
    server_port: int
    start_ns: int

    def close(self):
        for s in (self.client, self.server):
            if s is not None:
                with contextlib.suppress(OSError):
                    s.close()


def linger0(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def abort(sock):
    """Close with a reset, whatever is unread."""
    linger0(sock)
    sock.close()


def vanish(sock):
    """The socket goes without a packet, as if its host had lost power."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    sock.close()


def recv_exact(sock, size):
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            break
        data += more
    return data


def recv_all(sock):
    data = b""
    with contextlib.suppress(ConnectionError):
        while more := sock.recv(65536):
            data += more
    return data


def wait_reset(sock, seconds=2.0):
    """Reads until the connection is over; True if it ended with a reset."""
    sock.settimeout(seconds)
    try:
        while sock.recv(65536):
            pass
        return False
    except ConnectionError:
        return True
    except (TimeoutError, OSError):
        return False


REQUEST = b"GET /item?id=%d HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: lab\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz"


def request(i=0):
    return REQUEST % i


def exchange(c, i=0):
    """One request, one complete answer, both read."""
    r = request(i)
    c.client.sendall(r)
    recv_exact(c.server, len(r))
    c.server.sendall(RESPONSE)
    recv_exact(c.client, len(RESPONSE))


class Context:
    def __init__(self, lab, spec, family, connections, first_port, ports=20):
        self.lab = lab
        self.network = lab.network
        self.spec = spec
        self.family = family
        self.n = connections
        self.first_port = self.next_port = first_port
        self.ports = ports
        self.truths = []
        self.lock = threading.Lock()
        self.cleanups = []
        self.tables = 0
        self.last_table = None
        self.silenced, self.silencing = set(), threading.Lock()
        self.af = socket.AF_INET if family == 4 else socket.AF_INET6

    # --- addresses and ports

    def port(self):
        """A server port of this scenario's own."""
        self.next_port += 1
        if self.next_port >= self.first_port + self.ports:
            raise LabError(f"{self.spec.name}: more than {self.ports - 1} ports")
        return self.next_port

    def client_ip(self, i):
        return net.client_ip(self.family, i)

    def scanner_ip(self, i=0):
        return net.scanner_ip(self.family, i)

    def nowhere_ip(self, i):
        """The address of a host that never answers, whoever sends in its name."""
        return str(ipaddress.ip_network(net.NOWHERE[self.family])[1 + i])

    def server_ip(self, i=0):
        return net.server_ip(self.family, i)

    # --- sockets

    def listen(self, port=None, backlog=64, which=0):
        port = port or self.port()
        with self.network.server:
            s = socket.socket(self.af, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((self.server_ip(which), port))
        s.listen(backlog)
        self.cleanups.append(s.close)
        return s

    def socket(self, i=0, tos=0, port=0):
        with self.network.client:
            s = socket.socket(self.af, socket.SOCK_STREAM)
        if tos:
            if self.family == 4:
                s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
            else:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tos)
        if port:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((self.client_ip(i), port))
        s.settimeout(5)
        return s

    def attempt(self, port, i=0, tos=0, seconds=5.0, sock=None, which=0):
        """Connects; returns (Connection without a server end, the error or None)."""
        start = time.time_ns()
        s = sock or self.socket(i, tos)
        ip, cport = s.getsockname()[:2]
        s.settimeout(seconds)
        error = None
        try:
            s.connect((self.server_ip(which), port))
        except OSError as e:
            error = e
        return Connection(s, None, ip, cport, self.server_ip(which), port, start), error

    def connect(self, port, i=0, tos=0, which=0):
        c, error = self.attempt(port, i, tos, which=which)
        if error:
            raise LabError(f"{self.spec.name}: cannot connect to {c.server_ip} port {port}: {error}")
        return c

    def pair(self, listener, i=0, tos=0):
        """A connection with both ends. The client's address tells which accepted socket is whose."""
        ip, port = listener.getsockname()[:2]
        with self.lock:
            c = self.connect(port, i, tos, which=self.which(ip))
            listener.settimeout(5)
            c.server, peer = listener.accept()
            if peer[:2] != (c.client_ip, c.client_port):
                raise LabError(f"{self.spec.name}: accepted {peer}, expected {c.client_ip}:{c.client_port}")
        c.server.settimeout(5)
        return c

    def which(self, ip):
        return next(k for k in range(net.SERVERS) if self.server_ip(k) == ip)

    def pairs(self, listener, tos=0):
        return [self.pair(listener, i, tos) for i in range(self.n)]

    def each(self, function, items=None):
        """Runs function(item) for all items at once and waits; the first error is raised."""
        items = range(self.n) if items is None else items
        with ThreadPoolExecutor(max_workers=max(1, len(items))) as pool:
            return list(pool.map(function, items))

    # --- rules, servers, forged packets

    def nft(self, ns, hook, rules, priority=0):
        """Rules in a table of their own in one namespace; returns a function that removes them."""
        self.tables += 1
        name = f"t{self.next_port}x{self.tables}x{self.family}"
        ns.nft(f"table inet {name} {{\nchain c {{\ntype filter hook {hook} priority {priority}\n{rules}\n}}\n}}\n")
        return self.removal(ns, name)

    def nft_table(self, ns, body):
        self.tables += 1
        name = f"t{self.next_port}x{self.tables}x{self.family}"
        ns.nft(f"table inet {name} {{\n{body}\n}}\n")
        self.last_table = name
        return self.removal(ns, name)

    def removal(self, ns, name):
        gone = threading.Event()

        def remove():
            if not gone.is_set():
                gone.set()
                ns.run("nft", "delete", "table", "inet", name, check=False)

        self.cleanups.append(remove)
        return remove

    def only(self):
        """nft match for this family."""
        return f"meta nfproto ipv{self.family}"

    def start(self, ns, *args, ready_port=None, which=0, stdin=None):
        """Starts a real program in a namespace and waits until it listens; it is ended with the scenario."""
        p = self.lab.processes.start(ns, args, log=f"{self.spec.name}.{self.family}.log", stdin=stdin)
        self.cleanups.append(lambda: self.lab.processes.stop(p))
        if ready_port:
            self.wait_listening(p, ns, ready_port, args[0])
        return p

    def wait_listening(self, process, ns, port, name, seconds=10):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise LabError(
                    f"{self.spec.name}: {name} ended at once with status {process.returncode}:"
                    f" {self.lab.processes.tail(process)}"
                )
            if f":{port} " in ns.run("ss", "-Hltn"):
                return
            time.sleep(0.05)
        raise LabError(f"{self.spec.name}: {name} does not listen on port {port} after {seconds} s")

    def directory(self):
        d = os.path.join(self.lab.directory, f"{self.spec.name}.{self.family}.{self.next_port}")
        os.makedirs(d, mode=0o755, exist_ok=True)
        return d

    @property
    def box(self):
        return self.lab.box()

    def watch(self, port, *rule):
        self.box.watch(port, *rule)
        self.cleanups.append(lambda: self.box.unwatch(port))

    def silence(self, side, port):
        """The kernel on this side neither hears nor answers segments of this server port: a puppet does."""
        with self.silencing:
            if (side, port) in self.silenced:
                return
            self.silenced.add((side, port))
            self.drop(side, port)

    def drop(self, side, port):
        ns = self.network.client if side == "client" else self.network.server
        self.nft(ns, "input", f"{self.only()} tcp {'sport' if side == 'client' else 'dport'} {port} drop", -10)

    def host(self, ip=None):
        """The server's address as it stands in URLs and configurations."""
        ip = ip or self.server_ip()
        return f"[{ip}]" if ":" in ip else ip

    def shared(self, key, make):
        """What one lab makes once, for all scenarios: make(directory) -> anything."""
        return self.lab.shared(key, make)

    def reset_seen(self, c, by=None, wait=0.45):
        """Has a kernel sent a reset in this connection (by "client" or "server")? None if nobody can tell. `wait`: the
        tracepoints are read by a thread of its own, five times a second."""
        if self.lab.oracle.problem:
            return None
        time.sleep(wait)
        client, server = (c.client_ip, c.client_port), (c.server_ip, c.server_port)
        events = self.lab.oracle.between(c.start_ns, time.time_ns())
        complete(events)
        ways = {"client": [(client, server)], "server": [(server, client)], None: [(client, server), (server, client)]}
        return any((tuple(e["src"]), tuple(e["dst"])) in ways[by] for e in events if e["event"] == "send_reset")

    # --- truth

    def expect(self, c, note="", **changes):
        """This connection ends as the scenario says, with `changes` to its Expect."""
        e = dataclasses.replace(self.spec.expect, **changes)
        return self.record(c, e, note)

    def expect_clean(self, c, note="clean close"):
        return self.record(c, None, note)

    def ignore(self, c, note=""):
        """No statement: any event or none is right (a helper connection)."""
        truth = self.record(c, None, note)
        truth["ignore"] = True
        truth["kernel_expect"] = ""

    def record(self, c, e, note):
        truth = {
            "scenario": self.spec.name,
            "family": self.family,
            "client_ip": c.client_ip,
            "client_port": c.client_port,
            "server_ip": c.server_ip,
            "server_port": c.server_port,
            "start_ns": c.start_ns,
            "end_ns": 0,
            "event": e is not None,
            "ignore": False,
            "core": self.spec.core,
            "note": note,
        }
        truth.update(
            {
                "cause": e.cause,
                "also_ok": list(e.also_ok),
                "origin": list(e.origin),
                "stage": list(e.stage),
                "ending": list(e.ending),
                "kernel_expect": e.kernel,
            }
            if e
            else {"cause": None, "also_ok": [], "origin": [], "stage": [], "ending": [], "kernel_expect": "none"}
        )
        with self.lock:
            self.truths.append(truth)
        return truth

    def done(self):
        for f in reversed(self.cleanups):
            try:
                f()
            except Exception as e:  # the others must still run
                self.lab.say(f"{self.spec.name}: clean-up: {e}")
        self.cleanups.clear()


def tuple_of(t):
    return (t["client_ip"], t["client_port"], t["server_ip"], t["server_port"])


def complete(kernel_events):
    """A reset sent by a listening socket names no peer: it is who received one of that server right after, unless that
    one has its sender already. A sender may be traced a little after its receiver: the kernel traces the reset of a
    close when the device has taken it, and the other end of a veth hears it before that."""
    sends = [e for e in kernel_events if e["event"] == "send_reset"]
    named = {}  # (src, dst) -> the first it sent
    for e in sends:
        if e["dst"][1] != 0:
            ends = (tuple(e["src"]), tuple(e["dst"]))
            named[ends] = min(e["time_ns"], named.get(ends, e["time_ns"]))
    waiting = [e for e in sends if e["dst"][1] == 0]
    for e in sorted(kernel_events, key=lambda e: e["time_ns"]):
        if e["event"] == "send_reset":
            continue
        sender = named.get((tuple(e["dst"]), tuple(e["src"])))
        if sender is not None and sender <= e["time_ns"] + TRACED_LATE_NS:
            continue
        for w in waiting:
            if tuple(w["src"]) == tuple(e["dst"]) and 0 <= e["time_ns"] - w["time_ns"] < PATH_NS:
                w["dst"] = e["src"]
                waiting.remove(w)
                break


def separate(truths):
    """Connections that came to have the same ports, one after the other: tells each which part of the time is its.
    Where a scenario means one of them to end the other, it makes no statement of that one, and they stay together."""
    latest = {}
    for t in sorted((t for t in truths if not t["ignore"]), key=lambda t: t["start_ns"]):
        before = latest.get(tuple_of(t))
        if before:
            before["next_ns"] = t["start_ns"]
            t["follows"] = True
        latest[tuple_of(t)] = t


def judge(truths, kernel_events):
    """Adds to each truth what the kernel said, and whether that confirms it (None: nothing to confirm with)."""
    separate(truths)
    complete(kernel_events)
    by_tuple = {}
    for e in kernel_events:
        by_tuple.setdefault(frozenset((tuple(e["src"]), tuple(e["dst"]))), []).append(e)
    for t in truths:
        client, server = (t["client_ip"], t["client_port"]), (t["server_ip"], t["server_port"])
        first, last = t["start_ns"] - (0 if t.get("follows") else 10**6), t.get("next_ns", math.inf)
        mine = [e for e in by_tuple.get(frozenset((client, server)), []) if first <= e["time_ns"] < last]
        t["kernel"] = [
            {
                "time_ns": e["time_ns"],
                "event": e["event"],
                "by": "client" if tuple(e["src"]) == client else "server",
                "state": e["state"],
                "reason": e["reason"],
                "task": e["task"],
            }
            for e in mine
        ]
        t["confirmed"] = confirmed(t["kernel_expect"], t["kernel"])


def confirmed(expect, seen):
    seen = sorted(seen, key=lambda e: e["time_ns"])
    sent = [e for e in seen if e["event"] == "send_reset"]
    received = [e for e in seen if e["event"] == "receive_reset"]
    if not expect:
        return None
    if expect == "none":
        return not sent
    if expect == "forged":
        return bool(received) and (not sent or received[0]["time_ns"] <= sent[0]["time_ns"])
    side, _, reasons = expect.partition(":")
    if not sent or sent[0]["by"] != side:
        return False
    reason = next((e["reason"] for e in sent if closed_it(e, sent[0])), sent[0]["reason"])
    return reason is None or not reasons or reason in reasons.split("|")


def closed_it(e, first):
    """Is this the reset of the close before `first`, which found no socket? A close takes the socket away, sends its
    reset, and traces that last: what another processor answers meanwhile is traced before."""
    return (
        first["reason"] == "NO_SOCKET" != e["reason"]
        and e["by"] == first["by"]
        and e["time_ns"] - first["time_ns"] <= TRACED_LATE_NS
    )


def readable(sock, seconds):
    return bool(select.select([sock], [], [], seconds)[0])


__all__ = [n for n in dir() if not n.startswith("_")] + ["subprocess"]
