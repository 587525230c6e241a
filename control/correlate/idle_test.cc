// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/idle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "control/model/ip.h"

namespace rs::correlate {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

model::Ended idle_ending(double seconds, Origin by = Origin::kServer, Cause cause = Cause::kIdleTimeoutRst) {
  static uint64_t next = 0;
  model::Ended e;
  e.id = e.cursor = ++next;
  e.time_ns = 1'700'000'000 * kSecond + next * kSecond;
  e.client = {model::from_v4(0x0a000100u + static_cast<uint32_t>(next % 50)), 40000};
  e.server = {model::from_v4(0x0a000209u), 5432};
  e.idle_ns = static_cast<uint64_t>(seconds * 1e9);
  e.origin = by;
  e.claimed_sender = Side::kServer;
  e.stage = Stage::kIdle;
  e.ending = Ending::kReset;
  e.cause = cause;
  e.marks = cause == Cause::kSilentStateExpiry ? 0 : model::kIdleSpontaneous;
  return e;
}

// The promise: within 10 samples and 2 %, for every known default, with the jitter of real timers and networks.
TEST(IdleLearner, LearnsEveryDefaultFromTenSamples) {
  std::mt19937_64 random(1);
  for (const IdleDefault& known : idle_defaults()) {
    IdleLearner learner;
    for (int i = 0; i < 10; ++i)
      learner.add(idle_ending(known.seconds * (1 + 0.004 * static_cast<double>(random() % 100) / 100)));
    const auto learned = learner.learned();
    ASSERT_EQ(learned.size(), 1u) << known.device;
    EXPECT_NEAR(learned[0].seconds, known.seconds, known.seconds * 0.02) << known.device;
    EXPECT_EQ(learned[0].samples, 10u);
    EXPECT_EQ(learned[0].path.by, Origin::kServer);
    EXPECT_LE(learned[0].keepalive_s, std::max<uint64_t>(1, known.seconds / 2));
    const auto matches = idle_defaults_near(learned[0].seconds, 0, 0);
    ASSERT_GT(matches.count, 0u) << known.device;
    EXPECT_TRUE(std::any_of(matches.rows, matches.rows + matches.count,
                            [&](const IdleDefault* row) { return row->seconds == known.seconds; }));
  }
}

TEST(IdleLearner, FindsATimerUnderNoiseAndNoTimerInNoise) {
  std::mt19937_64 random(2);
  IdleLearner noise, both;
  for (int i = 0; i < 200; ++i) {
    const double seconds = std::exp(static_cast<double>(random() % 10'000) / 10'000 * std::log(3000)) + 1;
    noise.add(idle_ending(seconds, Origin::kServer, Cause::kAppAbortLinger0));
    both.add(idle_ending(seconds));
  }
  EXPECT_TRUE(noise.learned().empty());
  for (int i = 0; i < 60; ++i) both.add(idle_ending(347 + static_cast<double>(random() % 1000) / 1000));
  const auto learned = both.learned();
  ASSERT_EQ(learned.size(), 1u);
  EXPECT_NEAR(learned[0].seconds, 347.5, 7);
  EXPECT_EQ(learned[0].keepalive_s, 150u);
  EXPECT_EQ(learned[0].all, 260u);
}

TEST(IdleLearner, TheOrderDoesNotMatterAndNothingCountsTwice) {
  std::vector<model::Ended> endings;
  for (int i = 0; i < 12; ++i) endings.push_back(idle_ending(60.2 + 0.01 * i));
  for (int i = 0; i < 12; ++i) endings.push_back(idle_ending(240.1));
  std::vector<LearnedTimeout> first;
  std::mt19937_64 random(3);
  for (int round = 0; round < 20; ++round) {
    IdleLearner learner;
    uint64_t cursor = 0;
    for (model::Ended& e : endings) e.cursor = ++cursor;  // arrival order; a second reading repeats the numbers
    for (const model::Ended& e : endings) learner.add(e);
    for (const model::Ended& e : endings) EXPECT_FALSE(learner.add(e));
    auto learned = learner.learned();
    std::ranges::sort(learned, {}, &LearnedTimeout::seconds);
    ASSERT_EQ(learned.size(), 2u);
    EXPECT_NEAR(learned[0].seconds, 60.25, 0.1);
    EXPECT_NEAR(learned[1].seconds, 240.1, 0.1);
    EXPECT_EQ(learned[0].samples, 12u);
    std::ranges::shuffle(endings, random);
  }
}

TEST(IdleLearner, SilentExpiryIsAnUpperBound) {
  IdleLearner learner;
  for (const double seconds : {410.0, 500.0, 720.0, 380.0, 365.0, 900.0, 1200.0, 352.0, 351.0, 4000.0})
    learner.add(idle_ending(seconds, Origin::kUnknown, Cause::kSilentStateExpiry));
  const auto learned = learner.learned();
  ASSERT_EQ(learned.size(), 1u);
  EXPECT_TRUE(learned[0].path.at_most);
  EXPECT_EQ(learned[0].path.by, Origin::kMiddlebox);
  EXPECT_NEAR(learned[0].seconds, 351.5, 3);
  ASSERT_GT(learned[0].defaults.count, 0u);
  EXPECT_EQ(learned[0].defaults.rows[0]->seconds, 350u);
}

TEST(IdleLearner, WhatASilenceDoesNotExplainIsNoSample) {
  IdleLearner learner;
  auto probes = idle_ending(7200, Origin::kServer, Cause::kKeepaliveTimeout);
  EXPECT_FALSE(learner.add(probes));
  auto busy = idle_ending(60, Origin::kServer, Cause::kAppAbortUnread);
  busy.stage = Stage::kExchange;
  EXPECT_FALSE(learner.add(busy));
  auto drawn = idle_ending(60, Origin::kServer, Cause::kAppAbortUnread);
  drawn.marks = model::kDrawnAfterIdle;
  EXPECT_FALSE(learner.add(drawn));
  EXPECT_FALSE(learner.add(idle_ending(0.5)));
}

TEST(IdleLearner, SurvivesARestart) {
  IdleLearner before;
  std::vector<model::Ended> endings;
  for (int i = 0; i < 7; ++i) endings.push_back(idle_ending(65.1));
  for (const auto& e : endings) before.add(e);
  IdleLearner after;
  for (const auto& packed : before.changed()) after.restore(packed.key, packed.value);
  EXPECT_TRUE(before.changed().empty());
  for (const auto& e : endings) EXPECT_FALSE(after.add(e));  // read again from the store
  after.add(idle_ending(65.1));
  const auto learned = after.learned(endings[0].server);
  ASSERT_EQ(learned.size(), 1u);
  EXPECT_EQ(learned[0].samples, 8u);
  EXPECT_NEAR(learned[0].seconds, 65.1, 0.01);
  after.restore("short", "garbage");
  after.restore(before.changed().empty() ? std::string(20, 'x') : "", std::string(100, '\xff'));
  EXPECT_EQ(after.paths(), 1u);
}

TEST(IdleLearner, MemoryIsBounded) {
  IdleLearner learner;
  auto e = idle_ending(60);
  for (uint32_t i = 0; i < IdleLearner::kMaxPaths + 100; ++i) {
    e.server.ip = model::from_v4(i);
    ++e.cursor;
    learner.add(e);
  }
  EXPECT_EQ(learner.paths(), IdleLearner::kMaxPaths);
  EXPECT_EQ(learner.overflow(), 100u);
}

TEST(Keepalive, LeavesRoomForALostProbe) {
  EXPECT_EQ(keepalive_below(350), 150u);
  EXPECT_EQ(keepalive_below(60), 30u);
  EXPECT_EQ(keepalive_below(3600), 1800u);
  EXPECT_EQ(keepalive_below(5), 2u);
  EXPECT_EQ(keepalive_below(1), 1u);
}

}  // namespace
}  // namespace rs::correlate
