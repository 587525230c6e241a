// SPDX-License-Identifier: Apache-2.0
#include "control/cli/when.h"

#include <gtest/gtest.h>

namespace rs::cli {
namespace {

constexpr UnixNs kSecond = 1'000'000'000;
constexpr UnixNs kNow = 1'795'603'398 * kSecond;  // 2026-11-25 10:43:18 UTC

UnixNs at(std::string_view text) {
  auto ns = parse_when(text, kNow);
  EXPECT_TRUE(ns) << text;
  return ns ? *ns : -1;
}

TEST(When, RelativeTimes) {
  EXPECT_EQ(at("now"), kNow);
  EXPECT_EQ(at("15m"), kNow - 900 * kSecond);
  EXPECT_EQ(at("2h"), kNow - 7200 * kSecond);
  EXPECT_EQ(at("3d"), kNow - 3 * 86'400 * kSecond);
  EXPECT_EQ(at("1w"), kNow - 7 * 86'400 * kSecond);
  EXPECT_EQ(at("1h30m"), kNow - 5400 * kSecond);
  EXPECT_EQ(at("250ms"), kNow - kSecond / 4);
  EXPECT_EQ(at("9999w"), 0);  // before 1970
}

TEST(When, AbsoluteTimes) {
  EXPECT_EQ(at("2026-11-25T10:43:18Z"), kNow);
  EXPECT_EQ(at("2026-11-25 10:43:18z"), kNow);
  EXPECT_EQ(at("2026-11-25t11:43:18+01:00"), kNow);
  EXPECT_EQ(at("2026-11-25T05:13:18-05:30"), kNow);
  EXPECT_EQ(at("2026-11-25T10:43:18.5Z"), kNow + kSecond / 2);
  EXPECT_EQ(at("2026-11-25T10:43:18.123456789123Z"), kNow + 123'456'789);
  EXPECT_EQ(at("2026-11-25"), kNow - (10 * 3600 + 43 * 60 + 18) * kSecond);
}

TEST(When, WhatIsNoTimeIsRefusedWithAdvice) {
  for (const char* text :
       {"", "yesterday", "15", "m", "-5m", "15 m", "1y", "2026-13-01", "2026-02-30", "2026-11-25T10:43:18",
        "2026-11-25T24:00:00Z", "2026-11-25T10:43:18.Z", "2026-11-25T10:43:18Zx", "2026-11-25T10:43:18+1:00",
        "99999999999999999999h", "9223372036854775807w", "20261125"}) {
    const auto ns = parse_when(text, kNow);
    ASSERT_FALSE(ns) << text;
    EXPECT_EQ(ns.error().code, Code::kInvalid);
    EXPECT_NE(ns.error().text.find("2026-11-21T10:43:18Z"), std::string::npos);
  }
}

TEST(When, Durations) {
  EXPECT_EQ((*parse_duration("1m30s")).count(), 90 * kSecond);
  EXPECT_FALSE(parse_duration("ten"));
}

TEST(When, ForPeople) {
  EXPECT_EQ(when_text(to_timestamp(kNow + 5'678'901)), "2026-11-25 10:43:18.005");
  EXPECT_EQ(ago_text(to_timestamp(kNow - 3 * kSecond), kNow), "3.0 s ago");
  EXPECT_EQ(ago_text(to_timestamp(0), kNow), "never");
  EXPECT_EQ(ago_text(to_timestamp(kNow + kSecond), kNow), "now");
}

TEST(When, TimestampsGoBothWays) {
  for (const UnixNs ns : {UnixNs{0}, kNow, UnixNs{-1}, UnixNs{-1'500'000'000}}) EXPECT_EQ(to_ns(to_timestamp(ns)), ns);
  google::protobuf::Timestamp far;
  far.set_seconds(INT64_MAX);
  EXPECT_EQ(to_ns(far), INT64_MAX);
}

}  // namespace
}  // namespace rs::cli
