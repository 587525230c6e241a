#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The parts of the lab that need no root: reading the tracepoints, forging and parsing, and judging answers."""
import struct
import types
import unittest

import compare
import context
import forge
import oracle
import scenarios
import schedule
import split

SEND = (
    "         python3-14561   [000] ..s1.  2319.233706: tcp_send_reset: skbaddr=0000000050cdcadb"
    " skaddr=00000000a23be5b2 src={} dest={} state=TCP_LISTEN reason=TCP_FLAGS"
)
RECEIVE = (
    "          <idle>-0       [001] .....  2319.233754: tcp_receive_reset: family=AF_INET sport=37091 dport=20001"
    " saddr=10.77.1.11 daddr=10.77.2.21 saddrv6=::ffff:10.77.1.11 daddrv6=::ffff:10.77.2.21 sock_cookie=1065"
)


class Oracle(unittest.TestCase):
    def test_send_reset(self):
        e = oracle.parse(SEND.format("[fd77:2::15]:20001", "[fd77:1::b]:37091"), 5)
        self.assertEqual((e["src"], e["dst"]), (("fd77:2::15", 20001), ("fd77:1::b", 37091)))
        self.assertEqual((e["reason"], e["event"], e["time_ns"]), ("TCP_FLAGS", "send_reset", 2319233706005))

    def test_receive_reset_names_the_receiver_first(self):
        e = oracle.parse(RECEIVE, 0)
        self.assertEqual((e["src"], e["dst"]), (("10.77.1.11", 37091), ("10.77.2.21", 20001)))
        self.assertIsNone(e["reason"])

    def test_other_lines(self):
        self.assertIsNone(oracle.parse("# tracer: nop", 0))
        self.assertIsNone(oracle.parse(SEND.format("nonsense", "10.0.0.1:1"), 0))

    def test_listener_reset_goes_to_who_received_it(self):
        sent = oracle.parse(SEND.format("10.77.2.21:20001", "0.0.0.0:0"), 0)
        context.complete([oracle.parse(RECEIVE, 0), sent])
        self.assertEqual(sent["dst"], ("10.77.1.11", 37091))

    def test_listener_reset_is_not_given_to_whom_another_was_sent(self):
        """The kernel traced the reset of a close 8 us after the client heard it; the listener's was another's."""
        listener = oracle.parse(SEND.format("10.77.2.21:20001", "0.0.0.0:0"), 0)
        closing = oracle.parse(SEND.format("10.77.2.21:20001", "10.77.1.11:37091"), 56_000)
        context.complete([listener, oracle.parse(RECEIVE, 0), closing])
        self.assertEqual(listener["dst"][1], 0)


class Confirmed(unittest.TestCase):
    @staticmethod
    def event(kind, by, reason=None, at=0):
        return {"event": kind, "by": by, "reason": reason, "time_ns": at}

    def test_rules(self):
        refused = [self.event("send_reset", "server", "NO_SOCKET"), self.event("receive_reset", "client", at=1)]
        forged = [self.event("receive_reset", "client"), self.event("send_reset", "client", "NO_SOCKET", 1)]
        self.assertTrue(context.confirmed("server:NO_SOCKET|TCP_FLAGS", refused))
        self.assertFalse(context.confirmed("server:TCP_FLAGS", refused))
        self.assertFalse(context.confirmed("client:NO_SOCKET", refused))
        self.assertFalse(context.confirmed("forged", refused))
        self.assertTrue(context.confirmed("forged", forged))
        closing = self.event("send_reset", "server", "TCP_ABORT_ON_CLOSE", 60_000)
        self.assertTrue(context.confirmed("server:TCP_ABORT_ON_CLOSE", [refused[0], closing]))
        self.assertFalse(context.confirmed("server:NO_SOCKET", [refused[0], closing]))
        closing["time_ns"] = 60_000_000
        self.assertFalse(context.confirmed("server:TCP_ABORT_ON_CLOSE", [refused[0], closing]))
        self.assertFalse(context.confirmed("none", forged))
        self.assertTrue(context.confirmed("none", []))
        self.assertFalse(context.confirmed("server:NO_SOCKET", []))
        self.assertIsNone(context.confirmed("", refused))


class Forge(unittest.TestCase):
    def test_built_is_read_back_with_good_checksums(self):
        for src, dst, ether in (("10.77.1.11", "10.77.2.21", 0x0800), ("fd77:1::b", "fd77:2::15", 0x86DD)):
            packet = forge.tcp(
                src, dst, 1000, 80, 7, 9, forge.RST | forge.ACK, window=5, payload=b"abc", ttl=99, ip_id=3
            )
            s = forge.parse(bytes(12) + struct.pack("!H", ether) + packet)
            self.assertEqual((s.src, s.dst, s.sport, s.dport, s.seq, s.ack), (src, dst, 1000, 80, 7, 9))
            self.assertEqual((s.flags, s.window, s.payload, s.ttl, s.end), (forge.RST | forge.ACK, 5, b"abc", 99, 10))
            size = 20 if ether == 0x0800 else 40
            if size == 20:
                self.assertEqual(forge.checksum(packet[:20]), 0)
            addresses = packet[size - (8 if size == 20 else 32) : size]
            pseudo = addresses + struct.pack("!IHBB", len(packet) - size, 0, 0, 6)
            self.assertEqual(forge.checksum(pseudo + packet[size:]), 0)

    def test_garbage(self):
        for frame in (
            b"",
            bytes(14),
            bytes(12) + b"\x08\x00" + b"\x45" + bytes(30),
            bytes(12) + b"\x86\xdd" + bytes(6),
        ):
            self.assertIsNone(forge.parse(frame))


def truth(**changes):
    t = {
        "scenario": "s", "family": 4, "client_ip": "10.77.1.11", "client_port": 1000, "server_ip": "10.77.2.21",
        "server_port": 80, "start_ns": 10**18, "end_ns": 10**18 + 10**9, "event": True, "ignore": False, "core": True,
        "note": "", "cause": "port_closed", "also_ok": ["host_fw_reject"], "origin": ["server"], "stage": ["syn"],
        "ending": ["refused"], "kernel": [], "kernel_expect": "", "confirmed": True,
    }  # fmt: skip
    return {**t, **changes}


def event(**changes):
    e = {
        "time": "2001-09-09T01:46:40.500000000Z", "client_ip": "10.77.1.11", "client_port": 1000,
        "server_ip": "10.77.2.21", "server_port": 80, "cause": "port_closed", "confidence": 0.9, "origin": "server",
        "stage": "syn", "ending": "refused", "count": 1, "exemplars": [],
    }  # fmt: skip
    return {**e, **changes}


class Compare(unittest.TestCase):
    def verdict(self, t, events):
        ((_, verdict, off),) = compare.compare([t], events)
        return verdict, off, compare.acceptable(t, verdict, off)

    def test_the_same_ports_twice(self):
        first, second = truth(end_ns=10**18 + 2 * 10**9), truth(start_ns=10**18 + 10**9, end_ns=10**18 + 2 * 10**9)
        context.separate([second, first])
        events = [event(), event(time="2001-09-09T01:46:41.500000000Z")]
        for t in (first, second):
            self.assertEqual(self.verdict(t, events), ("right", [], True))
        self.assertEqual(self.verdict(second, events[:1])[0], "MISSING")
        alone = truth(end_ns=10**18 + 2 * 10**9)
        context.separate([alone, truth(start_ns=10**18 + 10**9, ignore=True)])
        self.assertEqual(len(self.verdict(alone, events)[1]), 1)

    def test_verdicts(self):
        self.assertEqual(self.verdict(truth(), [event()]), ("right", [], True))
        self.assertEqual(self.verdict(truth(), [event(cause="host_fw_reject")])[0::2], ("also right", True))
        self.assertEqual(self.verdict(truth(), [event(cause="unknown")])[0::2], ("unknown", False))
        self.assertEqual(self.verdict(truth(), [event(cause="port_scan")])[0::2], ("WRONG", False))
        self.assertEqual(self.verdict(truth(), [])[0::2], ("MISSING", False))
        self.assertEqual(self.verdict(truth(core=False), [event(cause="port_scan")])[0::2], ("WRONG", True))

    def test_who_and_when_count_too(self):
        for change in ({"origin": "middlebox"}, {"stage": "exchange"}, {"ending": "reset"}):
            self.assertEqual(self.verdict(truth(), [event(**change)])[0::2], ("right", False), change)

    def test_two_events_or_swapped_ends_do_not_pass(self):
        self.assertFalse(self.verdict(truth(), [event(), event(time="2001-09-09T01:46:40.6Z")])[2])
        swapped = event(client_ip="10.77.2.21", client_port=80, server_ip="10.77.1.11", server_port=1000)
        self.assertFalse(self.verdict(truth(), [swapped])[2])

    def test_clean(self):
        clean = truth(event=False, cause=None, also_ok=[], origin=[], stage=[], ending=[], core=False)
        self.assertEqual(self.verdict(clean, [])[0::2], ("quiet", True))
        self.assertEqual(self.verdict(clean, [event()])[0::2], ("FALSE ALARM", False))

    def test_another_time_is_another_connection(self):
        self.assertEqual(self.verdict(truth(), [event(time="2001-09-09T01:40:00Z")])[0], "MISSING")

    def test_folded(self):
        other = truth(client_port=1001)
        named = event(
            count=2, exemplars=[{"time": "2001-09-09T01:46:40.6Z", "client_ip": "10.77.1.11", "client_port": 1001}]
        )
        self.assertEqual([v for _, v, _ in compare.compare([truth(), other], [named])], ["right", "right"])
        counted = event(count=2)
        third = truth(client_port=1002)
        self.assertEqual(
            [v for _, v, _ in compare.compare([truth(), other, third], [counted])], ["right", "right", "MISSING"]
        )


class ForgeMarks(unittest.TestCase):
    def test_what_is_built_can_be_read(self):
        for here, there, kind in (("10.0.0.1", "10.0.0.2", b"\x08\x00"), ("fd00::1", "fd00::2", b"\x86\xdd")):
            label = 0x12345 if ":" in here else 0
            packet = forge.tcp(
                here, there, 5, 6, 7, 8, forge.RST, payload=b"why", ttl=9, ip_id=10, tos=0x28, flow_label=label
            )
            s = forge.parse(b"\0" * 12 + kind + packet)
            self.assertEqual((s.src, s.dst, s.sport, s.dport, s.seq, s.ack, s.flags), (here, there, 5, 6, 7, 8, 4))
            self.assertEqual((s.payload, s.ttl, s.tos, s.flow_label), (b"why", 9, 0x28, label))
            self.assertEqual(forge.parse(b"\0" * 12 + kind + packet[:30]), None)


class Split(unittest.TestCase):
    """One capture of several scenarios, taken apart and put together."""

    @staticmethod
    def frame(sport, dport, six=False):
        here, there = ("fd77:1::b", "fd77:2::15") if six else ("10.77.1.11", "10.77.2.21")
        packet = forge.tcp(here, there, sport, dport, 1, 0, forge.SYN)
        return b"\0" * 12 + (b"\x86\xdd" if six else b"\x08\x00") + packet

    @staticmethod
    def capture(*frames):
        data = split.NANOS + b"\0" * 20
        for k, frame in enumerate(frames):
            data += struct.pack("<IIII", 1, k, len(frame), len(frame)) + frame
        return data

    def icmp(self, frame):
        quoted = frame[14:42]
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(quoted), 0, 0, 64, 1, 0, b"\1\1\1\1", b"\2\2\2\2")
        return frame[:14] + head + b"\3\1\0\0\0\0\0\0" + quoted

    def test_ports(self):
        for six in (False, True):
            self.assertEqual(split.ports(self.frame(40000, 20001, six)), (40000, 20001))
        self.assertEqual(split.ports(self.icmp(self.frame(40000, 20001))), (40000, 20001))
        self.assertIsNone(split.ports(b"\0" * 12 + b"\x08\x06" + b"\0" * 40))
        self.assertIsNone(split.ports(self.frame(40000, 20001)[:36]))

    def test_each_scenario_gets_its_own(self):
        a, b, c = self.frame(40000, 20001), self.frame(20021, 40001), self.frame(1, 2)
        parts = split.split(self.capture(a, b, c, self.icmp(a)), {20001: "one", 20021: "two"})
        self.assertEqual([f for _, _, f in split.records(parts["one"])], [a, self.icmp(a)])
        self.assertEqual([f for _, _, f in split.records(parts["two"])], [b])

    def test_merge_keeps_the_order_of_time(self):
        a, b, c = self.frame(1, 20001), self.frame(2, 20002), self.frame(3, 20003)
        whole = self.capture(a, b, c)
        parts = split.split(whole, {20001: "one", 20002: "two", 20003: "one"})
        self.assertEqual(split.merge([parts["two"], parts["one"]]), whole)

    def test_cut_short(self):
        whole = self.capture(self.frame(1, 20001))
        self.assertEqual(list(split.records(whole[:-1])), [])
        self.assertRaises(ValueError, lambda: list(split.records(b"\0" * 24)))


class Queue(unittest.TestCase):
    def test_the_longest_first_and_the_exclusive_one_by_one(self):
        def spec(name, seconds, exclusive=""):
            return types.SimpleNamespace(name=name, seconds=seconds, exclusive=exclusive)

        a, b, c = spec("a", 9, "x"), spec("b", 5, "x"), spec("c", 1)
        queue = schedule.Queue([(a, 4), (b, 4), (c, 4)])
        self.assertEqual([queue.take()[0].name, queue.take()[0].name], ["a", "c"])
        queue.done(a)
        self.assertEqual(queue.take()[0].name, "b")
        self.assertIsNone(queue.take())

    def test_scenarios_that_need_a_long_way(self):
        scenarios.load()
        near = types.SimpleNamespace(network=types.SimpleNamespace(wires=[]))
        far = types.SimpleNamespace(network=types.SimpleNamespace(wires=[("w0", "w1", 5.0)]))
        names = sorted(context.SCENARIOS)
        self.assertLess(len(schedule.jobs(near, names, (4, 6))), len(schedule.jobs(far, names, (4, 6))))


class Scenarios(unittest.TestCase):
    def test_all_are_well_formed(self):
        scenarios.load()
        self.assertGreater(len(context.SCENARIOS), 60)
        sides = ("client", "server", "forged", "none")
        for s in context.SCENARIOS.values():
            self.assertIn(s.expect.kernel.partition(":")[0], sides + ("",), s.name)
            self.assertTrue(s.name.startswith("clean") or s.expect.origin, s.name)


if __name__ == "__main__":
    unittest.main()
