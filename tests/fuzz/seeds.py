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


def main():
    root = pathlib.Path(sys.argv[1])
    for name in ("parse", "capture_file", "filter_text", "batch"):
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
    for i, text in enumerate(FILTERS):
        (root / "filter_text" / str(i)).write_text(text)


if __name__ == "__main__":
    main()
