// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/merge.h"

#include <gtest/gtest.h>

#include <random>

#include "control/model/ip.h"

namespace rs::correlate {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMs;
constexpr uint64_t kStart = 1'700'000'000 * kSecond;

model::Event ending(uint64_t id, uint64_t at_ns, uint16_t client_port, uint64_t length_ns = 350 * kMs) {
  model::Event e;
  e.id = id;
  e.time_ns = at_ns;
  e.start_ns = at_ns - length_ns;
  e.client = {model::from_v4(0x0a000107), client_port};
  e.server = {model::from_v4(0x0a000209), 443};
  e.ending = Ending::kReset;
  return e;
}

TEST(Merger, OneResetOfSeveralSensorsIsOneEvent) {
  Merger merger;
  EXPECT_FALSE(merger.judge(ending(1, kStart, 1000), "a"));
  const auto second = merger.judge(ending(2, kStart + 3 * kMs, 1000), "b");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->event_id, 1u);
  EXPECT_EQ(second->id, 2u);
  EXPECT_EQ(second->sensor, "b");
  EXPECT_EQ(merger.judge(ending(3, kStart + 5 * kMs, 1000), "c")->event_id, 1u);
  // A transaction tried again.
  EXPECT_EQ(merger.judge(ending(2, kStart + 3 * kMs, 1000), "b")->event_id, 1u);
  EXPECT_FALSE(merger.judge(ending(1, kStart, 1000), "a"));
}

TEST(Merger, RolesMayBeGuessedOtherwise) {
  Merger merger;
  merger.judge(ending(1, kStart, 1000), "a");
  auto turned = ending(2, kStart, 1000);
  std::swap(turned.client, turned.server);
  EXPECT_TRUE(merger.judge(turned, "b"));
}

TEST(Merger, OthersStayApart) {
  Merger merger;
  merger.judge(ending(1, kStart, 1000), "a");
  EXPECT_FALSE(merger.judge(ending(2, kStart, 1000), "a"));  // the same sensor means another one
  EXPECT_FALSE(merger.judge(ending(3, kStart, 1001), "b"));  // another connection
  auto silent = ending(4, kStart, 1000);
  silent.ending = Ending::kTimedOut;
  EXPECT_FALSE(merger.judge(silent, "b"));                                   // another kind of ending
  EXPECT_FALSE(merger.judge(ending(5, kStart + 300 * kSecond, 1000), "b"));  // the ports used again later
}

// A client that tries four times on one pair of ports: each try is one event, however the sensors' reports interleave.
TEST(Merger, RetriesOnOnePairOfPorts) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 50; ++round) {
    Merger merger;
    int events = 0;
    uint64_t next[2] = {0, 0};
    while (next[0] + next[1] < 8) {
      const size_t which = next[0] == 4 ? 1 : next[1] == 4 ? 0 : random() % 2;
      const uint64_t i = next[which]++;
      const auto event = ending(10 * (1 + which) + i, kStart + i * 500 * kMs + which * kMs, 1000, kMs);
      events += merger.judge(event, which == 0 ? "a" : "b") ? 0 : 1;
    }
    EXPECT_EQ(events, 4);
  }
}

TEST(Merger, MeasuresAWrongClock) {
  Merger merger;
  const uint64_t wrong = 45 * kSecond;
  for (uint64_t i = 0; i < 10; ++i) {
    merger.judge(ending(100 + i, kStart + i * kSecond, static_cast<uint16_t>(1000 + i), 300 * kMs + i * kMs), "a");
    EXPECT_TRUE(merger.judge(
        ending(200 + i, kStart + i * kSecond + wrong, static_cast<uint16_t>(1000 + i), 302 * kMs + i * kMs), "b"));
  }
  ASSERT_TRUE(merger.skew_ns("b", "a"));
  EXPECT_EQ(*merger.skew_ns("b", "a"), static_cast<int64_t>(wrong));
  EXPECT_EQ(*merger.skew_ns("a", "b"), -static_cast<int64_t>(wrong));
  EXPECT_FALSE(merger.skew_ns("a", "c"));
  // Known now: the length is not needed any more, and is no reason against the clocks.
  merger.judge(ending(300, kStart + 60 * kSecond, 2000, 0), "a");
  EXPECT_TRUE(merger.judge(ending(301, kStart + 60 * kSecond + wrong, 2000, 0), "b"));
  merger.judge(ending(302, kStart + 80 * kSecond, 2001), "a");
  EXPECT_FALSE(merger.judge(ending(303, kStart + 80 * kSecond, 2001), "b"));
}

TEST(Merger, FoldedCountsAreSetOffAgainstEachOther) {
  Merger merger;
  auto fold = [&](uint64_t id, uint64_t count, uint64_t at_ns) {
    auto e = ending(id, at_ns, static_cast<uint16_t>(id));
    e.count = count;
    e.flags = static_cast<uint16_t>(Flag::kFolded);
    return e;
  };
  EXPECT_FALSE(merger.judge(fold(1, 100, kStart), "a"));
  EXPECT_EQ(merger.judge(fold(2, 60, kStart + 100 * kMs), "b")->count, 60u);
  const auto third = merger.judge(fold(3, 70, kStart + 900 * kMs), "b");  // 30 of them are new
  ASSERT_TRUE(third);
  EXPECT_EQ(third->count, 40u);
  EXPECT_EQ(merger.judge(fold(3, 70, kStart + 900 * kMs), "b")->count, 40u);
}

TEST(Merger, MemoryIsBounded) {
  Merger merger;
  for (uint64_t i = 0; i < Merger::kMaxRecent + 1000; ++i) {
    auto e = ending(i + 1, kStart, static_cast<uint16_t>(i));
    e.client.ip = model::from_v4(static_cast<uint32_t>(i));
    merger.judge(e, "a");
  }
  EXPECT_EQ(merger.recent(), Merger::kMaxRecent);
}

}  // namespace
}  // namespace rs::correlate
