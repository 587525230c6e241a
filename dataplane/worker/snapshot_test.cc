// SPDX-License-Identifier: Apache-2.0
//
// Settings swapped under running workers, and the log of blind moments that they read. Meant to be run under
// ThreadSanitizer too.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <thread>
#include <vector>

#include "dataplane/attribute/attribute.h"
#include "dataplane/worker/blind.h"
#include "dataplane/worker/live.h"
#include "dataplane/worker/pipeline.h"
#include "tests/packet/builder.h"

namespace rs::worker {
namespace {

using test::at;
using test::Conversation;

Live settings(uint64_t n) {
  Live live;
  live.track.settle_ns = n * kMs;
  live.track.max_idle_ns = n * kSecond;
  live.linger_ns = n * kUs;
  return live;
}

TEST(Snapshot, IsTakenOverOnceAndFreedWhenAllHave) {
  LiveSettings live(settings(1), 2);
  LiveReader a = live.reader(0);
  LiveReader b = live.reader(1);
  for (LiveReader* r : {&a, &b}) {
    const Live* news = r->news();
    ASSERT_NE(news, nullptr);
    EXPECT_EQ(news->track.settle_ns, kMs);
    r->taken(news);
    EXPECT_EQ(r->news(), nullptr);
  }
  const uint64_t second = live.publish(settings(2));
  EXPECT_EQ(live.held(), 2U);
  const Live* news = a.news();
  ASSERT_NE(news, nullptr);
  a.taken(news);
  EXPECT_FALSE(live.applied(second)) << "one worker has not looked yet";
  live.publish(settings(3));
  EXPECT_EQ(live.held(), 3U) << "what b still uses is held";
  b.taken(b.news());
  EXPECT_TRUE(live.applied(second));
  EXPECT_FALSE(live.applied(3));
  a.taken(a.news());
  EXPECT_TRUE(live.applied(3));
  live.publish(settings(4));
  EXPECT_EQ(live.held(), 2U);
}

TEST(Snapshot, WorkersNeverSeeHalfOfOne) {
  constexpr uint32_t kWorkers = 3;
  constexpr uint64_t kSwaps = 2'000;
  LiveSettings live(settings(1), kWorkers);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> torn{0};
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < kWorkers; ++i) {
    threads.emplace_back([&, reader = live.reader(i)]() mutable {
      uint64_t last = 0;
      while (!stop.load(std::memory_order_relaxed)) {
        const Live* news = reader.news();
        if (news == nullptr) continue;
        const uint64_t n = news->version;
        if (news->track.settle_ns != n * kMs || news->track.max_idle_ns != n * kSecond || news->linger_ns != n * kUs ||
            n <= last)
          torn.fetch_add(1);
        last = n;
        reader.taken(news);
      }
    });
  }
  uint64_t version = 1;
  size_t most = 0;
  while (version < kSwaps) {
    version = live.publish(settings(version + 1));
    most = std::max(most, live.held());
    if (version % 64 == 0)
      while (!live.applied(version)) std::this_thread::yield();
  }
  while (!live.applied(version)) std::this_thread::yield();
  stop = true;
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(torn.load(), 0U);
  EXPECT_LE(most, 66U);
}

class Bench {
 public:
  explicit Bench(const LiveReader& live, const BlindLog* blind) : ring_(1024) {
    const size_t bytes = flow::Table::bytes_needed(1024);
    memory_ = std::span(
        static_cast<std::byte*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
        bytes);
    Setup setup;
    setup.flow_capacity = 1024;
    setup.output.condenser.fold = false;
    worker_ = std::make_unique<Worker>(setup, memory_, ring_);
    worker_->live = live;
    worker_->blind = blind;
  }
  ~Bench() { munmap(memory_.data(), memory_.size()); }

  void feed(Conversation& c) {
    capture::Burst burst;
    const auto packets = c.take();
    for (const auto& p : packets) {
      burst.frames[burst.count++] = test::frame_of(p);
      burst.now = p.time;
      if (burst.count == capture::kBurst) {
        process(*worker_, burst);
        burst.count = 0;
      }
    }
    process(*worker_, burst);
  }
  void quiet_until(TimeNs now) {
    capture::Burst burst;
    burst.now = now;
    process(*worker_, burst);
  }
  std::vector<event::Event> drain() {
    std::vector<event::Event> out;
    while (const event::Item* item = ring_.front()) {
      if (item->kind == event::ItemKind::kEvent) out.push_back(item->event);
      ring_.pop();
    }
    return out;
  }
  std::vector<event::Event> finish() {
    worker::finish(*worker_);
    return drain();
  }

 private:
  event::Ring ring_;
  std::span<std::byte> memory_;
  std::unique_ptr<Worker> worker_;
};

TEST(Snapshot, ANewSettleTimeHoldsFromTheNextBurst) {
  LiveSettings live(settings(1000), 1);
  Bench bench(live.reader(0), nullptr);
  Conversation slow(at("10.0.0.1", 40'000), at("10.0.0.2", 80));
  slow.handshake().client_sends(100).server_rst();
  bench.feed(slow);
  bench.quiet_until(slow.now() + 500 * kMs);
  EXPECT_TRUE(bench.drain().empty());
  bench.quiet_until(slow.now() + 1100 * kMs);
  EXPECT_EQ(bench.drain().size(), 1U);
  Conversation waiting(at("10.0.0.1", 40'002), at("10.0.0.2", 80));
  waiting.set_time(slow.now() + 1200 * kMs).handshake().client_sends(100).server_rst();
  bench.feed(waiting);
  live.publish(settings(100));
  bench.quiet_until(waiting.now() + 200 * kMs);
  EXPECT_EQ(bench.drain().size(), 1U) << "one that waits is not left to the old time";
  Conversation fast(at("10.0.0.1", 40'001), at("10.0.0.2", 80));
  fast.set_time(slow.now() + 2 * kSecond).handshake().client_sends(100).server_rst();
  bench.feed(fast);
  bench.quiet_until(fast.now() + 200 * kMs);
  EXPECT_EQ(bench.drain().size(), 1U);
  EXPECT_TRUE(live.applied(2));
}

TEST(Blind, SpansTouchAndAreForgottenSafely) {
  BlindLog log;
  EXPECT_FALSE(log.overlaps(0, UINT64_MAX));
  log.add(100, 110);
  log.add(110, 120);
  log.add(200, 210);
  EXPECT_TRUE(log.overlaps(105, 106));
  EXPECT_TRUE(log.overlaps(118, 150));
  EXPECT_TRUE(log.overlaps(50, 100));
  EXPECT_FALSE(log.overlaps(50, 99));
  EXPECT_FALSE(log.overlaps(121, 199));
  EXPECT_TRUE(log.overlaps(0, 1000));
  EXPECT_FALSE(log.overlaps(211, 1000));
  for (uint64_t i = 1; i <= 200; ++i) log.add(1000 * i, 1000 * i + 10);
  EXPECT_TRUE(log.overlaps(199'000, 199'001));
  EXPECT_FALSE(log.overlaps(199'011, 199'999));
  EXPECT_TRUE(log.overlaps(105, 106)) << "forgotten: the careful answer";
}

// The mark and the lower confidence are for connections that were watched through a loss, and for no other.
TEST(Blind, OnlyConnectionsThatOverlapAreLossy) {
  const auto ending = [](int64_t lost_from_start_ns) {
    BlindLog log;
    Bench bench(LiveReader{}, &log);
    Conversation c(at("10.0.0.1", 40'000), at("10.0.0.2", 80));
    const TimeNs start = c.now();
    c.wait(2 * kSecond).handshake().client_sends(100).server_sends(50).wait(kSecond).server_rst();
    const TimeNs lost = start + static_cast<TimeNs>(lost_from_start_ns);
    log.add(lost, lost + 100 * kMs);
    bench.feed(c);
    const auto events = bench.finish();
    EXPECT_EQ(events.size(), 1U);
    return events.empty() ? event::Event{} : events[0];
  };
  const auto lossy = [](const event::Event& e) { return (e.flags & static_cast<uint16_t>(Flag::kLossy)) != 0; };
  const auto before = ending(kSecond);
  EXPECT_FALSE(lossy(before));
  const auto during = ending(2 * kSecond + 500 * kMs);
  EXPECT_TRUE(lossy(during));
  EXPECT_FLOAT_EQ(during.confidence, before.confidence * attribute::kLossyShare);
  EXPECT_TRUE(lossy(ending(3 * kSecond + 500 * kMs))) << "while the ending settles";
  EXPECT_FALSE(lossy(ending(10 * kSecond)));
}

}  // namespace
}  // namespace rs::worker
