// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/condense.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <tuple>

#include "dataplane/event/test_items.h"

namespace rs::event {
namespace {

using test::endings_of;
using test::events_of;
using test::folded;
using test::ip4;
using test::kStart;
using test::reset;
using test::take_all;

struct Rig {
  explicit Rig(CondenserConfig config = {}, size_t ring_size = 4096, WhenFull when_full = WhenFull::kDrop)
      : ring(ring_size), sink(ring, when_full, 3), condenser(config, sink) {
    condenser.advance(kStart);
  }
  std::vector<Event> take() { return events_of(take_all(ring)); }
  // Advances until everything due at `now` is out: a call puts out only a few.
  std::vector<Event> settle(TimeNs now) {
    std::vector<Event> out;
    for (int i = 0; i < 4096; ++i) {
      condenser.advance(now);
      for (const Event& e : take()) out.push_back(e);
    }
    return out;
  }
  Ring ring;
  Sink sink;
  Condenser condenser;
};

TEST(Condense, FirstFewPassWholeTheRestFold) {
  Rig rig;
  for (uint64_t i = 0; i < 100; ++i) rig.condenser.add(reset(kStart + i * kMs, i + 1), kStart + i * kMs);
  const auto whole = rig.take();
  ASSERT_EQ(whole.size(), 4U);
  for (uint64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(whole[i].id, i + 1);
    EXPECT_EQ(whole[i].count, 1U);
    EXPECT_FALSE(folded(whole[i]));
    EXPECT_EQ(whole[i].fact_count, 2);
    EXPECT_EQ(whole[i].facts[1].weight, 150);
  }
  EXPECT_TRUE(rig.settle(kStart + 2400 * kMs).empty()) << "window and linger are not over";
  const auto rest = rig.settle(kStart + 2500 * kMs);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_TRUE(folded(rest[0]));
  EXPECT_EQ(rest[0].count, 96U);
  EXPECT_EQ(rest[0].time_ns, kStart + 4 * kMs);
  ASSERT_EQ(rest[0].exemplar_count, 4);
  for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(rest[0].exemplars[i].time_ns, kStart + (5 + i) * kMs);
  EXPECT_NE(rest[0].id, 0U);
  EXPECT_NE(rest[0].id, 5U);
  EXPECT_EQ(rest[0].fact_count, 2);
}

TEST(Condense, OneLeftOverIsNoFold) {
  Rig rig;
  for (uint64_t i = 0; i < 5; ++i) rig.condenser.add(reset(kStart, i + 1), kStart);
  EXPECT_EQ(rig.take().size(), 4U);
  const auto rest = rig.settle(kStart + 5 * kSecond);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_FALSE(folded(rest[0]));
  EXPECT_EQ(rest[0].id, 5U);
  EXPECT_EQ(rest[0].count, 1U);
}

TEST(Condense, WindowsAreWholeSecondsOfTheEndingsTime) {
  Rig rig({.keep_first = 0});
  // All reported in the same burst: the second an ending lies in decides, not when it is reported.
  const TimeNs now = kStart + 2 * kSecond;
  rig.condenser.advance(now);
  rig.condenser.add(reset(kStart + kSecond - 1, 1), now);
  rig.condenser.add(reset(kStart + kSecond, 2), now);
  rig.condenser.add(reset(kStart + 2 * kSecond - 1, 3), now);
  rig.condenser.add(reset(kStart, 4), now);
  const auto out = rig.settle(now + 10 * kSecond);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0].count, 2U);
  EXPECT_EQ(out[0].time_ns, kStart + kSecond - 1);
  EXPECT_EQ(out[1].count, 2U);
  EXPECT_EQ(out[1].time_ns, kStart + kSecond);
}

TEST(Condense, EveryPartOfTheKeySeparates) {
  const Event base = reset(kStart, 1);
  std::vector<Event> others(10, base);
  others[0].server.port = 444;
  others[1].server.ip = ip4(10, 9, 0, 2);
  others[2].network_tag = 7;
  others[3].cause = Cause::kRateLimit;
  others[4].origin = Origin::kMiddlebox;
  others[5].stage = Stage::kIdle;
  others[6].ending = Ending::kTimedOut;
  others[7].client.ip = ip4(10, 1, 3, 3);
  others[8].client.ip = ip4(11, 1, 2, 3);
  others[9].client.ip.bytes = {0x20, 1};
  Rig rig({.keep_first = 1});
  rig.condenser.add(base, kStart);
  for (const Event& e : others) rig.condenser.add(e, kStart);
  EXPECT_EQ(rig.take().size(), 11U);

  Event same = base;  // neither the client's host part nor its port
  same.client = {ip4(10, 1, 2, 250), 1};
  rig.condenser.add(same, kStart);
  EXPECT_TRUE(rig.take().empty());
}

TEST(Condense, Ipv6FoldsBySixtyFourAndNeverWithIpv4) {
  Rig rig({.keep_first = 1});
  Event a = reset(kStart, 1);
  a.client.ip.bytes = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 1};
  Event b = a;
  b.client.ip.bytes[8] = 2;
  Event c = a;
  c.client.ip.bytes[7] = 2;
  rig.condenser.add(a, kStart);
  rig.condenser.add(b, kStart);
  rig.condenser.add(c, kStart);
  EXPECT_EQ(rig.take().size(), 2U);
  // An IPv6 prefix whose eight bytes equal the word made from 10.1.2.0/24.
  Event v4 = reset(kStart, 9);
  Event v6 = v4;
  v6.client.ip.bytes = {10, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
  rig.condenser.add(v4, kStart);
  rig.condenser.add(v6, kStart);
  EXPECT_EQ(rig.take().size(), 2U);
}

TEST(Condense, LateEndingsStillFold) {
  Rig rig;
  const TimeNs now = kStart + 60 * kSecond;
  rig.condenser.advance(now);
  for (uint64_t i = 0; i < 50; ++i) {
    rig.condenser.advance(now + i * 18 * kMs);
    rig.condenser.add(reset(kStart, i + 1), now + i * 18 * kMs);
  }
  EXPECT_EQ(rig.take().size(), 4U);
  const auto rest = rig.settle(now + 2 * kSecond);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].count, 46U);

  // The same second again, after its fold went out: another event, with another id.
  for (uint64_t i = 0; i < 50; ++i) rig.condenser.add(reset(kStart, i + 100), now + 3 * kSecond);
  EXPECT_EQ(rig.take().size(), 4U);
  const auto again = rig.settle(now + 6 * kSecond);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].count, 46U);
  EXPECT_NE(again[0].id, rest[0].id);
}

TEST(Condense, AbsurdTimesAreHeldNoLongerThanOthers) {
  Rig rig({.keep_first = 0});
  rig.condenser.add(reset(UINT64_MAX - 5, 1), kStart);
  rig.condenser.add(reset(kStart + 3600 * kSecond, 2), kStart);
  rig.condenser.add(reset(5, 3), kStart);
  const auto out = rig.settle(kStart + 4 * kSecond);
  EXPECT_EQ(endings_of(out), 3U);
}

TEST(Condense, ClockJumpsFlush) {
  Rig rig({.keep_first = 0});
  rig.condenser.add(reset(kStart, 1), kStart);
  EXPECT_EQ(endings_of(rig.settle(kStart + 86400 * kSecond)), 1U);
  rig.condenser.add(reset(kStart + 86400 * kSecond, 2), kStart + 86400 * kSecond);
  EXPECT_EQ(endings_of(rig.settle(kStart)), 1U) << "back by a day";
  rig.condenser.add(reset(kStart, 3), kStart);
  EXPECT_EQ(endings_of(rig.settle(kStart + 10 * kSecond)), 1U);
}

TEST(Condense, SmallStepsBackDoNotFlush) {
  Rig rig({.keep_first = 0});
  rig.condenser.add(reset(kStart, 1), kStart);
  rig.condenser.advance(kStart + kSecond);
  EXPECT_TRUE(rig.settle(kStart - kSecond).empty());
}

TEST(Condense, FullTableFoldsIntoCoarserKeysAndLosesNothing) {
  Rig rig({.keep_first = 1, .entries = 64});
  uint64_t given = 0;
  for (uint32_t i = 0; i < 10000; ++i) {
    const auto client = ip4(static_cast<uint8_t>(i >> 16), static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i), 7);
    rig.condenser.add(reset(kStart, ++given, client), kStart);
  }
  // A scan: the client stays, the servers go.
  for (uint32_t i = 0; i < 10000; ++i) {
    const auto server = ip4(172, 16, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i));
    Event e = reset(kStart, ++given, ip4(7, 7, 7, 7), server);
    e.cause = Cause::kPortScan;
    rig.condenser.add(e, kStart);
  }
  const auto whole = rig.take();
  EXPECT_EQ(whole.size(), 64U) << "one whole per full key";
  const auto rest = rig.settle(kStart + 5 * kSecond);
  ASSERT_EQ(rest.size(), 2U);
  EXPECT_EQ(rest[0].count, 10000U - 64U);
  EXPECT_EQ(rest[0].client, Endpoint{}) << "many clients";
  EXPECT_EQ(rest[0].server.port, 443);
  EXPECT_EQ(rest[0].exemplar_count, 4);
  EXPECT_EQ(rest[0].exemplars[0].client.ip, ip4(0, 0, 64, 7)) << "the first folded is an exemplar here";
  EXPECT_EQ(rest[1].count, 10000U);
  EXPECT_EQ(rest[1].server, Endpoint{}) << "many servers";
  EXPECT_EQ(rest[1].client.ip, ip4(7, 7, 7, 7));
  EXPECT_TRUE(folded(rest[0]) && folded(rest[1]));
  EXPECT_EQ(rig.condenser.counters().coarse.get(), 20000U - 64U);
}

TEST(Condense, CoarserKeysFullToo) {
  Rig rig({.keep_first = 0, .entries = 1}, 1U << 15);
  uint64_t given = 0;
  // 1 full key, 16 without client, 16 without either; more tags than all of them.
  for (uint32_t i = 0; i < 1000; ++i) {
    Event e = reset(kStart, ++given, ip4(1, 2, 3, 4), ip4(9, 9, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)));
    e.network_tag = i % 100;
    rig.condenser.add(e, kStart);
  }
  auto out = rig.take();
  for (const Event& e : rig.settle(kStart + 5 * kSecond)) out.push_back(e);
  EXPECT_EQ(endings_of(out), given);
}

TEST(Condense, ExactOverMillionsOfEndings) {
  constexpr uint64_t kEndings = 3'000'000;
  using Group = std::tuple<uint64_t, std::array<uint8_t, 16>, uint16_t, Cause>;
  std::map<Group, uint64_t> want;
  std::map<Group, uint64_t> got;
  Rig rig({.entries = 8192}, 1U << 14);
  std::mt19937 random(7);
  uint64_t taken = 0;
  std::set<uint64_t> ids;
  const auto take = [&] {
    for (const Event& e : rig.take()) {
      taken += e.count;
      got[{e.time_ns / kSecond, e.server.ip.bytes, e.server.port, e.cause}] += e.count;
      EXPECT_TRUE(ids.insert(e.id).second) << "id twice";
    }
  };
  TimeNs now = kStart;
  for (uint64_t i = 0; i < kEndings; ++i) {
    now += 4 * kUs;  // 12 s in all
    const uint32_t r = static_cast<uint32_t>(random());
    // Endings are reported up to a settle time and a half late.
    Event e = reset(now - (r % 1500) * kMs, i + 1, ip4(10, 0, static_cast<uint8_t>(r >> 24 & 15), 1),
                    ip4(10, 9, 0, static_cast<uint8_t>(r >> 8 & 15)));
    e.cause = (r >> 13 & 1) != 0 ? Cause::kPortClosed : Cause::kOverload;
    ++want[{e.time_ns / kSecond, e.server.ip.bytes, e.server.port, e.cause}];
    rig.condenser.add(e, now);
    if (i % 32 == 0) {
      rig.condenser.advance(now);
      take();
    }
  }
  EXPECT_TRUE(rig.condenser.flush(now));
  take();
  EXPECT_EQ(taken, kEndings);
  EXPECT_EQ(got, want);
  EXPECT_EQ(rig.sink.counters().dropped_endings.get(), 0U);
  EXPECT_EQ(rig.condenser.counters().coarse.get(), 0U);
  const auto& c = rig.condenser.counters();
  EXPECT_EQ(c.whole.get() + c.folded.get(), kEndings);
  EXPECT_LT(ids.size(), kEndings / 30);
}

TEST(Condense, FullRingFoldsInsteadOfLosing) {
  Rig rig({}, 2);
  for (uint64_t i = 0; i < 1000; ++i) {
    rig.condenser.add(reset(kStart, i + 1, ip4(10, 1, static_cast<uint8_t>(i % 10), 1)), kStart);
  }
  auto out = rig.take();
  EXPECT_EQ(out.size(), 2U);
  for (const Event& e : rig.settle(kStart + 5 * kSecond)) out.push_back(e);
  EXPECT_EQ(endings_of(out), 1000U);
  EXPECT_EQ(rig.sink.counters().dropped_events.get(), 0U);
}

TEST(Condense, WithoutFoldingAllPassAndAFullRingDropsAndCounts) {
  Rig rig({.fold = false}, 64);
  for (uint64_t i = 0; i < 100; ++i) rig.condenser.add(reset(kStart, i + 1), kStart);
  const auto out = rig.take();
  ASSERT_EQ(out.size(), 64U);
  EXPECT_EQ(out[63].id, 64U);
  EXPECT_EQ(rig.sink.counters().dropped_events.get(), 36U);
  EXPECT_EQ(rig.sink.counters().dropped_endings.get(), 36U);
  EXPECT_TRUE(rig.settle(kStart + 10 * kSecond).empty());
}

// The same endings give the same events, ids included, wherever bursts and calls to advance() fall.
TEST(Condense, BurstBoundariesDoNotMatter) {
  const auto run = [](uint64_t burst) {
    Rig rig;
    std::map<uint64_t, std::pair<uint64_t, TimeNs>> out;
    const auto take = [&] {
      for (const Event& e : rig.take()) out[e.id] = {e.count, e.time_ns};
    };
    for (uint64_t i = 0; i < 50000; ++i) {
      const TimeNs now = kStart + i * 100 * kUs;
      if (i % burst == 0) rig.condenser.advance(now);
      const auto client = ip4(10, 0, static_cast<uint8_t>(i * 7 % 13), static_cast<uint8_t>(i));
      rig.condenser.add(reset(now - kSecond, i + 1, client), now);
      take();
    }
    for (const Event& e : rig.settle(kStart + 60 * kSecond)) out[e.id] = {e.count, e.time_ns};
    return out;
  };
  const auto once = run(1);
  EXPECT_GT(once.size(), 300U);
  EXPECT_EQ(once, run(1));
  EXPECT_EQ(once, run(32));
  EXPECT_EQ(once, run(331));
}

TEST(Condense, FlushGivesUpWhenTheConsumerHasLeft) {
  Rig rig({.keep_first = 0}, 2);
  for (uint8_t i = 0; i < 10; ++i) rig.condenser.add(reset(kStart, i + 1U, ip4(10, 1, i, 1)), kStart);
  rig.ring.close();
  EXPECT_FALSE(rig.condenser.flush(kStart));
  EXPECT_EQ(rig.take().size(), 2U);
  EXPECT_EQ(rig.sink.counters().dropped_endings.get(), 8U);
}

}  // namespace
}  // namespace rs::event
