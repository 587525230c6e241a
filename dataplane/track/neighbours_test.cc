// SPDX-License-Identifier: Apache-2.0
//
// What neighbours tell: each by the packets that show it, and what must not be taken for it.
#include "dataplane/track/neighbours.h"

#include <gtest/gtest.h>

#include "dataplane/flow/key.h"

namespace rs::track {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kSecond;

IpAddr ip(uint8_t last, uint8_t net = 1) {
  const uint8_t four[4] = {10, 0, net, last};
  return IpAddr::v4(four);
}

class Street {
 public:
  packet::PacketView seen(TimeNs time, const IpAddr& src, uint16_t sport, const IpAddr& dst, uint16_t dport,
                          uint8_t flags) {
    packet::PacketView v;
    v.time = kStart + time;
    v.src = src;
    v.src_port = sport;
    v.dst = dst;
    v.dst_port = dport;
    v.flags = flags;
    v.seq = flags == (packet::kRst | packet::kAck) ? 0 : 1000;
    v.window = 0;
    v.ttl = 63;
    return v;
  }
  void pass(const packet::PacketView& v) { n_.note(v, flow(v.src, v.src_port, v.dst, v.dst_port)); }
  void open(TimeNs time, const IpAddr& client, uint16_t port, const IpAddr& server, uint16_t server_port) {
    pass(seen(time, client, port, server, server_port, packet::kSyn));
    pass(seen(time + kMs, server, server_port, client, port, packet::kSyn | packet::kAck));
  }
  static uint64_t flow(const IpAddr& a, uint16_t ap, const IpAddr& b, uint16_t bp) {
    flow::FlowKey key;
    (void)flow::make_key(a, ap, b, bp, 0, key);
    return flow::hash(key, flow::Seed{});
  }
  static Asked asked(TimeNs first, TimeNs time, const IpAddr& client, uint16_t port, const IpAddr& server,
                     uint16_t server_port, bool by_client = false) {
    return {.flow = flow(client, port, server, server_port),
            .client = client,
            .server = server,
            .client_port = port,
            .server_port = server_port,
            .first = kStart + first,
            .time = kStart + time,
            .by_rst = true,
            .by_client = by_client,
            .rst_ttl = 63};
  }
  Neighbours n_;
};

TEST(Neighbours, WhatIsOpenedApartAndEndsTogether) {
  Street s;
  for (uint8_t i = 0; i < 5; ++i) s.open(i * 300 * kMs, ip(i), 40000, ip(9, 2), 5432);
  for (uint8_t i = 0; i < 5; ++i)
    s.pass(s.seen(5 * kSecond + i * 100 * kUs, ip(9, 2), 5432, ip(i), 40000, packet::kFin | packet::kAck));
  const Around a = s.n_.around(Street::asked(0, 5 * kSecond, ip(0), 40000, ip(9, 2), 5432));
  EXPECT_EQ(a.ended_together, 4);
  EXPECT_EQ(a.opened_apart, 4);
}

TEST(Neighbours, WhatIsOpenedTogetherMayEndTogether) {
  Street s;
  for (uint8_t i = 0; i < 5; ++i) s.open(i * kMs, ip(i), 40000, ip(9, 2), 5432);
  for (uint8_t i = 0; i < 5; ++i)
    s.pass(s.seen(5 * kSecond + i * kMs, ip(9, 2), 5432, ip(i), 40000, packet::kFin | packet::kAck));
  EXPECT_EQ(s.n_.around(Street::asked(0, 5 * kSecond, ip(0), 40000, ip(9, 2), 5432)).ended_together, 0);
}

TEST(Neighbours, AServerThatEndsManyAllTheTimeEndsNoneTogether) {
  Street s;
  for (uint8_t i = 0; i < 16; ++i) s.open(i * 20 * kMs, ip(i), 40000, ip(9, 2), 80);
  for (uint8_t i = 0; i < 16; ++i)
    s.pass(s.seen(kSecond + i * 8 * kMs, ip(9, 2), 80, ip(i), 40000, packet::kFin | packet::kAck));
  EXPECT_EQ(s.n_.around(Street::asked(0, kSecond, ip(0), 40000, ip(9, 2), 80)).ended_together, 0);
}

TEST(Neighbours, PortsAreCountedOnceAndOnlyLately) {
  Street s;
  for (uint16_t port = 1; port <= 6; ++port)
    for (int again = 0; again < 3; ++again)
      s.pass(s.seen(port * kMs, ip(9, 2), port, ip(1), 50000, packet::kRst | packet::kAck));
  EXPECT_EQ(s.n_.around(Street::asked(0, 6 * kMs, ip(1), 50000, ip(9, 2), 6)).ports_tried, 6);
  EXPECT_EQ(s.n_.around(Street::asked(0, 2 * kSecond, ip(1), 50000, ip(9, 2), 6)).ports_tried, 0);
  EXPECT_EQ(s.n_.around(Street::asked(0, 6 * kMs, ip(2), 50000, ip(9, 2), 6)).ports_tried, 0);
}

TEST(Neighbours, ACrowdBehindOneAddressIsServed) {
  Street s;
  // Seven closed doors in a tenth of a second, and three open ones between them.
  for (uint16_t port = 1; port <= 7; ++port) {
    s.pass(s.seen(port * 10 * kMs, ip(9, 2), port, ip(1), 50000, packet::kRst | packet::kAck));
    if (port % 2 == 0) s.open(port * 10 * kMs + kMs, ip(1), static_cast<uint16_t>(51000 + port), ip(8, 2), port);
  }
  const Around a = s.n_.around(Street::asked(0, 70 * kMs, ip(1), 50000, ip(9, 2), 7));
  EXPECT_EQ(a.ports_tried, 7);
  EXPECT_EQ(a.ports_served, 3);
  // Service alone is not remembered: it would make places for a flood's forged callers.
  s.open(0, ip(5), 50000, ip(8, 2), 80);
  EXPECT_EQ(s.n_.around(Street::asked(0, kMs, ip(5), 50000, ip(8, 2), 80)).ports_served, 0);
}

TEST(Neighbours, WhoAskedAndHungUpWasServed) {
  Street s;
  const auto hang_up = [&s](uint16_t port, uint32_t seq) {
    packet::PacketView v = s.seen(port * kMs, ip(1), static_cast<uint16_t>(50000 + port), ip(9, 2), port, packet::kRst);
    v.seq = seq;
    v.window = 500;
    s.pass(v);
  };
  s.pass(s.seen(0, ip(9, 2), 1, ip(1), 50001, packet::kRst | packet::kAck));
  for (uint16_t port = 2; port <= 5; ++port) {
    packet::PacketView v =
        s.seen(port * kMs, ip(9, 2), port, ip(1), static_cast<uint16_t>(50000 + port), packet::kSyn | packet::kAck);
    v.ack = 1001;
    s.pass(v);
  }
  hang_up(2, 1001);
  hang_up(3, 1301);  // 300 bytes of a request
  const Around a = s.n_.around(Street::asked(0, 6 * kMs, ip(1), 50001, ip(9, 2), 1));
  EXPECT_EQ(a.ports_tried, 2);
  EXPECT_EQ(a.ports_served, 3);
  // Knocking at open doors is no search for them.
  hang_up(4, 1001);
  EXPECT_EQ(s.n_.around(Street::asked(0, 6 * kMs, ip(1), 50001, ip(9, 2), 2)).ports_tried, 0);
}

TEST(Neighbours, AWayThatIsNotMirrored) {
  Street s;
  const auto closes = [&s](uint8_t client, bool answered) {
    s.pass(s.seen(0, ip(client), 40000, ip(9, 2), 80, packet::kSyn));
    if (answered) s.pass(s.seen(kMs, ip(9, 2), 80, ip(client), 40000, packet::kSyn | packet::kAck));
    s.pass(s.seen(2 * kMs, ip(client), 40000, ip(9, 2), 80, packet::kFin | packet::kAck));
  };
  const Asked other = Street::asked(0, kSecond, ip(99), 40000, ip(8, 2), 80);
  for (uint8_t client = 1; client <= 3; ++client) closes(client, false);
  EXPECT_FALSE(s.n_.around(other).half_deaf);
  closes(4, false);
  EXPECT_TRUE(s.n_.around(other).half_deaf);
  closes(5, true);
  EXPECT_FALSE(s.n_.around(other).half_deaf);
}

TEST(Neighbours, ARhythmIsEvenAndNotTooFast) {
  Street s;
  for (uint8_t i = 0; i < 3; ++i) s.open(i * 700 * kMs, ip(1), static_cast<uint16_t>(40000 + i), ip(9, 2), 80);
  for (uint8_t i = 0; i < 3; ++i) s.open(i * 60 * kMs, ip(2), static_cast<uint16_t>(40000 + i), ip(9, 2), 80);
  s.open(0, ip(3), 40000, ip(9, 2), 80);
  s.open(600 * kMs, ip(3), 40001, ip(9, 2), 80);
  s.open(1500 * kMs, ip(3), 40002, ip(9, 2), 80);
  EXPECT_NEAR(s.n_.around(Street::asked(700 * kMs, 701 * kMs, ip(1), 40001, ip(9, 2), 80, true)).regular_ms, 700, 5);
  EXPECT_EQ(s.n_.around(Street::asked(60 * kMs, 61 * kMs, ip(2), 40001, ip(9, 2), 80, true)).regular_ms, 0);
  EXPECT_EQ(s.n_.around(Street::asked(600 * kMs, 601 * kMs, ip(3), 40001, ip(9, 2), 80, true)).regular_ms, 0);
}

TEST(Neighbours, ServedBeforeAndMeanwhile) {
  Street s;
  s.open(0, ip(1), 40000, ip(9, 2), 80);
  s.open(100 * kMs, ip(1), 40001, ip(9, 2), 80);
  s.open(200 * kMs, ip(2), 40000, ip(9, 2), 80);
  const Around a = s.n_.around(Street::asked(300 * kMs, 400 * kMs, ip(1), 40002, ip(9, 2), 80));
  EXPECT_EQ(a.served_before, 2);
  EXPECT_EQ(a.served_others, 3);
  EXPECT_EQ(a.callers, 1);
  EXPECT_EQ(s.n_.around(Street::asked(300 * kMs, 400 * kMs, ip(1), 40002, ip(9, 2), 81)).served_others, 0);
}

TEST(Neighbours, AResetPassedOnTakesTheWayThere) {
  Street s;
  // The proxy, 10.0.2.9, is reset by its client and 12 ms later resets its own server; it is 10 ms away.
  s.pass(s.seen(0, ip(1), 40000, ip(9, 2), 80, packet::kRst));
  Asked a = Street::asked(0, 12 * kMs, ip(9, 2), 50000, ip(7, 3), 8080, true);
  a.rtt_us = 10'000;
  EXPECT_NEAR(s.n_.relayed_us(a), 12'000, 50);
  a.time = kStart + 2 * kMs;  // sooner than it can have heard
  EXPECT_EQ(s.n_.relayed_us(a), 0U);
  a.time = kStart + 200 * kMs;
  EXPECT_EQ(s.n_.relayed_us(a), 0U);
}

TEST(Neighbours, OneDeviceAnswersForManyServers) {
  Street s;
  for (uint8_t server = 1; server <= 4; ++server)
    s.pass(s.seen(server * kMs, ip(server, 2), 80, ip(1), static_cast<uint16_t>(40000 + server), packet::kRst));
  EXPECT_EQ(s.n_.around(Street::asked(0, kMs, ip(1), 40001, ip(1, 2), 80)).servers_together, 3);
  Asked other = Street::asked(0, kMs, ip(1), 40001, ip(1, 2), 80);
  other.rst_ttl = 62;  // another device
  EXPECT_EQ(s.n_.around(other).servers_together, 0);
}

TEST(Neighbours, AClientsPortIsElsewhere) {
  Street s;
  s.open(0, ip(1), 40000, ip(9, 2), 80);
  EXPECT_TRUE(s.n_.around(Street::asked(kMs, kMs, ip(1), 40000, ip(8, 3), 80, true)).elsewhere);
  EXPECT_FALSE(s.n_.around(Street::asked(kMs, kMs, ip(1), 40000, ip(9, 2), 80, true)).elsewhere);
  EXPECT_FALSE(s.n_.around(Street::asked(kMs, kMs, ip(1), 40001, ip(8, 3), 80, true)).elsewhere);
}

TEST(Neighbours, HandshakesThatHang) {
  Street s;
  for (uint8_t i = 0; i < 10; ++i) s.open(i * kMs, ip(i), static_cast<uint16_t>(1000 + i), ip(9, 2), 80);
  EXPECT_EQ(s.n_.unfinished(ip(9, 2), 80), 10U);
  s.pass(s.seen(20 * kMs, ip(9, 2), 80, ip(0), 1000, packet::kFin | packet::kAck));
  EXPECT_EQ(s.n_.unfinished(ip(9, 2), 80), 9U);
}

}  // namespace
}  // namespace rs::track
