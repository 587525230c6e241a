# SPDX-License-Identifier: Apache-2.0
"""A middlebox on the router: watches the client-side leg and sends forged segments out of either leg.

Rules are called on the box's own thread with each TCP segment of their server port. The box keeps the latest
segment of each direction of each connection, as a stateful device would.
"""
import select
import socket
import threading

import forge
from net import MAC

ETH_P_ALL = 3


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


class Box:
    def __init__(self, network):
        with network.router:
            self.sniff = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.sniff.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            self.sniff.bind(("r0", ETH_P_ALL))
            self.out = {}
            for link in ("r0", "r1"):
                self.out[link] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
                self.out[link].bind((link, 0))
        self.rules = {}  # server port -> function(box, segment)
        self.last = {}  # (src, sport, dst, dport) -> latest segment
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.loop, name="middlebox", daemon=True)
        self.thread.start()

    def loop(self):
        poll = select.poll()
        poll.register(self.sniff, select.POLLIN)
        while not self.stopping.is_set():
            if not poll.poll(200):
                continue
            segment = forge.parse(self.sniff.recv(65535))
            if segment is None:
                continue
            with self.lock:
                if not self.rules:
                    continue
                rule = self.rules.get(segment.dport) or self.rules.get(segment.sport)
                if rule is None:
                    continue
                self.last[(segment.src, segment.sport, segment.dst, segment.dport)] = segment
            rule(self, segment)

    def watch(self, port, rule=lambda box, segment: None):
        with self.lock:
            self.rules[port] = rule

    def unwatch(self, port):
        with self.lock:
            self.rules.pop(port, None)
            self.last = {k: v for k, v in self.last.items() if port not in (k[1], k[3])}

    def latest(self, src, sport, dst, dport):
        with self.lock:
            return self.last.get((src, sport, dst, dport))

    def to_client(self, packet):
        self.send("r0", "c0", packet)

    def to_server(self, packet):
        self.send("r1", "s0", packet)

    def send(self, link, target, packet):
        kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
        self.out[link].send(mac(MAC[target]) + mac(MAC[link]) + kind + packet)

    def stop(self):
        self.stopping.set()
        self.thread.join(timeout=2)
        self.sniff.close()
        for s in self.out.values():
            s.close()
