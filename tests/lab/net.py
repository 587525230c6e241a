# SPDX-License-Identifier: Apache-2.0
"""The lab's network: three namespaces in a row and a mirror port.

    client c0 --[wire]-- r0 router r1 --[wire]-- s0 server
                           |
                           m0 ---- <prefix>mir   (outside: the sensor's or tcpdump's port)

With a delay there is a wire on that side of the mirror that carries each frame later (wire.py), for round trips as on
a real path.

The mirror shows every packet once by default: both directions of the router's client-side leg (tc mirred), plus
what the router itself sends to the server, which never passes that leg. `legs="both"` mirrors ingress and egress
of both legs instead: every forwarded packet twice, the second copy with a TTL one lower.

Everything made here is written to a state file first, so that `lab.py clean` can remove what a killed run left.
"""
import contextlib
import ctypes
import json
import os
import shutil
import subprocess
import threading

STATE_DIR = "/run/resetscope-lab"
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)

MAC = {"c0": "02:52:53:00:01:02", "r0": "02:52:53:00:01:01", "r1": "02:52:53:00:02:01", "s0": "02:52:53:00:02:02"}
CLIENTS = 8  # addresses of the client side: .11 and up
SCANNERS = 4  # more of them, for those who scan: what is known of a scanner must not fall on others
SCANNER_UID = 54321  # programs of this user leave the client side with a scanner's address
NOWHERE = {4: "198.18.0.0/24", 6: "2001:db8:77::/64"}  # spoofed hosts: on the client side, and silent
SERVERS = 8  # addresses of the server side; one host's stack has one set of marks, so other stacks have their own


class LabError(Exception):
    """Something the user can act on: printed without a trace."""


def run(*args, check=True, stdin=None):
    """Runs a command and returns what it printed; its complaint in the error when it fails and `check` is set."""
    done = subprocess.run(args, input=stdin, text=True, capture_output=True, check=False)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(args)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


class Namespace:
    """A network namespace. `with ns:` moves the calling thread into it: sockets opened inside stay there."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        self.local = threading.local()

    def create(self):
        run("ip", "netns", "add", self.name)

    def delete(self):
        run("ip", "netns", "del", self.name, check=False)

    def __enter__(self):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if LIBC.setns(fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"cannot enter namespace {self.name}")
        except OSError:
            os.close(home)
            raise
        finally:
            os.close(fd)
        stack = getattr(self.local, "stack", None)
        if stack is None:
            stack = self.local.stack = []
        stack.append(home)
        return self

    def __exit__(self, *exc):
        home = self.local.stack.pop()
        try:
            if LIBC.setns(home, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "cannot return to the home namespace")
        finally:
            os.close(home)

    def run(self, *args, **kw):
        return run("ip", "netns", "exec", self.name, *args, **kw)

    def nft(self, text):
        self.run("nft", "-f", "-", stdin=text)

    def sysctl(self, key, value):
        with self:
            path = "/proc/sys/" + key.replace(".", "/")
            with open(path, "w", encoding="ascii") as f:
                f.write(str(value))


def client_ip(family, i):
    return f"10.77.1.{11 + i % CLIENTS}" if family == 4 else f"fd77:1::{11 + i % CLIENTS:x}"


def scanner_ip(family, i=0):
    last = 11 + CLIENTS + i % SCANNERS
    return f"10.77.1.{last}" if family == 4 else f"fd77:1::{last:x}"


def server_ip(family, i=0):
    return f"10.77.2.{21 + i % SERVERS}" if family == 4 else f"fd77:2::{21 + i % SERVERS:x}"


class Network:
    """Builds and removes the namespaces and the mirror."""

    def __init__(self, prefix, legs="one", delay_ms=0.0, client_delay_ms=0.0):
        if not prefix.isalnum() or len(prefix) > 11:
            raise LabError(f"prefix {prefix!r}: letters and digits only, at most 11")
        self.prefix = prefix
        self.legs = legs
        self.delay_ms = delay_ms
        self.client_delay_ms = client_delay_ms
        self.wire = Namespace(prefix + "-wire")
        self.mirror = prefix + "mir"
        self.client = Namespace(prefix + "-client")
        self.router = Namespace(prefix + "-router")
        self.server = Namespace(prefix + "-server")
        self.state_file = os.path.join(STATE_DIR, prefix + ".json")
        self.owned = False

    @property
    def namespaces(self):
        return (self.client, self.router, self.server) + ((self.wire,) if self.wires else ())

    @property
    def wires(self):
        """The long wires: (one end's interface, the other's, one-way delay in ms)."""
        both = (("w0", "w1", self.delay_ms), ("w2", "w3", self.client_delay_ms))
        return [w for w in both if w[2]]

    def write_state(self, **more):
        os.makedirs(STATE_DIR, exist_ok=True)
        state = {
            "pid": os.getpid(),
            "start": start_time(os.getpid()),
            "namespaces": [n.name for n in self.namespaces],
            "links": [self.mirror],
            **more,
        }
        with open(self.state_file + ".new", "w", encoding="ascii") as f:
            json.dump(state, f)
        os.replace(self.state_file + ".new", self.state_file)

    def create(self):
        if os.geteuid() != 0:
            raise LabError("the lab makes network namespaces: run it as root")
        for ns in self.namespaces:
            if os.path.exists(ns.path):
                raise LabError(
                    f"namespace {ns.name} exists already: another lab with prefix {self.prefix!r} is"
                    f" running, or was killed (then: lab.py clean --prefix {self.prefix})"
                )
        if os.path.exists(f"/sys/class/net/{self.mirror}"):
            raise LabError(f"interface {self.mirror} exists already and is not ours: choose another --prefix")
        self.write_state()
        self.owned = True
        for ns in self.namespaces:
            ns.create()
            for key, value in {
                "net.ipv6.conf.all.accept_dad": 0,
                "net.ipv6.conf.default.accept_dad": 0,
                "net.ipv6.conf.default.dad_transmits": 0,
                "net.ipv6.conf.default.router_solicitations": 0,
                "net.ipv6.conf.default.accept_ra": 0,
                "net.ipv4.tcp_no_metrics_save": 1,
                # A stock kernel's buffers, whatever this machine has been tuned to.
                "net.ipv4.tcp_rmem": "4096 131072 6291456",
                "net.ipv4.tcp_wmem": "4096 16384 4194304",
            }.items():
                ns.sysctl(key, value)
            with contextlib.suppress(OSError):
                ns.sysctl("net.ipv4.tcp_congestion_control", "cubic")
            run("ip", "-n", ns.name, "link", "set", "lo", "up")
        self.join("c0", self.client, "r0", self.router, ("w2", "w3") if self.client_delay_ms else ())
        self.join("s0", self.server, "r1", self.router, ("w1", "w0") if self.delay_ms else ())
        run("ip", "link", "add", "m0", "netns", self.router.name, "type", "veth", "peer", "name", self.mirror)
        ends = [(self.client, "c0"), (self.router, "r0"), (self.router, "r1"), (self.server, "s0")]
        ends += [(self.wire, end) for wire in self.wires for end in wire[:2]]
        for ns, link in ends + [(self.router, "m0")]:
            # One packet on the wire is one packet on the mirror, with its real checksum.
            ns.run(
                "ethtool", "-K", link, "tx", "off", "rx", "off", "gso", "off", "tso", "off", "gro", "off", "sg", "off"
            )
        run("ethtool", "-K", self.mirror, "tx", "off", "rx", "off", "gro", "off")
        self.silence(self.mirror)
        with self.router:
            self.silence("m0")
        with contextlib.suppress(OSError):
            # One queue, so that the mirror keeps the order in which packets passed.
            with open(f"/sys/class/net/{self.mirror}/queues/rx-0/rps_cpus", "w", encoding="ascii") as f:
                f.write("1")
        run("ip", "link", "set", self.mirror, "mtu", "9000", "up", "promisc", "on")
        for ns, link in ends:
            if ns is self.wire:
                with ns:
                    self.silence(link)
            run("ip", "-n", ns.name, "link", "set", link, "up")
        run("ip", "-n", self.router.name, "link", "set", "m0", "mtu", "9000", "up")
        self.addresses()
        self.span()
        with contextlib.suppress(OSError):
            # What it has forgotten it does not take up again in the middle.
            self.router.sysctl("net.netfilter.nf_conntrack_tcp_loose", 0)

    def join(self, near, near_ns, far, far_ns, wire):
        """A veth pair between two namespaces, or two pairs that end in the wire's."""
        a, b = wire or ("", "")
        pairs = [(near, near_ns, a, self.wire), (far, far_ns, b, self.wire)] if wire else [(near, near_ns, far, far_ns)]
        for one, one_ns, other, other_ns in pairs:
            head = ["ip", "link", "add", one, "netns", one_ns.name, "address", MAC[one], "type", "veth"]
            address = ["address", MAC[other]] if other in MAC else []
            run(*head, "peer", "name", other, "netns", other_ns.name, *address)

    @staticmethod
    def silence(link):
        """The kernel must not talk on a mirror port."""
        with open(f"/proc/sys/net/ipv6/conf/{link}/disable_ipv6", "w", encoding="ascii") as f:
            f.write("1")

    def addresses(self):
        def add(ns, link, addresses):
            for a in addresses:
                extra = ["nodad"] if ":" in a else []
                run("ip", "-n", ns.name, "addr", "add", a, "dev", link, *extra)

        add(self.client, "c0", [f"{client_ip(4, i)}/24" for i in range(CLIENTS)])
        add(self.client, "c0", [f"{client_ip(6, i)}/64" for i in range(CLIENTS)])
        add(self.client, "c0", [f"{scanner_ip(4, i)}/24" for i in range(SCANNERS)])
        add(self.client, "c0", [f"{scanner_ip(6, i)}/64" for i in range(SCANNERS)])
        add(self.router, "r0", ["10.77.1.1/24", "fd77:1::1/64"])
        add(self.router, "r1", ["10.77.2.1/24", "fd77:2::1/64"])
        add(self.server, "s0", [f"{server_ip(4, i)}/24" for i in range(SERVERS)])
        add(self.server, "s0", [f"{server_ip(6, i)}/64" for i in range(SERVERS)])
        self.router.sysctl("net.ipv4.ip_forward", 1)
        self.router.sysctl("net.ipv6.conf.all.forwarding", 1)
        for ns, net in ((self.client, "1"), (self.server, "2")):
            run("ip", "-n", ns.name, "route", "add", "default", "via", f"10.77.{net}.1")
            run("ip", "-n", ns.name, "-6", "route", "add", "default", "via", f"fd77:{net}::1")
        for family, gateway in ((4, "10.77.1.1"), (6, "fd77:1::1")):
            ip = ["ip", "-n", self.client.name, f"-{family}"]
            run(*ip, "rule", "add", "uidrange", f"{SCANNER_UID}-{SCANNER_UID}", "lookup", "77")
            run(*ip, "route", "add", "default", "via", gateway, "src", scanner_ip(family), "table", "77")
            via = client_ip(family, 0)
            run("ip", "-n", self.router.name, f"-{family}", "route", "add", NOWHERE[family], "via", via)

    def span(self):
        def mirror(link, direction):
            match = "prio 1 protocol all u32 match u32 0 0 action mirred egress mirror dev m0".split()
            self.router.run("tc", "filter", "add", "dev", link, direction, *match)

        legs = ("r0", "r1") if self.legs == "both" else ("r0",)
        for link in legs:
            self.router.run("tc", "qdisc", "add", "dev", link, "clsact")
            mirror(link, "ingress")
            mirror(link, "egress")
        if self.legs != "both":
            # What the router itself sends to the server: not marked on the client-side leg, mirrored here.
            self.router.nft(
                """
                table inet span {
                  chain tagging {
                    type filter hook prerouting priority -300
                    iifname "r0" meta mark set 0x1
                  }
                }
                table netdev span {
                  chain own {
                    type filter hook egress device "r1" priority 0
                    meta mark 0x0 dup to "m0"
                  }
                }
                """
            )

    def destroy(self):
        if not self.owned:
            return
        self.owned = False
        for ns in self.namespaces:
            ns.delete()
        # The mirror's inner end went with the router; the pair goes with it, unless creation stopped half way.
        if os.path.exists(f"/sys/class/net/{self.mirror}"):
            run("ip", "link", "del", self.mirror, check=False)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.state_file)
        with contextlib.suppress(OSError):
            os.rmdir(STATE_DIR)


def start_time(pid):
    """Start of a process in clock ticks since boot: with the pid it names one process for good."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return int(f.read().rsplit(")", 1)[1].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None


def clean(prefix):
    """Removes what a killed run of this prefix left, and nothing else. Returns what it removed."""
    path = os.path.join(STATE_DIR, prefix + ".json")
    try:
        with open(path, encoding="ascii") as f:
            state = json.load(f)
    except FileNotFoundError:
        return []
    if state.get("start") is not None and start_time(state["pid"]) == state["start"]:
        raise LabError(f"lab {prefix!r} is running as pid {state['pid']}: stop that first")
    removed = []
    for pid, start in state.get("processes", []):
        if start is not None and start_time(pid) == start:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
                removed.append(f"process {pid}")
    for ns in state["namespaces"]:
        if os.path.exists(f"/run/netns/{ns}"):
            Namespace(ns).delete()
            removed.append(f"namespace {ns}")
    for link in state["links"]:
        if os.path.exists(f"/sys/class/net/{link}"):
            run("ip", "link", "del", link, check=False)
            removed.append(f"interface {link}")
    for directory in state.get("trace_instances", []):
        with contextlib.suppress(OSError):
            os.rmdir(directory)
            removed.append(f"trace instance {directory}")
    for directory in state.get("mounts", []):
        if os.path.ismount(directory):
            run("umount", directory, check=False)
            removed.append(f"mount {directory}")
        with contextlib.suppress(OSError):
            os.rmdir(directory)
    for directory in state.get("directories", []):
        if os.path.basename(directory).startswith(prefix + "-") and os.path.isdir(directory):
            shutil.rmtree(directory, ignore_errors=True)
            removed.append(f"directory {directory}")
    os.unlink(path)
    with contextlib.suppress(OSError):
        os.rmdir(STATE_DIR)
    return removed
