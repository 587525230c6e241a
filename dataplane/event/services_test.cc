// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/services.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <new>

#include "dataplane/event/output.h"
#include "dataplane/event/test_items.h"

// gcc sees the replaced operators' malloc and free only after inlining and takes them for a mismatch.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

// Counts this program's allocations, for the test that there are none.
static uint64_t g_allocations = 0;
void* operator new(size_t size) {
  ++g_allocations;
  if (void* p = std::malloc(size)) return p;
  std::abort();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace rs::event {
namespace {

using test::ip4;
using test::kStart;
using test::reset;
using test::services_of;
using test::take_all;

const Endpoint kWeb{ip4(10, 9, 0, 1), 443};
const Endpoint kDb{ip4(10, 9, 0, 2), 5432};

struct Rig {
  explicit Rig(ServicesConfig config = {}, size_t ring_size = 4096)
      : ring(ring_size), sink(ring, WhenFull::kDrop, 2), services(config, sink) {
    services.advance(kStart);
  }
  std::vector<ServiceStats> take() { return services_of(take_all(ring)); }
  std::vector<ServiceStats> settle(TimeNs now) {
    std::vector<ServiceStats> out;
    for (int i = 0; i < 4096; ++i) {
      services.advance(now);
      for (const ServiceStats& s : take()) out.push_back(s);
    }
    return out;
  }
  Ring ring;
  Sink sink;
  Services services;
};

uint64_t attempted(const std::vector<ServiceStats>& all) {
  uint64_t sum = 0;
  for (const ServiceStats& s : all) sum += s.attempted;
  return sum;
}

TEST(Services, EveryNumberOfOneInterval) {
  Rig rig;
  for (int i = 0; i < 7; ++i) rig.services.tally(kWeb, 5, Tally::kAttempted);
  for (int i = 0; i < 6; ++i) rig.services.tally(kWeb, 5, Tally::kEstablished);
  for (int i = 0; i < 3; ++i) rig.services.tally(kWeb, 5, Tally::kClosedCleanly);
  rig.services.bytes(kWeb, 5, 100, 2000);
  rig.services.bytes(kWeb, 5, 1, 2);
  Event e = reset(kStart, 1);
  e.network_tag = 5;
  e.lost_bytes = 11;
  e.count = 4;
  rig.services.ending(e);
  e.count = 1;
  e.lost_bytes = 0;
  e.ending = Ending::kRefused;
  e.cause = Cause::kPortClosed;
  rig.services.ending(e);
  e.ending = Ending::kRejected;
  e.cause = Cause::kIcmpReject;
  rig.services.ending(e);
  e.ending = Ending::kTimedOut;
  e.cause = Cause::kRetransTimeout;
  rig.services.ending(e);
  e.ending = Ending::kClosed;
  e.cause = Cause::kIdleTimeoutFin;
  rig.services.ending(e);
  EXPECT_TRUE(rig.settle(kStart + 10 * kSecond - 1).empty());
  const auto out = rig.settle(kStart + 10 * kSecond);
  ASSERT_EQ(out.size(), 1U);
  const ServiceStats& s = out[0];
  EXPECT_EQ(s.server, kWeb);
  EXPECT_EQ(s.network_tag, 5U);
  EXPECT_EQ(s.from_ns, kStart);
  EXPECT_EQ(s.to_ns, kStart + 10 * kSecond);
  EXPECT_EQ(s.worker, 2);
  EXPECT_EQ(s.attempted, 7U);
  EXPECT_EQ(s.established, 6U);
  EXPECT_EQ(s.closed_cleanly, 3U);
  EXPECT_EQ(s.reset, 4U);
  EXPECT_EQ(s.refused, 2U);
  EXPECT_EQ(s.timed_out, 1U);
  EXPECT_EQ(s.client_bytes, 101U);
  EXPECT_EQ(s.server_bytes, 2002U);
  EXPECT_EQ(s.lost_bytes, 11U);
  EXPECT_EQ(s.by_cause[static_cast<size_t>(Cause::kAppAbortUnread)], 4U);
  EXPECT_EQ(s.by_cause[static_cast<size_t>(Cause::kPortClosed)], 1U);
  EXPECT_EQ(s.by_cause[static_cast<size_t>(Cause::kIdleTimeoutFin)], 1U);
  EXPECT_TRUE(rig.settle(kStart + 30 * kSecond).empty()) << "a silent service says nothing";
}

TEST(Services, IntervalsServicesAndTagsAreApart) {
  Rig rig;
  rig.services.tally(kWeb, 0, Tally::kAttempted);
  rig.services.tally(kWeb, 1, Tally::kAttempted);
  rig.services.tally(kDb, 0, Tally::kAttempted);
  rig.services.advance(kStart + 10 * kSecond);
  rig.services.tally(kWeb, 0, Tally::kAttempted);
  auto out = rig.settle(kStart + 11 * kSecond);
  for (const ServiceStats& s : out) {
    EXPECT_EQ(s.from_ns, kStart);
    EXPECT_EQ(s.attempted, 1U);
  }
  ASSERT_EQ(out.size() + rig.take().size(), 3U);
  out = rig.settle(kStart + 20 * kSecond);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].from_ns, kStart + 10 * kSecond);
  EXPECT_EQ(out[0].server, kWeb);
}

TEST(Services, FullTablePutsOutEarlyThenCountsTogether) {
  Rig rig({.entries = 16});
  for (int i = 0; i < 100; ++i) rig.services.tally(kWeb, 0, Tally::kEstablished);
  for (uint32_t i = 0; i < 1000; ++i) {
    rig.services.tally({ip4(172, 16, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)), 80}, 0, Tally::kAttempted);
  }
  auto out = rig.take();
  EXPECT_EQ(out.size(), 16U) << "as many evictions in an interval as places";
  for (const ServiceStats& s : out) EXPECT_NE(s.server, kWeb) << "the busy service stays";
  for (const ServiceStats& s : rig.settle(kStart + 10 * kSecond)) out.push_back(s);
  EXPECT_EQ(attempted(out), 1000U);
  uint64_t together = 0;
  for (const ServiceStats& s : out) {
    if (s.server == Endpoint{}) together += s.attempted;
    if (s.server == kWeb) {
      EXPECT_EQ(s.established, 100U);
    }
  }
  EXPECT_EQ(together, 1000U - 31U);
  EXPECT_EQ(rig.services.counters().together.get(), together);
}

TEST(Services, FullRingKeepsCounting) {
  Rig rig({}, 2);
  for (uint32_t i = 0; i < 100; ++i) {
    rig.services.tally({ip4(10, 0, 0, static_cast<uint8_t>(i)), 80}, 0, Tally::kAttempted);
  }
  for (int i = 0; i < 100; ++i) rig.services.advance(kStart + 10 * kSecond);  // the ring takes two
  for (uint32_t i = 0; i < 100; ++i) {
    rig.services.tally({ip4(10, 0, 0, static_cast<uint8_t>(i)), 80}, 0, Tally::kAttempted);
  }
  auto out = rig.take();
  EXPECT_EQ(out.size(), 2U);
  for (const ServiceStats& s : rig.settle(kStart + 20 * kSecond)) out.push_back(s);
  EXPECT_EQ(attempted(out), 200U);
  for (size_t i = 2; i < out.size(); ++i) EXPECT_EQ(out[i].to_ns, kStart + 20 * kSecond);
  EXPECT_EQ(rig.sink.counters().dropped_services.get(), 0U);
}

TEST(Services, ManyServicesOverManyIntervalsLoseNothing) {
  Rig rig({.entries = 100, .interval_ns = kSecond});
  std::map<uint16_t, uint64_t> want;
  uint64_t total = 0;
  std::vector<ServiceStats> out;
  for (uint32_t i = 0; i < 300'000; ++i) {
    const auto port = static_cast<uint16_t>(i * 2654435761U % 251);
    ++want[port];
    ++total;
    rig.services.tally({kWeb.ip, port}, 0, Tally::kAttempted);
    if (i % 16 == 0) {
      rig.services.advance(kStart + i * 50 * kUs);
      for (const ServiceStats& s : rig.take()) out.push_back(s);
    }
  }
  EXPECT_TRUE(rig.services.flush(kStart));
  for (const ServiceStats& s : rig.take()) out.push_back(s);
  EXPECT_EQ(attempted(out), total);
  EXPECT_GT(rig.services.counters().evicted.get(), 0U);
}

TEST(Services, CountsOfOneCauseSaturate) {
  Rig rig;
  Event e = reset(kStart, 1);
  e.count = UINT32_MAX;
  rig.services.ending(e);
  rig.services.ending(e);
  const auto out = rig.settle(kStart + 10 * kSecond);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].reset, 2ULL * UINT32_MAX);
  EXPECT_EQ(out[0].by_cause[static_cast<size_t>(Cause::kAppAbortUnread)], UINT32_MAX);
}

TEST(Services, ClockJumpsBackStartAnEarlierInterval) {
  Rig rig;
  rig.services.tally(kWeb, 0, Tally::kAttempted);
  EXPECT_EQ(rig.settle(kStart - 1).size(), 0U) << "a little back is the same interval";
  const auto out = rig.settle(kStart - 3600 * kSecond);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].from_ns, kStart);
}

TEST(Output, JoinsAllAndEndsTheInput) {
  Ring ring(256);
  OutputConfig config;
  config.worker = 4;
  Output output(config, ring);
  output.advance(kStart);
  output.tally(kWeb, 0, Tally::kAttempted);
  output.bytes(kWeb, 0, 1, 2);
  for (uint64_t i = 0; i < 10; ++i) output.ending(reset(kStart, i + 1));
  EXPECT_TRUE(output.finish(kStart + kSecond));
  const auto items = take_all(ring);
  ASSERT_EQ(items.size(), 4U + 1U + 1U + 1U);
  EXPECT_EQ(items.back().kind, ItemKind::kEndOfInput);
  EXPECT_EQ(items.back().now, kStart + kSecond);
  EXPECT_EQ(test::endings_of(test::events_of(items)), 10U);
  const auto services = services_of(items);
  ASSERT_EQ(services.size(), 1U);
  EXPECT_EQ(services[0].reset, 10U);
  EXPECT_EQ(services[0].worker, 4);
  EXPECT_EQ(output.sink_counters().endings.get(), 10U);
}

TEST(Output, AllocatesNothingAfterConstruction) {
  Ring ring(64);
  OutputConfig config;
  config.condenser.entries = 256;
  config.services.entries = 256;
  Output output(config, ring);
  const uint64_t before = g_allocations;
  uint64_t taken = 0;
  for (uint32_t i = 0; i < 200'000; ++i) {
    const TimeNs now = kStart + i * 100 * kUs;
    const Endpoint server{ip4(10, 9, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)), 443};
    if (i % 32 == 0) output.advance(now);
    output.tally(server, 0, Tally::kAttempted);
    output.bytes(server, 0, 1, 1);
    Event e = reset(now, i, ip4(10, 1, static_cast<uint8_t>(i >> 4), 1));
    e.server = server;
    output.ending(e);
    for (; ring.front() != nullptr; ring.pop()) ++taken;
  }
  EXPECT_EQ(g_allocations, before);
  EXPECT_GT(taken, 1000U);
}

TEST(Output, FinishWithoutConsumerReturns) {
  Ring ring(2);
  Output output({}, ring);
  output.advance(kStart);
  for (uint8_t i = 0; i < 9; ++i) output.ending(reset(kStart, i, ip4(1, 1, i, 1)));
  ring.close();
  EXPECT_FALSE(output.finish(kStart));
  EXPECT_EQ(output.sink_counters().dropped_endings.get(), 7U);
}

}  // namespace
}  // namespace rs::event
