// SPDX-License-Identifier: Apache-2.0
//
// What is learned of a host, and what must not be.
#include "dataplane/track/norms.h"

#include <gtest/gtest.h>

#include <string>

namespace rs::track {
namespace {

IpAddr ip(uint8_t last) {
  const uint8_t four[4] = {10, 0, 0, last};
  return IpAddr::v4(four);
}

// The range as "low-high", empty when there is none.
std::string range(const TtlModes& modes) {
  uint8_t low = 0;
  uint8_t high = 0;
  return modes.range(low, high) ? std::to_string(low) + "-" + std::to_string(high) : "";
}

TtlModes of(std::initializer_list<uint8_t> ttls) {
  TtlModes modes;
  for (const uint8_t ttl : ttls) modes.learn(ttl);
  return modes;
}

TEST(TtlModes, OneValueAndAStrayOne) {
  EXPECT_EQ(range(of({})), "");
  EXPECT_EQ(range(of({57})), "57-57");
  EXPECT_EQ(range(of({57, 57, 57, 57, 57, 57, 57, 57, 240})), "57-57");
  EXPECT_EQ(range(of({240, 57, 57, 57, 57, 57, 57, 57, 57, 57})), "57-57");
}

TEST(TtlModes, TwoPathsOfEqualCost) {
  EXPECT_EQ(range(of({57, 58, 57, 58})), "57-58");
  EXPECT_EQ(range(of({57, 60, 57, 60})), "");  // two hosts behind one address: no norm
}

TEST(TtlModes, ARouteThatChangedIsForgotten) {
  TtlModes modes;
  for (int i = 0; i < 10'000; ++i) modes.learn(57);
  int needed = 0;
  while (range(modes) != "49-49" && needed < 1000) {
    modes.learn(49);
    ++needed;
  }
  EXPECT_LT(needed, 500);
}

TEST(Norms, OnlyTheFirstAnswerToASynSeenCounts) {
  Norms norms(16);
  norms.syn_ack(7, 101, ip(1), 57, kSecond);
  EXPECT_EQ(norms.of(ip(1)).samples, 0);
  norms.syn(7, 100, kSecond);
  norms.syn_ack(7, 555, ip(1), 57, kSecond);  // acknowledges something else
  EXPECT_EQ(norms.of(ip(1)).samples, 0);
  norms.syn_ack(7, 101, ip(1), 57, kSecond + 3 * kMs);
  norms.syn_ack(7, 101, ip(1), 56, kSecond + 3 * kMs);  // the mirror's copy
  EXPECT_EQ(norms.of(ip(1)).samples, 1);
  EXPECT_EQ(range(norms.of(ip(1)).ttl), "57-57");
  EXPECT_NEAR(norms.of(ip(1)).rtt_us, 3000, 2);
}

TEST(Norms, TheLeastRoundTripAndNoneOfARepeatedSyn) {
  Norms norms(16);
  norms.syn(1, 100, kSecond);
  norms.syn_ack(1, 101, ip(1), 57, kSecond + 9 * kMs);
  norms.syn(2, 100, kSecond);
  norms.syn(2, 100, 2 * kSecond);
  norms.syn_ack(2, 101, ip(1), 57, 2 * kSecond + kMs);
  EXPECT_NEAR(norms.of(ip(1)).rtt_us, 9000, 2);
  norms.syn(3, 100, 3 * kSecond);
  norms.syn_ack(3, 101, ip(1), 57, 3 * kSecond + 4 * kMs);
  EXPECT_NEAR(norms.of(ip(1)).rtt_us, 4000, 2);
  EXPECT_EQ(norms.of(ip(1)).samples, 3);
}

}  // namespace
}  // namespace rs::track
