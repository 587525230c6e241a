#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes seeds for the fuzz targets into a directory a target: seeds.py DIR"""
import gzip
import json
import pathlib
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "packet"), str(HERE.parent / "scenario")]
import tunnels
from builder import CLIENT, Conversation, SERVER, write_pcap, write_pcapng

FILTERS = ["", "cause = port_closed", "cause=port_closed and server_ip in 10.0.0.0/8 and not stage=syn_ack",
           "severity >= problem or idle >= 5m", "ip in (10.1.0.0/16, ::/0)", "sensor in ('fra1', \"ams2\")",
           "not (midstream or one_sided) and confidence >= 0.95", "tag = 7 && port != 443 || count > 1"]


def conversations():
    for addresses in (("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2")):
        for vlan in (None, 7):
            c = Conversation(addresses[0], 40000, addresses[1], 80, vlan=vlan)
            c.handshake().client_sends(20).server_sends(30).keepalive_probe(CLIENT).server_fin()
            yield c.rst(SERVER).rst(CLIENT, "stateless")


# dataplane/capture/frame.h LinkType, by LINKTYPE of the file
LINKS = {1: 0, 101: 1, 113: 2, 276: 3, 0: 4, 108: 4, 9: 5, 50: 5, 51: 6, 104: 7}


def frames():
    """(link type number of the product, bytes)"""
    for c in conversations():
        for p in c.packets:
            yield 0, p.data
            for number, wrap in tunnels.every_link().values():
                yield LINKS[number], wrap(p.segment)
        s = c.packets[3].segment   # with data
        ip = s.ip_bytes()
        for wrap in tunnels.every_encapsulation().values():
            yield 0, wrap(s)
        if s.src.version == 4:
            error = tunnels.ipv4(1, tunnels.icmp_error(3, 1, ip[:28]))
            yield 1, tunnels.ipv4(6, ip[20:], fragment=0x2000)
            yield 1, tunnels.ipv4(6, ip[20:], fragment=0x0010)
        else:
            error = tunnels.ipv6(58, tunnels.icmp6_error(1, 4, ip))
            yield 1, tunnels.ipv6(44, tunnels.fragment6(6, 1, ip[40:]))
            yield 1, tunnels.ipv6(44, tunnels.fragment6(6, 16, ip[40:]))
        yield 1, error
        yield 1, tunnels.ipv4(17, tunnels.udp(2152, tunnels.gtpu(1, error)))


def batches():
    """Batches of a sensor as JSON: with an event, with service statistics, with health, empty."""
    def end(last, port):
        return {"ip": [0] * 10 + [255, 255, 10, 0, 0, last], "port": port}
    event = {"id": 77, "time_ns": 1_700_000_001_000_000_000, "start_ns": 1_700_000_000_000_000_000,
             "client": end(1, 40000), "server": end(2, 80), "cause": "port_closed", "origin": "server",
             "stage": "syn", "ending": "refused",
             "confidence": 0.9, "evidence": [{"id": "rst_ttl", "weight": 30, "value": 63}],
             "meanings": ["http.status=503"], "timeline": [{"at_ns": 5, "value": 1, "kind": "syn", "side": "client"}],
             "exemplars": [{"time_ns": 9, "client": end(3, 1)}], "flags": "ipv6 midstream"}
    service = {"server": end(2, 80), "from_ns": 1, "to_ns": 2, "attempted": 3,
               "by_cause": [{"cause": "port_closed", "count": 2}]}
    health = {"time_ns": 4, "version": "0.1.0", "ports": ["eth1"], "counters": [{"name": "tracked", "value": 5}]}
    base = {"sensor": "s1", "boot": 1, "input": 1, "sequence": 1}
    return [base, base | {"events": [event]}, base | {"services": [service]}, base | {"health": health, "last": True}]


# Records of tracker_fuzz.cc: flags, tuple (bit 0 from the server), time (2**n us on; 0x20 ends a burst), sequence,
# acknowledgement, payload, IP, options and window.
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def record(flags, server=0, time=0x2A, payload=0, seq=0, ack=0, tuple_=0, ip=0x1F, options=0x2E):
    return bytes([flags, tuple_ << 1 | server, time, seq, ack, payload, ip, options])


def packet_sequences():
    hello = record(SYN, options=0x6E) + record(SYN | ACK, 1, options=0x6E) + record(ACK)
    talk = hello + record(PSH | ACK, payload=70) + record(ACK, 1) + record(PSH | ACK, 1, payload=90) + record(ACK)
    yield 0, record(SYN) + record(RST | ACK, 1, ip=0x00, options=0x01)                      # refused
    yield 0, record(SYN) + record(SYN, time=0x34, seq=0xFF) + record(SYN, time=0x35, seq=0xFF)  # unanswered
    yield 0, talk + record(RST | ACK, 1)                                                   # aborted
    yield 0, talk + record(RST | ACK, 1) + record(PSH | ACK, payload=5) + record(ACK, 1)   # … and went on
    yield 0, talk + record(FIN | ACK, 1) + record(ACK) + record(PSH | ACK, payload=9) + record(RST, 1, ip=0)
    yield 0, talk + record(FIN | ACK) + record(FIN | ACK, 1) + record(ACK) + hello         # closed, used again
    yield 0, talk + 6 * record(PSH | ACK, time=0x34, payload=9, seq=0xF7)                  # repeats without an answer
    yield 0, talk + record(PSH | ACK, time=0x6A, payload=9) + record(ACK, 1, time=0x1E)    # back, and years ahead
    yield 0xFF, b"".join(record(SYN, tuple_=t) for t in range(64)) + talk                  # a full table, the end
    for c in conversations():
        yield 0, b"".join(bytes([0, 0x81, 0x2A, len(p.data), 0, 0, 0, 0]) + p.data for p in c.packets)


CONFIGS = ["", "sensor:\n  name: fra1\n", "capture:\n  ports: [eth1, '0000:3b:00.0']\n  workers: 2\n  cores: [1, 2]\n",
           "flow:\n  capacity: 65536\ntrack:\n  settle_ms: 0\nlog:\n  level: debug\n  format: json\n",
           "server:\n  listen: [unix:/tmp/a, 127.0.0.1:9000]\nstore:\n  path: ':memory:'\n", "a: &a [*a]\n",
           "x:\n---\n"]


def messages():
    """First messages of clients with a name in them, and last ones of servers."""
    name = b"shop.example.org"
    sni = b"\0\0" + struct.pack("!HHBH", len(name) + 5, len(name) + 3, 0, len(name)) + name
    for filling in (0, 300):
        extensions = struct.pack("!HH", 51, filling) + bytes(filling) + sni
        body = b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + struct.pack("!H", len(extensions)) + extensions
        yield b"\x16\3\1" + struct.pack("!HBBH", len(body) + 4, 1, 0, len(body)) + body
    yield b"GET /x HTTP/1.1\r\nAccept: */*\r\nHost: shop.example.org:8080\r\n\r\n"
    yield b"HTTP/1.1 503 Service Unavailable\r\n"
    yield b"\x15\3\3\0\2\2\x30"
    yield b"E\0\0\0\x6dSFATAL\0VFATAL\0C57P01\0M"
    yield b"BIG-IP: [0x2664c65:2574] No flow found for ACK"


def main():
    root = pathlib.Path(sys.argv[1])
    for name in ("parse", "capture_file", "filter_text", "batch", "tracker", "config", "message"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for i, (link, data) in enumerate(frames()):
        (root / "parse" / f"{i:04}").write_bytes(bytes([link, 0]) + data)
    for i, c in enumerate(conversations()):
        path = root / "capture_file" / f"{i}.pcap"
        write_pcap(path, c.packets)
        (root / "capture_file" / f"{i}.pcap.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        write_pcapng(root / "capture_file" / f"{i}.pcapng", c.packets)
    for i, batch in enumerate(batches()):
        path = root / "batch" / f"{i}.json"
        path.write_text(json.dumps(batch))
        subprocess.run(["flatc", "--binary", "-o", path.parent, HERE.parent.parent / "proto" / "event.fbs", path],
                       check=True)
        path.unlink()
    for i, (mode, records) in enumerate(packet_sequences()):
        (root / "tracker" / f"{i:02}").write_bytes(bytes([mode]) + records)
    samples = [p.read_text(encoding="utf-8") for p in sorted((HERE.parent.parent / "deploy").glob("resetscope-*.yaml"))]
    for i, text in enumerate(CONFIGS + samples):
        (root / "config" / str(i)).write_text(text)
    for i, message in enumerate(messages()):
        (root / "message" / str(i)).write_bytes(bytes([i % 2 * 128]) + message)
    for i, text in enumerate(FILTERS):
        (root / "filter_text" / str(i)).write_text(text)


if __name__ == "__main__":
    main()
