// SPDX-License-Identifier: Apache-2.0
#include "control/model/filter.h"

#include <gtest/gtest.h>

namespace rs::model {
namespace {

Value net(std::string_view text) { return *parse_prefix(text); }

Event sample() {
  Event e;
  e.client = *parse_endpoint("10.0.1.7:40000");
  e.server = *parse_endpoint("[2001:db8::9]:443");
  e.cause = Cause::kPortClosed;
  e.severity = Severity::kProblem;
  e.confidence = 0.9f;  // 0.89999997 as a float
  e.idle_ns = 350'000'000'000;
  e.flags = static_cast<uint16_t>(Flag::kOneSided);
  return e;
}

TEST(Ip, ParsesAddressesAndNetworks) {
  EXPECT_TRUE(is_v4(*parse_ip("10.0.0.1")));
  EXPECT_EQ(*parse_ip("::ffff:10.0.0.1"), *parse_ip("10.0.0.1"));
  EXPECT_EQ(parse_prefix("10.1.2.3/8")->ip, *parse_ip("10.0.0.0"));
  EXPECT_EQ(parse_prefix("10.0.0.0/8")->bits, 104);
  for (const char* bad :
       {"", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8", "fe80::1%eth0", "x"})
    EXPECT_FALSE(parse_prefix(bad)) << bad;
}

TEST(Ip, ParsesEndpoints) {
  EXPECT_EQ(parse_endpoint("10.0.0.1")->port, 0);
  EXPECT_EQ(parse_endpoint("10.0.0.1:80")->port, 80);
  EXPECT_EQ(parse_endpoint("[::1]:80")->port, 80);
  EXPECT_EQ(parse_endpoint("::1")->port, 0);
  for (const char* bad : {"10.0.0.1:", "10.0.0.1:65536", "[::1", "[::1]", "::1:80:x", "host:80", "10.0.0.1:80x"})
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
}

TEST(Ip, NetworksAreOfOneFamily) {
  EXPECT_TRUE(contains(*parse_prefix("0.0.0.0/0"), *parse_ip("10.0.0.1")));
  EXPECT_FALSE(contains(*parse_prefix("::/0"), *parse_ip("10.0.0.1")));
  EXPECT_TRUE(contains(*parse_prefix("::/0"), *parse_ip("2001:db8::1")));
  EXPECT_FALSE(contains(*parse_prefix("0.0.0.0/0"), *parse_ip("::1")));
  EXPECT_EQ(last_of(*parse_prefix("10.0.0.0/9")), *parse_ip("10.127.255.255"));
}

TEST(Filter, EitherSideAndItsNegation) {
  const Event e = sample();
  EXPECT_TRUE(matches(test(Field::kIp, Op::kEq, net("10.0.0.0/8")), e));
  EXPECT_TRUE(matches(test(Field::kIp, Op::kEq, net("2001:db8::/32")), e));
  EXPECT_FALSE(matches(test(Field::kIp, Op::kNe, net("10.0.1.7")), e));
  EXPECT_TRUE(matches(test(Field::kPort, Op::kEq, uint64_t{443}), e));
  EXPECT_FALSE(matches(test(Field::kPort, Op::kNe, uint64_t{443}), e));
}

TEST(Filter, NumbersNamesAndShares) {
  const Event e = sample();
  EXPECT_TRUE(matches(test(Field::kConfidence, Op::kGe, 0.9), e));
  EXPECT_FALSE(matches(test(Field::kConfidence, Op::kGt, 0.9), e));
  Event odd = sample();
  odd.confidence = 0.57;  // 0.57 * 10000 is 5699.999... in binary
  EXPECT_TRUE(matches(test(Field::kConfidence, Op::kEq, 0.57), odd));
  EXPECT_TRUE(matches(test(Field::kIdle, Op::kEq, 350.0), e));
  EXPECT_TRUE(matches(test(Field::kFamily, Op::kEq, static_cast<uint64_t>(Family::kRefusal)), e));
  EXPECT_TRUE(matches(test(Field::kSeverity, Op::kGe, static_cast<uint64_t>(Severity::kNotice)), e));
  EXPECT_TRUE(matches(test(Field::kOneSided, Op::kEq, uint64_t{1}), e));
  EXPECT_TRUE(matches(test(Field::kMidstream, Op::kEq, uint64_t{0}), e));
}

TEST(Filter, JoinsFlatten) {
  const Filter a = test(Field::kTag, Op::kEq, uint64_t{1});
  EXPECT_EQ(all_of({}).kind, Filter::Kind::kAll);
  EXPECT_EQ(all_of({Filter{}, a}).kind, Filter::Kind::kTest);
  EXPECT_EQ(all_of({all_of({a, a}), a}).children.size(), 3u);
  EXPECT_TRUE(mentions(negate(any_of({a, a})), Field::kTag));
  EXPECT_FALSE(mentions(a, Field::kSeverity));
}

}  // namespace
}  // namespace rs::model
