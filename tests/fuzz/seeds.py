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


def frames():
    """(link type number of the product, bytes)"""
    for c in conversations():
        for p in c.packets:
            yield 0, p.data
            ip = p.segment.ip_bytes()
            version4 = ip[0] >> 4 == 4
            yield 1, ip
            ethertype = struct.pack("!H", 0x0800 if version4 else 0x86DD)
            yield 2, bytes(14) + ethertype + ip
            yield 3, ethertype + bytes(18) + ip
            yield 4, struct.pack("<I", 2 if version4 else 10) + ip
            if version4:   # ICMP host unreachable quoting it
                quote = struct.pack("!BBHI", 3, 1, 0, 0) + ip[:28]
                head = bytearray(ip[:20])
                head[2:4], head[9] = struct.pack("!H", 20 + len(quote)), 1
                yield 1, bytes(head) + quote


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
    for name in ("parse", "capture_file", "filter_text", "batch", "message"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for i, (link, data) in enumerate(frames()):
        (root / "parse" / f"{i:03}").write_bytes(bytes([link]) + data)
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
    for i, message in enumerate(messages()):
        (root / "message" / str(i)).write_bytes(bytes([i % 2 * 128]) + message)
    for i, text in enumerate(FILTERS):
        (root / "filter_text" / str(i)).write_text(text)


if __name__ == "__main__":
    main()
