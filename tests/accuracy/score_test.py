#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The scoring by itself: what counts as right, what the figures are, and that they can fail."""
import unittest

import reasons
import score
import tables


def truth(**changes):
    t = {"scenario": "s", "family": 4, "event": True, "ignore": False, "note": "", "cause": "port_closed",
         "also_ok": ["host_fw_reject"], "origin": ["server"], "stage": ["syn"]}
    t.update(changes)
    return t


def event(**changes):
    e = {"cause": "port_closed", "second_cause": "unknown", "origin": "server", "stage": "syn", "confidence": 0.95}
    e.update(changes)
    return e


def rows(*pairs):
    return [score.Row(truth(**(t or {})), e) for t, e in pairs]


class Rows(unittest.TestCase):
    def test_first_second_and_same_packets(self):
        first, second, akin, wrong, missing = rows(
            (None, event()),
            (None, event(cause="port_scan", second_cause="port_closed")),
            (None, event(cause="host_fw_reject")),
            (None, event(cause="port_scan")),
            (None, None),
        )
        self.assertEqual([(r.top1, r.top2, r.akin) for r in (first, second, akin, wrong, missing)],
                         [(True, True, True), (False, True, False), (False, False, True), (False, False, False),
                          (False, False, False)])

    def test_clean_and_ignored(self):
        truths = [truth(event=False), truth(event=False), truth(ignore=True), truth()]
        found, alarms, clean = score.rows(truths, lambda t: [event()] if t is truths[0] or t is truths[3] else [])
        self.assertEqual((len(found), len(alarms), clean), (1, 1, 2))

    def test_an_event_too_many(self):
        found, _, _ = score.rows([truth(), truth(many=True)], lambda t: [event(), event()])
        self.assertEqual([r.extra for r in found], [1, 0])


class Figures(unittest.TestCase):
    def value(self, name, *pairs, alarms=(), clean=0):
        return next(m for m in score.measures(rows(*pairs), list(alarms), clean) if m.name == name)

    def test_origin(self):
        pairs = [(None, event())] * 98 + [(None, event(origin="middlebox")), (None, event(origin="unknown"))]
        m = self.value("origin, where one is named", *pairs)
        self.assertEqual((m.part, m.of, m.within(m.goal)), (98, 99, False))
        self.assertTrue(self.value("origin unknown or no event", *pairs).holds)
        self.assertFalse(self.value("origin unknown or no event", *pairs[:9], (None, None)).holds)

    def test_who_may_be_unknown_is_not_held_against(self):
        m = self.value("origin, where one is named", ({"origin": ["middlebox", "unknown"]}, event(origin="unknown")))
        self.assertEqual(m.of, 0)

    def test_limits_can_fail(self):
        def good(name, *pairs, **more):
            m = self.value(name, *pairs, **more)
            return m.within(m.goal)

        self.assertFalse(good("stage", (None, event(stage="idle"))))
        self.assertFalse(good("cause, first answer", (None, event(cause="port_scan"))))
        self.assertFalse(good("cause, first or second answer", (None, event(cause="port_scan"))))
        self.assertTrue(good("cause, first or second answer", (None, event())))
        self.assertFalse(good("clean connections reported", (None, event()), alarms=[1], clean=9))
        self.assertTrue(good("clean connections reported", (None, event()), clean=9))

    def test_calibration(self):
        pairs = [(None, event(confidence=0.75))] * 3 + [(None, event(confidence=0.75, cause="port_scan"))]
        table, error = score.calibration(rows(*pairs))
        self.assertEqual(table, [(0.7, 0.8, 4, 0.75, 0.75)])
        self.assertAlmostEqual(error, 0)
        wrong = event(cause="overload", confidence=1.0)
        _, error = score.calibration(rows((None, event(confidence=1.0)), (None, wrong)))
        self.assertAlmostEqual(error, 0.5)

    def test_each_scenario_counts_the_same(self):
        many = [({"scenario": "a"}, event())] * 9 + [({"scenario": "b"}, event(cause="overload"))]
        self.assertAlmostEqual(score.by_scenario(rows(*many), lambda r: r.top1), 0.5)


class Tables(unittest.TestCase):
    def test_matrix(self):
        lines = list(tables.square(score.matrix(rows((None, event()), (None, event(origin="client"))), "origin"),
                                   tables.ORIGINS))
        self.assertEqual(lines[0], "| true \\ said | client | server | right |")
        self.assertEqual(lines[2], "| server | 1 | 1 | 50.0 % |")

    def test_a_confusion_without_a_reason_is_not_excused(self):
        lines = list(tables.confusions(rows((None, event(cause="port_scan")), (None, event(cause="host_fw_reject")))))
        why = {said: text for _, _, said, text, _ in lines}
        self.assertTrue(why["port_scan"].startswith("not excused"))
        self.assertFalse(why["host_fw_reject"].startswith("not excused"))

    def test_reasons_name_causes(self):
        import context
        import scenarios

        scenarios.load()
        for spec in context.SCENARIOS.values():
            for akin in spec.expect.also_ok:
                with self.subTest(spec.name):
                    self.assertIsNotNone(reasons.reason(spec.expect.cause, akin), f"{spec.expect.cause}, {akin}")


if __name__ == "__main__":
    unittest.main()
