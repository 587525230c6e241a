# SPDX-License-Identifier: Apache-2.0
"""A network namespace with mirror ports, frames to send into them, and a live sensor watching them."""
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

from programs import Failure, STOP_S, json_lines, program, run_ok

READY_S = 30
PACE_S = 0.02  # between rounds: longer than a sensor's rest on a quiet interface, so that rounds arrive in order

SENDER = """
import socket, struct, sys, time
data = sys.stdin.buffer.read()
sockets, at = {}, 0
while at < len(data):
    port, size = struct.unpack_from("<HH", data, at)
    at += 4
    if size == 0:
        time.sleep(%f)
        continue
    if port not in sockets:
        sockets[port] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sockets[port].bind((f"feed{port}", 0))
    sockets[port].send(data[at:at + size])
    at += size
""" % PACE_S


MACS = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0"


def ipv4(src, dst, protocol, payload, ip_id=1):
    """src and dst are the last two address bytes of 10.0.x.y."""
    return struct.pack("!BBHHHBBHHHHH", 0x45, 0, 20 + len(payload), ip_id, 0x4000, 64, protocol, 0, 0x0a00, src,
                       0x0a00, dst) + payload


def frame(src, dst, flags, seq, ack, payload=b""):
    """Ethernet, IPv4 and TCP; src and dst are (last two address bytes, port)."""
    tcp = struct.pack("!HHIIBBHHH", src[1], dst[1], seq, ack, 0x50, flags, 64240, 0, 0) + payload
    return MACS + ipv4(src[0], dst[0], 6, tcp, seq & 0xffff)


def unreachable(router, syn):
    """A router's ICMP host unreachable (RFC 792) that quotes a SYN of frame()."""
    quoted = syn[14:14 + 28]
    client = struct.unpack_from("!H", quoted, 14)[0]
    return MACS + ipv4(router, client, 1, struct.pack("!BBHI", 3, 1, 0, 0) + quoted)


SYN, RST, PSH, ACK = 2, 4, 8, 16


def rounds(count, first_port=20000):
    """Connections that are reset by their server, as rounds of (from client, frame): each round follows the last."""
    ends = [((0x0100 + i % 50, first_port + i), (0x0200 + i % 7, 443)) for i in range(count)]
    yield [(True, frame(c, s, SYN, 1000, 0)) for c, s in ends]
    yield [(False, frame(s, c, SYN | ACK, 5000, 1001)) for c, s in ends]
    yield [(True, frame(c, s, ACK, 1001, 5001)) for c, s in ends]
    yield [(True, frame(c, s, PSH | ACK, 1001, 5001, b"x" * 100)) for c, s in ends]
    yield [(False, frame(s, c, RST | ACK, 5001, 1101)) for c, s in ends]


def pcap(path, all_rounds):
    """The rounds as a capture file, a tenth of a second between them."""
    out = [struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)]
    frames = 0
    for number, one in enumerate(all_rounds):
        for i, (_, data) in enumerate(one):
            out.append(struct.pack("<IIII", 1_700_000_000, number * 100_000 + i, len(data), len(data)) + data)
            frames += 1
    path.write_bytes(b"".join(out))
    return frames


class Net:
    """mirror0, mirror1 … in a namespace: what is sent into feed0 arrives at mirror0."""

    def __init__(self, ports):
        self.name = f"rs-ports-{os.getpid()}"
        self.ports = ports

    def __enter__(self):
        self.ip("netns", "add", self.name)
        for i in range(self.ports):
            self.ip("-n", self.name, "link", "add", f"mirror{i}", "type", "veth", "peer", "name", f"feed{i}")
            for end in (f"mirror{i}", f"feed{i}"):
                # No IPv6: its router solicitations would mix with the frames of the test.
                self.run("sysctl", "-qw", f"net.ipv6.conf.{end}.disable_ipv6=1")
                self.ip("-n", self.name, "link", "set", end, "up")
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.name], check=False)

    @staticmethod
    def ip(*arguments):
        run_ok("ip", *arguments)

    def run(self, *command):
        return run_ok("ip", "netns", "exec", self.name, *command)

    def send(self, all_rounds, port_of=lambda from_client: 0):
        data = []
        sent = 0
        for one in all_rounds:
            for from_client, packet in one:
                data.append(struct.pack("<HH", port_of(from_client), len(packet)) + packet)
                sent += 1
            data.append(struct.pack("<HH", 0, 0))
        done = subprocess.run(["ip", "netns", "exec", self.name, "/usr/bin/python3", "-c", SENDER],
                              input=b"".join(data), capture_output=True, timeout=60)
        if done.returncode != 0:
            raise Failure(f"sending failed: {done.stderr.decode()[-300:]}")
        return sent


class Sensor:
    """resetscope-sensor in a namespace, told of by systemd's notify protocol."""

    def __init__(self, space, net, control, name, *arguments, env=None):
        self.space, self.name = space, name
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(f"{space.path}/{name}.notify")
        self.notify.settimeout(READY_S)
        command = ["ip", "netns", "exec", net.name] if net else []
        command += [program("resetscope-sensor"), "--export-server", control.server, "--name", name, "--no-fold",
                    "--counters", "--hugepages", "off", "--flows", 20_000 * 4, *arguments]
        self.process = space.start(name, command,
                                   env={**os.environ, "NOTIFY_SOCKET": f"{space.path}/{name}.notify", **(env or {})})
        self.wait("READY=1")

    def wait(self, what):
        try:
            while what not in self.notify.recv(4096).decode():
                pass
        except socket.timeout:
            raise Failure(f"the sensor does not say {what}: {self.log()[-500:]}") from None

    def log(self):
        return self.space.log(self.name)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """Ends it; its counters by name."""
        self.signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise Failure(f"the sensor does not end in {STOP_S} s: {self.log()[-300:]}") from None
        finally:
            self.notify.close()
        if status != 0:
            raise Failure(f"the sensor ended with status {status}: {self.log()[-400:]}")
        words = (line.split() for line in self.log().splitlines())
        return {w[0]: int(w[1]) for w in words if len(w) == 2 and w[1].isdigit()}


def telemetry(directory, command):
    """A command's answer on the telemetry socket (DPDK programmer's guide, telemetry library)."""
    paths = sorted(pathlib.Path(directory, "dpdk", "resetscope").glob("dpdk_telemetry.v2*"))
    if not paths:
        raise Failure(f"no telemetry socket in {directory}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(10)
        s.connect(str(paths[0]))
        s.recv(1024)  # version and limits
        s.send(command.encode())
        return json.loads(s.recv(65536))[command]


def sensor_state(control, name):
    lines = json_lines(run_ok(program("resetscope"), "--server", control.server, "sensors", "-o", "json").stdout)
    return next(s for s in lines if s["name"] == name)


def until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"not within {seconds} s: {what}")
        time.sleep(0.1)
