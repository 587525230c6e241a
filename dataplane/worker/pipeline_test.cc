// SPDX-License-Identifier: Apache-2.0
//
// Packets in, events out, through the whole of a worker: what a conversation is called, that a stage's timing never
// changes the answer, that every packet is counted once, and that the loop allocates nothing.
#include "dataplane/worker/pipeline.h"

#include <gtest/gtest.h>

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "dataplane/context/database.h"
#include "dataplane/context/scanner.h"
#include "tests/packet/builder.h"

namespace {
std::atomic<bool> trap{false};
std::atomic<uint64_t> allocations{0};
}  // namespace

// gcc sees the replaced operators' malloc and free only after inlining and takes them for a mismatch.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

// Counts allocations made while the trap is set.
void* operator new(size_t bytes) {
  if (trap.load(std::memory_order_relaxed)) allocations.fetch_add(1);
  if (void* p = std::malloc(bytes)) return p;
  throw std::bad_alloc();
}
void* operator new(size_t bytes, std::align_val_t align) {
  if (trap.load(std::memory_order_relaxed)) allocations.fetch_add(1);
  const auto a = static_cast<size_t>(align);
  if (void* p = std::aligned_alloc(a, (bytes + a - 1) / a * a)) return p;
  throw std::bad_alloc();
}
// std::stable_sort's buffer comes from here.
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  if (trap.load(std::memory_order_relaxed)) allocations.fetch_add(1);
  return std::malloc(bytes);
}
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }

namespace rs::worker {
namespace {

using test::at;
using test::Conversation;
using test::From;
using test::Image;
using test::Packet;

const std::shared_ptr<const context::Database>& patterns() {
  static const auto made = std::move(*context::Database::build(std::move(*context::load_patterns("")), ""));
  return made;
}

class Bench {
 public:
  explicit Bench(uint32_t flows = 4096, uint32_t burst = capture::kBurst, bool fold = false)
      : burst_(burst), ring_(16'384) {
    const size_t bytes = flow::Table::bytes_needed(flows);
    memory_ = std::span(
        static_cast<std::byte*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
        bytes);
    Setup setup;
    setup.flow_capacity = flows;
    setup.input = 1;
    setup.output.condenser.fold = fold;
    setup.track.server_names = true;
    worker_ = std::make_unique<Worker>(setup, memory_, ring_);
    scanner_ = std::move(*context::Scanner::create(patterns()));
    worker_->scanner = scanner_.get();
  }
  ~Bench() { munmap(memory_.data(), memory_.size()); }

  void feed(const std::vector<Packet>& packets) {
    capture::Burst burst;
    for (size_t i = 0; i < packets.size(); i += burst_) {
      burst.count = 0;
      for (size_t k = i; k < std::min(packets.size(), i + burst_); ++k) {
        burst.frames[burst.count++] = test::frame_of(packets[k]);
        burst.now = std::max(burst.now, packets[k].time);
      }
      process(*worker_, burst);
    }
  }
  void quiet_until(TimeNs now) {
    capture::Burst burst;
    burst.now = now;
    for (int i = 0; i < 50; ++i) process(*worker_, burst);
  }
  std::vector<event::Event> finish() {
    worker::finish(*worker_);
    return drain();
  }
  std::vector<event::Event> drain() {
    std::vector<event::Event> out;
    while (const event::Item* item = ring_.front()) {
      if (item->kind == event::ItemKind::kEvent) out.push_back(item->event);
      if (item->kind == event::ItemKind::kService) stats_.push_back(item->service);
      ring_.pop();
    }
    return out;
  }
  Worker& worker() { return *worker_; }
  std::vector<event::ServiceStats>& stats() { return stats_; }

 private:
  uint32_t burst_;
  event::Ring ring_;
  std::span<std::byte> memory_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<context::Scanner> scanner_;
  std::vector<event::ServiceStats> stats_;
};

Conversation talk(uint16_t port = 40000) { return {at("10.0.0.1", port), at("10.0.0.2", 80)}; }

event::Event only(const std::vector<event::Event>& events) {
  EXPECT_EQ(events.size(), 1U);
  return events.empty() ? event::Event{} : events[0];
}

event::Event ending_of(Conversation& c) {
  Bench bench;
  bench.feed(c.packets());
  return only(bench.finish());
}

TEST(Pipeline, RefusalIsThePortClosed) {
  Conversation c = talk();
  c.stack(From::kClient).tos = 0x48;
  c.syn().server_rst(Image::kStateless);
  const auto e = ending_of(c);
  EXPECT_EQ(e.cause, Cause::kPortClosed);
  EXPECT_EQ(e.origin, Origin::kServer);
  EXPECT_EQ(e.stage, Stage::kSyn);
  EXPECT_EQ(e.ending, Ending::kRefused);
  EXPECT_EQ(e.zeek_state, ZeekState::kRej);
  EXPECT_EQ(e.linux_reason, LinuxReason::kNoSocket);
}

TEST(Pipeline, UnreadAgainstLinger) {
  Conversation unread = talk();
  unread.handshake().client_sends(300).wait(20 * kMs).server_rst();
  EXPECT_EQ(ending_of(unread).cause, Cause::kAppAbortUnread);
  Conversation linger = talk();
  linger.handshake().client_sends(300).server_sends(200).wait(20 * kMs).server_rst();
  EXPECT_EQ(ending_of(linger).cause, Cause::kAppAbortLinger0);
}

TEST(Pipeline, SequenceNumbersMayWrap) {
  Conversation c = talk();
  c.isn(From::kClient, 0xffffff80).isn(From::kServer, 0xffffffa0);
  c.handshake().client_sends(1000).server_sends(5000).client_rst();
  const auto e = ending_of(c);
  EXPECT_EQ(e.client_bytes, 1000U);
  EXPECT_EQ(e.server_bytes, 5000U);
  EXPECT_EQ(e.cause, Cause::kClientFastClose);
}

TEST(Pipeline, CleanCloseIsNoEventButIsCounted) {
  Conversation c = talk();
  c.handshake().client_sends(100).server_sends(2000).server_fin().client_fin();
  Bench bench;
  bench.feed(c.packets());
  EXPECT_TRUE(bench.finish().empty());
  ASSERT_EQ(bench.stats().size(), 1U);
  EXPECT_EQ(bench.stats()[0].attempted, 1U);
  EXPECT_EQ(bench.stats()[0].established, 1U);
  EXPECT_EQ(bench.stats()[0].closed_cleanly, 1U);
  EXPECT_EQ(bench.stats()[0].server_bytes, 2000U);
}

TEST(Pipeline, SettleTimeIsPacketTime) {
  Conversation c = talk();
  c.handshake().client_sends(300).server_rst();
  Bench bench;
  bench.feed(c.packets());
  EXPECT_TRUE(bench.drain().empty());
  bench.quiet_until(c.now() + 900 * kMs);
  EXPECT_TRUE(bench.drain().empty());
  bench.quiet_until(c.now() + 1100 * kMs);
  EXPECT_EQ(bench.drain().size(), 1U);
  EXPECT_TRUE(bench.finish().empty());  // once only
}

TEST(Pipeline, MirrorCopiesAreNeitherRepeatsNorSecondResets) {
  Conversation c = talk();
  c.handshake().client_sends(300).server_sends(200).server_rst();
  std::vector<Packet> twice;
  for (const Packet& p : c.packets()) {
    twice.push_back(p);
    Packet copy = p;
    copy.time += 30 * kUs;
    copy.bytes[14 + 8] -= 1;  // TTL
    twice.push_back(copy);
  }
  Bench bench;
  bench.feed(twice);
  const auto e = only(bench.finish());
  EXPECT_EQ(e.rst_count, 1);
  EXPECT_EQ(e.cause, Cause::kAppAbortLinger0);
  EXPECT_NE(e.flags & static_cast<uint16_t>(Flag::kMirrorDuplicates), 0);
  EXPECT_EQ(bench.worker().tracker.counts().retransmissions, 0U);
}

TEST(Pipeline, BurstSizeChangesNothing) {
  std::vector<Packet> all;
  for (uint16_t k = 0; k < 40; ++k) {
    Conversation c = talk(static_cast<uint16_t>(40000 + k));
    c.wait(k * 37 * kMs).handshake().client_sends(300);
    if (k % 3 == 0) c.server_sends(100).server_rst();
    if (k % 3 == 1) c.server_fin().wait(2 * kSecond).client_sends(10, false).server_rst(Image::kStateless);
    if (k % 3 == 2) c.wait(20 * kMs).server_rst();
    for (Packet& p : c.take()) all.push_back(std::move(p));
  }
  std::stable_sort(all.begin(), all.end(), [](const Packet& a, const Packet& b) { return a.time < b.time; });
  const auto run = [&all](uint32_t burst) {
    Bench bench(4096, burst);
    bench.feed(all);
    std::vector<std::tuple<uint64_t, Cause, float>> out;
    for (const auto& e : bench.finish()) out.emplace_back(e.id, e.cause, e.confidence);
    std::sort(out.begin(), out.end());
    return out;
  };
  const auto whole = run(32);
  EXPECT_EQ(whole.size(), 40U);
  EXPECT_EQ(run(1), whole);
  EXPECT_EQ(run(7), whole);
}

TEST(Pipeline, EveryPacketEndsInOneOutcome) {
  Conversation c = talk();
  c.handshake().client_sends(300).server_rst();
  std::vector<Packet> packets = c.packets();
  Packet junk;
  for (size_t n = 0; n < 80; ++n) {
    junk.bytes.assign(n, static_cast<uint8_t>(n * 37));
    junk.time = c.now();
    packets.push_back(junk);
  }
  Bench bench;
  bench.feed(packets);
  bench.finish();
  uint64_t sum = 0;
  for (const auto& o : bench.worker().counters.outcomes) sum += o.get();
  EXPECT_EQ(sum, packets.size());
  EXPECT_EQ(bench.worker().counters.received.get(), packets.size());
}

TEST(Pipeline, ASynFloodCostsNoEstablishedConnection) {
  Bench bench(1024);
  std::vector<Conversation> good;
  for (uint16_t k = 0; k < 100; ++k) {
    good.push_back(talk(static_cast<uint16_t>(50000 + k)));
    good.back().handshake().client_sends(200).server_sends(100);
    bench.feed(good.back().take());
  }
  std::vector<Packet> flood;
  for (uint32_t k = 0; k < 50'000; ++k)
    flood.push_back(test::tcp({test::ip("198.51.100.7"), static_cast<uint16_t>(k)},
                              at("10.0.0.2", static_cast<uint16_t>(80 + k / 60000)))
                        .flags("S")
                        .seq(k)
                        .mss(1460)
                        .ts(1, 0)
                        .build(good[0].now() + k * kUs));
  bench.feed(flood);
  for (auto& c : good) {
    c.set_time(good[0].now() + 60 * kMs).client_rst();
    bench.feed(c.take());
  }
  uint64_t mine = 0;
  for (const auto& e : bench.finish()) mine += e.client.ip == test::ip("10.0.0.1") ? 1 : 0;
  EXPECT_EQ(mine, 100U);
  EXPECT_GT(bench.worker().tracker.counts().evicted_unestablished, 10'000U);
}

TEST(Pipeline, AStormOfResetsLosesNone) {
  Bench bench(32'768);  // room for 1,024 endings under way
  std::vector<event::Event> events;
  for (uint32_t k = 0; k < 20'000; ++k) {
    Conversation c(at(k < 10'000 ? "10.0.0.1" : "10.0.0.3", static_cast<uint16_t>(10'000 + k % 10'000)),
                   at("10.0.0.2", 80));
    c.rtt(10 * kUs, 10 * kUs).wait(k * 20 * kUs).handshake().client_sends(100).server_rst();
    bench.feed(c.take());
    for (const auto& e : bench.drain()) events.push_back(e);
  }
  for (const auto& e : bench.finish()) events.push_back(e);
  EXPECT_EQ(events.size(), 20'000U);
  EXPECT_GT(bench.worker().tracker.counts().settled_early, 10'000U);
  for (const auto& e : events) EXPECT_EQ(e.cause, Cause::kAppAbortUnread);
}

TEST(Pipeline, NoAllocationInTheLoop) {
  Bench bench(65'536, capture::kBurst, true);
  std::vector<Packet> all;
  for (uint16_t k = 0; k < 3000; ++k) {
    Conversation c = talk(static_cast<uint16_t>(10000 + k));
    c.wait(k * kMs).handshake().client_sends(300).server_sends(k % 2 == 0 ? 100 : 0);
    k % 5 == 0 ? c.client_fin().server_fin() : c.server_rst();
    for (Packet& p : c.take()) all.push_back(std::move(p));
  }
  trap = true;
  bench.feed(all);
  bench.quiet_until(all.back().time + 5 * kSecond);
  trap = false;
  EXPECT_EQ(allocations.exchange(0), 0U);
  EXPECT_GT(bench.worker().counters.endings.get(), 2000U);
}

// What several workers add to the loop: lanes, and settings swapped under it.
TEST(Pipeline, NoAllocationWhileHandingOverAndTakingSettings) {
  Bench bench(65'536);
  Exchange exchange(2, 256, event::WhenFull::kDrop, false);
  LiveSettings live(Live{}, 1);
  Worker& w = bench.worker();
  w.setup.workers = 2;
  w.setup.sharing = Sharing::kHandOver;
  w.handover = &exchange.of(0);
  w.live = live.reader(0);
  std::vector<Packet> all;
  for (uint16_t k = 0; k < 500; ++k) {
    Conversation c = talk(static_cast<uint16_t>(10000 + k));
    c.wait(k * kMs).handshake().client_sends(300).server_rst();
    for (Packet& p : c.take()) all.push_back(std::move(p));
  }
  capture::Burst burst;
  uint64_t taken = 0;
  trap = true;
  bench.feed(all);
  while (exchange.of(1).in()[0]->take(burst)) taken += burst.count;
  trap = false;
  EXPECT_EQ(allocations.exchange(0), 0U);
  EXPECT_EQ(taken, w.counters.handed_over.get());
  EXPECT_GT(w.counters.handover_dropped.get(), 0U);
  EXPECT_TRUE(live.applied(1));
}

}  // namespace
}  // namespace rs::worker
