// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/incident.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "control/model/ip.h"

namespace rs::correlate {
namespace {

using model::IncidentKind;

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMs;
constexpr uint64_t kStart = 1'700'000'000 * kSecond;
const std::string kSensor = "fra1";

model::Ip ip(uint32_t last) { return model::from_v4(0x0a000000u + last); }

class IncidentTest : public testing::Test {
 protected:
  model::Ended ending(uint64_t at_ns, model::Endpoint client, model::Endpoint server, Cause cause, Stage stage,
                      Ending how, Origin origin = Origin::kServer) {
    model::Ended e;
    e.id = e.cursor = ++cursor_;
    e.time_ns = at_ns;
    e.client = client;
    e.server = server;
    e.cause = cause;
    e.stage = stage;
    e.ending = how;
    e.origin = origin;
    e.claimed_sender = Side::kServer;
    e.severity = Severity::kProblem;
    return e;
  }
  void feed(const std::vector<model::Ended>& endings) {
    for (const auto& e : endings) tracker_.add(e, kSensor, kStart);
  }
  // Endings that no incident is: one refusal a second from changing clients at changing services.
  void background(uint64_t from_ns, int seconds) {
    for (int i = 0; i < seconds; ++i)
      tracker_.add(
          ending(from_ns + static_cast<uint64_t>(i) * kSecond, {ip(0x5000u + static_cast<uint32_t>(i) % 40), 4000},
                 {ip(0x9000u + static_cast<uint32_t>(i) % 7), 80}, Cause::kAppAbortUnread, Stage::kExchange,
                 Ending::kReset),
          kSensor, kStart);
  }
  void served(model::Endpoint server, uint64_t from_ns, uint64_t attempted = 100) {
    tracker_.add(model::Served{server, from_ns, from_ns + 10 * kSecond, attempted, attempted, 0});
  }
  // The only incident.
  const model::Incident& only() {
    EXPECT_EQ(tracker_.incidents().size(), 1u);
    static const model::Incident kNone;
    return tracker_.incidents().empty() ? kNone : tracker_.incidents().begin()->second;
  }
  static model::Event event_of(const model::Ended& e) {
    model::Event event;
    event.time_ns = e.time_ns;
    event.client = e.client;
    event.server = e.server;
    event.cause = e.cause;
    event.stage = e.stage;
    event.ending = e.ending;
    return event;
  }
  std::vector<model::Ended> scan(uint64_t from_ns, uint32_t ports) {
    std::vector<model::Ended> out;
    for (uint32_t i = 0; i < ports; ++i)
      out.push_back(ending(from_ns + i * 100 * kMs, {ip(7), static_cast<uint16_t>(40000 + i)},
                           {ip(9), static_cast<uint16_t>(1 + i)}, Cause::kPortClosed, Stage::kSyn, Ending::kRefused));
    return out;
  }
  std::vector<model::Ended> crash(uint64_t at_ns, model::Endpoint server, uint32_t connections, uint32_t refusals) {
    std::vector<model::Ended> out;
    for (uint32_t i = 0; i < connections; ++i)
      out.push_back(ending(at_ns + i * 10 * kMs, {ip(100 + i), 40000}, server, Cause::kAppAbortUnread, Stage::kExchange,
                           Ending::kReset));
    for (uint32_t i = 0; i < refusals; ++i)
      out.push_back(ending(at_ns + kSecond + i * 100 * kMs, {ip(100 + i), 40001}, server, Cause::kPortClosed,
                           Stage::kSyn, Ending::kRefused));
    return out;
  }

  uint64_t cursor_ = 0;
  IncidentTracker tracker_;
};

TEST_F(IncidentTest, QuietTrafficHasNone) {
  background(kStart, 3000);
  EXPECT_TRUE(tracker_.incidents().empty());
}

TEST_F(IncidentTest, ScanIsExactInAnyOrderAndOnce) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20; ++round) {
    tracker_ = {};
    auto endings = scan(kStart, 300);
    if (round > 0) std::ranges::shuffle(endings, random);
    uint64_t cursor = 0;
    for (auto& e : endings) e.cursor = ++cursor;
    feed(endings);
    feed(endings);  // read again
    EXPECT_EQ(only().kind, IncidentKind::kScan);
    EXPECT_EQ(only().endings, 300u);
    EXPECT_EQ(only().start_ns, kStart);
    EXPECT_EQ(only().end_ns, kStart + 299 * 100 * kMs);
    EXPECT_EQ(only().cause, Cause::kPortScan);
    EXPECT_NEAR(static_cast<double>(only().servers.count()), 300, 15);
    EXPECT_EQ(only().clients.count(), 1u);
    EXPECT_GT(only().confidence, 0.8);
    for (const auto& e : endings) {
      const auto* why = tracker_.explain(event_of(e));
      ASSERT_NE(why, nullptr);
      EXPECT_EQ(why->id, only().id);
    }
  }
}

TEST_F(IncidentTest, ManyRefusalsAtOneServiceAreNoScan) {
  for (uint32_t i = 0; i < 90; ++i)
    tracker_.add(ending(kStart + i * 600 * kMs, {ip(7), static_cast<uint16_t>(40000 + i)}, {ip(9), 80},
                        Cause::kPortClosed, Stage::kSyn, Ending::kRefused),
                 kSensor, kStart);
  EXPECT_TRUE(tracker_.incidents().empty());
  for (uint32_t i = 0; i < 200; ++i)  // five a second: it does not pause
    tracker_.add(ending(kStart + 60 * kSecond + i * 200 * kMs, {ip(7), static_cast<uint16_t>(i)}, {ip(9), 80},
                        Cause::kPortClosed, Stage::kSyn, Ending::kRefused),
                 kSensor, kStart);
  EXPECT_EQ(only().kind, IncidentKind::kRetryStorm);
}

TEST_F(IncidentTest, CrashThenRefusals) {
  background(kStart, 100);
  const model::Endpoint server{ip(9), 8080};
  const auto endings = crash(kStart + 50 * kSecond, server, 20, 30);
  feed(endings);
  EXPECT_EQ(only().kind, IncidentKind::kRestart);
  EXPECT_EQ(only().cause, Cause::kProcessCrash);
  EXPECT_EQ(only().endings, 50u);
  EXPECT_GT(only().confidence, 0.9);
  EXPECT_EQ(only().scope.filter_text().substr(0, 41), "server_ip = 10.0.0.9 and server_port = 80");
  for (const auto& e : endings) EXPECT_NE(tracker_.explain(event_of(e)), nullptr);
  auto other = event_of(endings[0]);
  other.server.port = 81;
  EXPECT_EQ(tracker_.explain(other), nullptr);
  other = event_of(endings[0]);
  other.time_ns += 3600 * kSecond;
  EXPECT_EQ(tracker_.explain(other), nullptr);
}

TEST_F(IncidentTest, WhatALivingProgramDoesIsNoCrash) {
  const model::Endpoint server{ip(9), 8080};
  for (const Cause cause :
       {Cause::kAppAbortLinger0, Cause::kCloseThenLateData, Cause::kZeroWindowAbort, Cause::kRetransTimeout})
    for (uint32_t i = 0; i < 20; ++i)
      tracker_.add(ending(kStart + i * 10 * kMs, {ip(100 + i), 40000}, server, cause, Stage::kExchange, Ending::kReset),
                   kSensor, kStart);
  EXPECT_TRUE(tracker_.incidents().empty());
  // Beside deaths they may be the same.
  feed(crash(kStart, server, 20, 0));
  ASSERT_EQ(only().kind, IncidentKind::kRestart);
  auto aborted =
      event_of(ending(kStart, {ip(100), 1}, server, Cause::kAppAbortLinger0, Stage::kExchange, Ending::kReset));
  EXPECT_NE(tracker_.explain(aborted), nullptr);
  aborted.cause = Cause::kZeroWindowAbort;
  EXPECT_EQ(tracker_.explain(aborted), nullptr);
}

TEST_F(IncidentTest, ABusyServiceThatAlwaysResetsIsNoCrash) {
  const model::Endpoint server{ip(9), 8080};
  for (uint32_t i = 0; i < 5000; ++i)  // ten a second, for minutes, and no more than that
    tracker_.add(ending(kStart + i * 100 * kMs, {ip(100 + i % 200), static_cast<uint16_t>(i)}, server,
                        Cause::kAppAbortUnread, Stage::kExchange, Ending::kReset),
                 kSensor, kStart);
  // The first window of a service never seen before may look like a burst; what goes on is what is usual.
  EXPECT_LE(tracker_.incidents().size(), 1u);
}

TEST_F(IncidentTest, ClosedPortThatServedBefore) {
  const model::Endpoint server{ip(9), 8080};
  const auto refusals = crash(kStart + 60 * kSecond, server, 0, 10);
  feed(refusals);
  EXPECT_TRUE(tracker_.incidents().empty());  // nobody knows that it ever served
  served(server, kStart + 50 * kSecond);
  feed(crash(kStart + 90 * kSecond, server, 0, 10));
  EXPECT_EQ(only().kind, IncidentKind::kRestart);
}

TEST_F(IncidentTest, FailoverOfManyServersAbsorbsTheirCrashes) {
  std::vector<model::Ended> endings;
  for (uint32_t s = 0; s < 12; ++s)
    for (uint32_t c = 0; c < 6; ++c)  // server after server, so that each looks like a crash of its own at first
      endings.push_back(ending(kStart + s * 100 * kMs + c * kMs, {ip(200 + c), static_cast<uint16_t>(40000 + s)},
                               {ip(9 + s), 443}, Cause::kUnknown, Stage::kExchange, Ending::kReset, Origin::kUnknown));
  feed(endings);
  size_t failovers = 0;
  for (const auto& [id, incident] : tracker_.incidents()) {
    if (incident.kind == IncidentKind::kFailover) {
      ++failovers;
      EXPECT_EQ(incident.endings, 72u);
      EXPECT_EQ(incident.servers.count(), 12u);
    } else {
      EXPECT_FALSE(incident.open);
    }
  }
  EXPECT_EQ(failovers, 1u);
  for (const auto& e : endings) {
    ASSERT_NE(tracker_.explain(event_of(e)), nullptr);
    EXPECT_EQ(tracker_.explain(event_of(e))->kind, IncidentKind::kFailover);
  }
}

TEST_F(IncidentTest, Flood) {
  const model::Endpoint server{ip(9), 80};
  for (uint32_t i = 0; i < 5000; ++i)
    tracker_.add(ending(kStart + i * kMs, {model::from_v4(i * 7919), static_cast<uint16_t>(i)}, server,
                        Cause::kSynFlood, Stage::kSyn, Ending::kTimedOut, Origin::kUnknown),
                 kSensor, kStart);
  EXPECT_EQ(only().kind, IncidentKind::kFlood);
  EXPECT_EQ(only().endings, 5000u);
}

TEST_F(IncidentTest, PolicyChangeNeedsAServiceThatWorked) {
  const model::Endpoint server{ip(9), 443};
  std::vector<model::Ended> endings;
  for (uint32_t i = 0; i < 15; ++i)
    endings.push_back(ending(kStart + 100 * kSecond + i * kSecond, {ip(100 + i), 4000}, server, Cause::kPathFwReject,
                             Stage::kSyn, Ending::kRefused, Origin::kMiddlebox));
  feed(endings);
  EXPECT_TRUE(tracker_.incidents().empty());
  served(server, kStart + 150 * kSecond);
  for (auto& e : endings) e.time_ns += 100 * kSecond, e.cursor = ++cursor_;
  feed(endings);
  EXPECT_EQ(only().kind, IncidentKind::kPolicyChange);
  EXPECT_EQ(only().cause, Cause::kUnknown);
}

TEST_F(IncidentTest, OverloadRateLimitAndBackscatter) {
  for (uint32_t i = 0; i < 15; ++i) {
    tracker_.add(ending(kStart + i * kSecond, {ip(100 + i), 1}, {ip(9), 3306}, Cause::kOverload, Stage::kEstablished,
                        Ending::kReset),
                 kSensor, kStart);
    tracker_.add(
        ending(kStart + i * kSecond, {ip(50), 1}, {ip(10), 80}, Cause::kRateLimit, Stage::kExchange, Ending::kReset),
        kSensor, kStart);
    tracker_.add(ending(kStart + i * kSecond, {ip(1000 + 2 * i), 1}, {model::from_v4(0x08080808), 80},
                        Cause::kBackscatter, Stage::kMidstream, Ending::kReset),
                 kSensor, kStart);
    tracker_.add(ending(kStart + i * kSecond, {ip(1001 + 2 * i), 1}, {model::from_v4(0x08080808), 80},
                        Cause::kBackscatter, Stage::kMidstream, Ending::kReset),
                 kSensor, kStart);
  }
  std::vector<IncidentKind> kinds;
  for (const auto& [id, incident] : tracker_.incidents()) kinds.push_back(incident.kind);
  std::ranges::sort(kinds);
  EXPECT_EQ(kinds, (std::vector{IncidentKind::kOverload, IncidentKind::kRateLimit, IncidentKind::kBackscatter}));
}

TEST_F(IncidentTest, PathChangeShowsInHops) {
  for (const uint8_t ttl : {uint8_t{60}, uint8_t{57}})
    for (uint32_t s = 0; s < 5; ++s) {
      auto e = ending(kStart + s * kSecond + (ttl == 57 ? 20 * kSecond : 0), {ip(500), static_cast<uint16_t>(s)},
                      {ip(9 + s), 80}, Cause::kAppAbortUnread, Stage::kExchange, Ending::kReset);
      e.rst_ttl = ttl;
      e.marks = model::kTtlOfSender;
      tracker_.add(e, kSensor, kStart);
    }
  EXPECT_EQ(only().kind, IncidentKind::kPathChange);
}

TEST_F(IncidentTest, OpensUpdatesCloses) {
  feed(scan(kStart, 100));
  EXPECT_TRUE(only().open);
  const uint64_t opened = only().revision;
  EXPECT_EQ(tracker_.changed().size(), 1u);
  EXPECT_TRUE(tracker_.changed().empty());
  feed(scan(kStart + 30 * kSecond, 10));
  EXPECT_GT(only().revision, opened);
  EXPECT_EQ(only().endings, 110u);
  tracker_.advance(0, kStart + 100 * kSecond, false, kStart);
  EXPECT_TRUE(only().open);
  tracker_.advance(0, kStart + 200 * kSecond, false, kStart);
  EXPECT_FALSE(only().open);
  auto late = scan(kStart + 5 * kSecond, 1);  // revises a closed one
  feed(late);
  EXPECT_EQ(only().endings, 111u);
  EXPECT_FALSE(only().open);
  feed(scan(kStart + 3600 * kSecond, 100));
  EXPECT_EQ(tracker_.incidents().size(), 2u);
  tracker_.advance(0, kStart, true, kStart);  // the input is at an end
  for (const auto& [id, incident] : tracker_.incidents()) EXPECT_FALSE(incident.open);
}

TEST_F(IncidentTest, ASensorGoneForGoodDoesNotKeepItOpen) {
  feed(scan(kStart, 100));
  tracker_.expire(kStart + 100 * kSecond);
  EXPECT_TRUE(only().open);
  tracker_.expire(kStart + 601 * kSecond);
  EXPECT_FALSE(only().open);
}

TEST_F(IncidentTest, SurvivesARestartInTheMiddle) {
  const auto endings = scan(kStart, 200);
  feed({endings.begin(), endings.begin() + 100});
  IncidentTracker after;
  for (const auto& [id, incident] : tracker_.incidents()) after.restore(incident);
  // Read again from before the stop, then on.
  for (size_t i = 50; i < 100; ++i) after.add(endings[i], kSensor, kStart, true);
  for (size_t i = 50; i < 200; ++i) after.add(endings[i], kSensor, kStart);
  ASSERT_EQ(after.incidents().size(), 1u);
  EXPECT_EQ(after.incidents().begin()->second.endings, 200u);
  EXPECT_TRUE(after.incidents().begin()->second.open);
}

TEST_F(IncidentTest, MemoryIsBounded) {
  for (uint32_t i = 0; i < 3 * IncidentTracker::kMaxKeys; ++i)
    tracker_.add(ending(kStart + i, {model::from_v4(i), 1}, {model::from_v4(i), 80}, Cause::kPortClosed, Stage::kSyn,
                        Ending::kRefused),
                 kSensor, kStart);
  EXPECT_GT(tracker_.counters().no_room, 0u);
  // Once the old ones are stale there is room again.
  feed(scan(kStart + 600 * kSecond, 50));
  EXPECT_EQ(only().endings, 50u);
}

// One after the other, each soon after it began: a program's habit. A death takes what is older, too.
TEST_F(IncidentTest, AbortsOfYoungConnectionsAreNoDeath) {
  const model::Endpoint server{ip(9), 8080};
  for (const Cause cause : {Cause::kAppAbortUnread, Cause::kLbNoBackend, Cause::kTimewaitCollision}) {
    std::vector<model::Ended> endings = crash(kStart, server, 20, 0);
    for (model::Ended& e : endings) {
      e.cause = cause;
      e.start_ns = e.time_ns - (cause == Cause::kAppAbortUnread ? 150 * kMs : 3 * kSecond);
    }
    feed(endings);
    EXPECT_TRUE(tracker_.incidents().empty());
  }
  std::vector<model::Ended> endings = crash(kStart + 60 * kSecond, server, 20, 0);
  for (model::Ended& e : endings) e.start_ns = e.time_ns - 3 * kSecond;
  feed(endings);
  EXPECT_EQ(only().kind, IncidentKind::kRestart);
}

TEST(Distinct, CountsWithinThreePerCent) {
  for (const uint64_t n : {0, 1, 10, 100, 1000, 100'000}) {
    model::Distinct distinct;
    for (int twice = 0; twice < 2; ++twice)
      for (uint64_t i = 0; i < n; ++i) distinct.add(model::hash_of(model::from_v4(static_cast<uint32_t>(i))));
    EXPECT_NEAR(static_cast<double>(distinct.count()), static_cast<double>(n), 0.1 * static_cast<double>(n) + 0.5);
  }
}

TEST(Incident, HasNoMorePlacesThanEndings) {
  model::Incident incident;
  uint64_t most = 0;
  for (uint64_t n = 1; n <= 3000; ++n) {
    incident.clients.add(model::hash_of(model::from_v4(static_cast<uint32_t>(n))));
    incident.endings = n;
    most = std::max(most, incident.clients.count() > n ? incident.clients.count() - n : 0);
    ASSERT_LE(incident.client_count(), n);
  }
  EXPECT_GT(most, 0U) << "the estimate was never too high: nothing was shown";
}

TEST(LogChance, KnowsPoisson) {
  EXPECT_EQ(log_chance(3, 5), 0);
  EXPECT_LT(log_chance(4, 0), -1000);
  EXPECT_NEAR(log_chance(10, 1), std::log(1.1e-7), 0.2);
}

}  // namespace
}  // namespace rs::correlate
