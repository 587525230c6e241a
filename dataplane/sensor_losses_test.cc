// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sensor_losses.h"

#include <gtest/gtest.h>

namespace rs {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kSecond;

TEST(Losses, AreKeptBySecondAndMakeItBlind) {
  Losses losses;
  event::LossSecond sum;
  losses.sample(kStart, sum);
  sum.missed_pkts = 5;
  losses.sample(kStart + 100 * kMs, sum);
  sum.missed_pkts = 7;
  sum.handover_dropped_pkts = 1;
  losses.sample(kStart + 200 * kMs, sum);
  for (int i = 3; i <= 20; ++i) losses.sample(kStart + i * 100 * kMs, sum);
  sum.evicted_flows = 4;
  losses.sample(kStart + 2100 * kMs, sum);
  sum.table_full_pkts = 3;
  losses.sample(kStart + 3100 * kMs, sum);
  losses.sample(kStart + 4100 * kMs, sum);

  const auto seconds = losses.take();
  ASSERT_EQ(seconds.size(), 3U) << "quiet seconds are left out";
  EXPECT_EQ(seconds[0].second, 1'700'000'000U);
  EXPECT_EQ(seconds[0].missed_pkts, 7U);
  EXPECT_EQ(seconds[0].handover_dropped_pkts, 1U);
  EXPECT_EQ(seconds[1].second, 1'700'000'002U);
  EXPECT_EQ(seconds[1].evicted_flows, 4U);
  EXPECT_EQ(seconds[2].table_full_pkts, 3U);
  EXPECT_EQ(losses.blind_seconds(), 2U) << "an eviction for a new connection drops no packet";
  EXPECT_TRUE(losses.take().empty());

  EXPECT_TRUE(losses.blind().overlaps(kStart + 50 * kMs, kStart + 60 * kMs));
  EXPECT_TRUE(losses.blind().overlaps(kStart + 150 * kMs, kStart + kSecond));
  EXPECT_FALSE(losses.blind().overlaps(kStart + 201 * kMs, kStart + 5 * kSecond))
      << "no other connection lacks a packet";
}

TEST(Losses, OnlyTheNewestSecondsAreKept) {
  Losses losses;
  event::LossSecond sum;
  for (uint64_t i = 0; i < 2 * Losses::kKept; ++i) {
    ++sum.missed_pkts;
    losses.sample(kStart + i * kSecond, sum);
  }
  const auto seconds = losses.take();
  ASSERT_EQ(seconds.size(), Losses::kKept);
  EXPECT_EQ(seconds.back().second, kStart / kSecond + 2 * Losses::kKept - 2) << "the last one is still under way";
  EXPECT_EQ(losses.blind_seconds(), 2 * Losses::kKept - 1);
}

}  // namespace
}  // namespace rs
