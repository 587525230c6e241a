// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/locate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/model/ip.h"

namespace rs::correlate {
namespace {

using testing::HasSubstr;

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMs;
constexpr uint64_t kStart = 1'700'000'000 * kSecond;

TapView tap(const char* sensor, bool saw, double client_ms, double server_ms, uint8_t ttl = 0) {
  return {sensor, saw, client_ms * 1e6, server_ms * 1e6, ttl};
}

TEST(Locate, BetweenTheTapThatSawItAndTheOneThatDidNot) {
  // client - a - firewall - b - server; a reset in the server's name reaches a only.
  const auto located = locate(Side::kServer, {tap("a", true, 1, 9), tap("b", false, 6, 4)});
  ASSERT_TRUE(located);
  EXPECT_EQ(located->origin, Origin::kMiddlebox);
  EXPECT_EQ(located->after, "b");
  EXPECT_EQ(located->before, "a");
  EXPECT_GT(located->confidence, 0.9);
  EXPECT_THAT(located->text, HasSubstr("a device between the two sent it"));
}

TEST(Locate, TheSameTowardsTheServer) {
  const auto located = locate(Side::kClient, {tap("b", true, 6, 4), tap("a", false, 1, 9)});
  ASSERT_TRUE(located);
  EXPECT_EQ(located->origin, Origin::kMiddlebox);
  EXPECT_EQ(located->after, "a");
}

TEST(Locate, ThreeTaps) {
  const auto located = locate(
      Side::kServer, {tap("near_client", true, 1, 9), tap("middle", true, 4, 6), tap("near_server", false, 8, 2)});
  ASSERT_TRUE(located);
  EXPECT_EQ(located->after, "near_server");
  EXPECT_EQ(located->before, "middle");
}

TEST(Locate, SwallowedOnTheWay) {
  const auto located = locate(Side::kServer, {tap("a", false, 1, 9), tap("b", true, 6, 4)});
  ASSERT_TRUE(located);
  EXPECT_EQ(located->origin, Origin::kUnknown);
  EXPECT_THAT(located->text, HasSubstr("did not reach a nearer to the client"));
}

TEST(Locate, TtlTellsTheDirection) {
  auto located = locate(Side::kServer, {tap("a", true, 1, 9, 61), tap("b", true, 6, 4, 63)});
  ASSERT_TRUE(located);
  EXPECT_EQ(located->origin, Origin::kUnknown);
  EXPECT_EQ(located->before, "b");
  EXPECT_THAT(located->text, HasSubstr("falls hop by hop"));
  located = locate(Side::kServer, {tap("a", true, 1, 9, 63), tap("b", true, 6, 4, 61)});
  EXPECT_EQ(located->origin, Origin::kMiddlebox);
}

TEST(Locate, SaysNothingWithoutGround) {
  EXPECT_FALSE(locate(Side::kServer, {tap("a", true, 1, 9)}));
  EXPECT_FALSE(locate(Side::kUnknown, {tap("a", true, 1, 9), tap("b", false, 6, 4)}));
  EXPECT_FALSE(locate(Side::kServer, {tap("a", true, 1, 9), tap("b", false, 0, 0)}));    // no order
  EXPECT_FALSE(locate(Side::kServer, {tap("a", true, 5, 5), tap("b", false, 5.1, 5)}));  // too near to tell
  auto a = tap("a", true, 0, 0), b = tap("b", false, 0, 0);
  a.side = model::TapSide::kClient;
  b.side = model::TapSide::kServer;
  EXPECT_TRUE(locate(Side::kServer, {a, b}));  // the names file knows the order
}

class PathMapTest : public testing::Test {
 protected:
  model::Event event(uint64_t at_ns) {
    model::Event e;
    e.id = 1;
    e.time_ns = at_ns;
    e.client = {model::from_v4(0x0a000107), 4000};
    e.server = {model::from_v4(0x0a000209), 443};
    e.sensor = "a";
    return e;
  }
  void SetUp() override { map_.know({"a", "b"}); }
  void share(int times) {
    for (int i = 0; i < times; ++i) {
      map_.add(event(0).client, event(0).server, 0, kMs, 9 * kMs);
      map_.add(event(0).client, event(0).server, 1, 6 * kMs, 4 * kMs);
    }
  }
  PathMap map_;
  model::Names names_;
};

TEST_F(PathMapTest, ATapCountsOnlyOnThePathAndAwake) {
  EXPECT_EQ(map_.taps(event(kStart), {}, names_).size(), 1u);
  share(2);
  map_.watched(event(0).server, 1, kStart - 10 * kSecond, kStart + 20 * kSecond);
  EXPECT_EQ(map_.taps(event(kStart), {}, names_).size(), 1u);  // too few in common
  share(3);
  const auto taps = map_.taps(event(kStart), {}, names_);
  ASSERT_EQ(taps.size(), 2u);
  EXPECT_TRUE(taps[0].saw);
  EXPECT_FALSE(taps[1].saw);
  EXPECT_GT(taps[1].client_ns, taps[0].client_ns);
  EXPECT_TRUE(locate(Side::kServer, taps));
  EXPECT_EQ(map_.taps(event(kStart - 3600 * kSecond), {}, names_).size(), 1u);  // asleep then
  EXPECT_EQ(map_.taps(event(kStart + 18 * kSecond), {}, names_).size(), 1u);    // its report may be under way
  map_.ended(1);
  EXPECT_EQ(map_.taps(event(kStart + 18 * kSecond), {}, names_).size(), 2u);
  auto elsewhere = event(kStart);
  elsewhere.client.ip = model::from_v4(0x0a010107);
  EXPECT_EQ(map_.taps(elsewhere, {}, names_).size(), 1u);
}

}  // namespace
}  // namespace rs::correlate
