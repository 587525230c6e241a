#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A long wire: carries every frame between two interfaces of its namespace, each a fixed time later, in order.

usage: wire.py LINK LINK DELAY_US. Run inside the wire's namespace; not every kernel has netem.
"""
import collections
import select
import socket
import sys
import time

SOL_PACKET, IGNORE_OUTGOING = 263, 23  # linux/if_packet.h: do not hear what we send ourselves


def main():
    delay = int(sys.argv[3]) / 1e6
    ends = []
    for link in sys.argv[1:3]:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        s.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)
        s.bind((link, 3))
        s.setblocking(False)
        ends.append(s)
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    way = collections.deque()  # (due, where to, frame)
    while True:
        wait = max(0.0, way[0][0] - time.monotonic()) if way else None
        readable = select.select(ends, [], [], wait)[0]
        now = time.monotonic()
        for s in readable:
            while True:
                try:
                    way.append((now + delay, other[s], s.recv(65535)))
                except BlockingIOError:
                    break
        now = time.monotonic()
        while way and way[0][0] <= now:
            _, out, frame = way.popleft()
            out.send(frame)


if __name__ == "__main__":
    main()
