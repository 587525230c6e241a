// SPDX-License-Identifier: Apache-2.0
//
// Lanes between workers, and whole workers on threads of their own: the same packets give the same events whoever keeps
// the flows, and no frame is lost that is not counted. Meant to be run under ThreadSanitizer too.
#include "dataplane/worker/handover.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/worker/run.h"
#include "tests/packet/builder.h"

namespace rs::worker {
namespace {

using event::WhenFull;
using test::at;
using test::Conversation;
using test::Packet;

capture::Frame frame(uint32_t number, TimeNs time) {
  capture::Frame f;
  f.captured_bytes = number;
  f.time = time;
  return f;
}

TEST(Lane, KeepsOrderAndSaysWhenItIsFull) {
  Lane lane(64);
  capture::Burst burst;
  EXPECT_FALSE(lane.take(burst));
  uint32_t put = 0;
  uint32_t taken = 0;
  for (int round = 0; round < 10; ++round) {
    while (lane.put(frame(put, put), 1000 + put)) ++put;
    EXPECT_EQ(put - taken, 64U);
    lane.publish();
    while (burst.count = 0, lane.take(burst)) {
      EXPECT_TRUE(burst.handed);
      for (uint32_t i = 0; i < burst.count; ++i) EXPECT_EQ(burst.frames[i].captured_bytes, taken++);
      EXPECT_EQ(burst.now, 1000 + taken - 1);
    }
    EXPECT_EQ(put, taken);
  }
}

TEST(Lane, FramesShowOnlyWhenPublished) {
  Lane lane(64);
  capture::Burst burst;
  ASSERT_TRUE(lane.put(frame(1, 5), 5));
  EXPECT_FALSE(lane.take(burst));
  lane.publish();
  EXPECT_FALSE(lane.ended());
  lane.end();
  EXPECT_FALSE(lane.ended()) << "a frame is still in it";
  EXPECT_TRUE(lane.take(burst));
  EXPECT_EQ(burst.count, 1U);
  EXPECT_TRUE(lane.ended());
}

TEST(Lane, TimeRunsOnWithoutFrames) {
  Lane lane(64);
  capture::Burst burst;
  lane.reach(kSecond);
  ASSERT_TRUE(lane.take(burst));
  EXPECT_EQ(burst.count, 0U);
  EXPECT_EQ(burst.now, kSecond);
  lane.reach(kSecond + kMs);
  EXPECT_FALSE(lane.take(burst)) << "a millisecond is not worth a look at the timers";
  lane.reach(2 * kSecond);
  EXPECT_TRUE(lane.take(burst));
}

TEST(Lane, ARestartOfTheClockComesWithTheNextFrame) {
  Lane lane(64);
  capture::Burst burst;
  ASSERT_TRUE(lane.put(frame(1, 5), 5));
  lane.restart(900);
  lane.restart(700);
  ASSERT_TRUE(lane.put(frame(2, 6), 6));
  ASSERT_TRUE(lane.put(frame(3, 7), 7));
  lane.restart(50);
  lane.publish();
  lane.end();
  ASSERT_TRUE(lane.take(burst));
  ASSERT_EQ(burst.count, 3U);
  EXPECT_EQ(burst.restarted[0], 0U);
  EXPECT_EQ(burst.restarted[1], 900U) << "what the taker did not see of it is told";
  EXPECT_EQ(burst.reached[1], 6U);
  EXPECT_EQ(burst.restarted[2], 0U);
  EXPECT_EQ(lane.last_restart(), 50U);
}

TEST(StreamClock, RunsWithTheLatestAndStartsAnewAfterALargeStepBack) {
  StreamClock clock;
  capture::Burst burst;
  const auto at = [&](std::initializer_list<uint64_t> seconds) {
    burst.count = 0;
    for (const uint64_t s : seconds) burst.frames[burst.count++].time = s * kSecond;
    clock.stamp(burst);
  };
  at({100, 99, 5000, 4990, 100, 101});
  EXPECT_EQ(burst.reached[1], 100 * kSecond);
  EXPECT_EQ(burst.reached[3], 5000 * kSecond);
  EXPECT_EQ(burst.restarted[3], 0U);
  EXPECT_EQ(burst.restarted[4], 5000 * kSecond);
  EXPECT_EQ(burst.reached[5], 101 * kSecond);
  EXPECT_EQ(clock.now(), 101 * kSecond);
  // Leaping for ever: far fewer restarts than packets.
  uint64_t restarts = 0;
  constexpr uint64_t kPackets = 1'000'000;
  for (uint64_t i = 0; i < kPackets; i += 2) {
    at({1'000'000, 100});
    restarts += burst.restarted[1] != 0 ? 1 : 0;
  }
  EXPECT_LT(restarts, 65'536 / 2 + 500);
}

TEST(Lane, TwoThreads) {
  Lane lane(64);
  constexpr uint32_t kFrames = 200'000;
  std::thread giver([&lane] {
    for (uint32_t i = 0; i < kFrames; ++i) {
      while (!lane.put(frame(i, i), i)) {
        lane.publish();
        std::this_thread::yield();
      }
      if (i % 7 == 0) lane.publish();
    }
    lane.publish();
    lane.reach(kFrames);
    lane.end();
  });
  uint32_t expected = 0;
  bool in_order = true;
  capture::Burst burst;
  while (!lane.ended()) {
    if (!lane.take(burst)) std::this_thread::yield();
    for (uint32_t i = 0; i < burst.count; ++i) in_order = in_order && burst.frames[i].captured_bytes == expected++;
    burst.count = 0;
  }
  giver.join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(expected, kFrames);
}

// Packets of a file, or of one queue.
class List {
 public:
  explicit List(std::vector<const Packet*> packets) : packets_(std::move(packets)) {}
  bool receive(capture::Burst& burst) noexcept {
    burst.count = 0;
    while (next_ < packets_.size() && burst.count < capture::kBurst) {
      burst.frames[burst.count] = test::frame_of(*packets_[next_++]);
      burst.now = std::max(burst.now, burst.frames[burst.count++].time);
    }
    return burst.count != 0;
  }
  void release(capture::Burst& burst) noexcept { burst.count = 0; }
  [[nodiscard]] capture::SourceCounts counts() const { return {}; }

 private:
  std::vector<const Packet*> packets_;
  size_t next_ = 0;
};

// Workers with their memory and rings.
class Team {
 public:
  Team(uint16_t workers, Sharing sharing, bool captures) {
    for (uint16_t i = 0; i < workers; ++i) {
      Setup setup;
      setup.index = i;
      setup.workers = workers;
      setup.sharing = sharing;
      setup.captures = captures;
      setup.flow_capacity = 4096;
      setup.input = 1;
      setup.output.condenser.fold = false;
      const size_t bytes = flow::Table::bytes_needed(setup.flow_capacity);
      memory_.emplace_back(
          static_cast<std::byte*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
          bytes);
      rings_.push_back(std::make_unique<event::Ring>(8192));
      workers_.push_back(std::make_unique<Worker>(setup, memory_.back(), *rings_.back()));
    }
  }
  ~Team() {
    for (const auto& m : memory_) munmap(m.data(), m.size());
  }
  Worker& operator[](size_t i) { return *workers_[i]; }

  uint64_t sum(event::Count Counters::*count) const {
    uint64_t sum = 0;
    for (const auto& w : workers_) sum += (w->counters.*count).get();
    return sum;
  }
  // Of all packets, each once: what another worker keeps is counted there.
  uint64_t outcomes() const {
    uint64_t sum = 0;
    for (const auto& w : workers_)
      for (size_t o = 0; o < packet::kOutcomeCount; ++o)
        if (o != static_cast<size_t>(packet::Outcome::kOtherWorker)) sum += w->counters.outcomes[o].get();
    return sum;
  }

  // Everything there is to an event, sorted.
  std::vector<std::string> events() {
    std::vector<std::string> out;
    for (const auto& ring : rings_) {
      while (const event::Item* item = ring->front()) {
        if (item->kind == event::ItemKind::kEvent) {
          const event::Event& e = item->event;
          std::string text = std::to_string(e.id) + " " + std::to_string(e.time_ns) + " " +
                             std::to_string(static_cast<int>(e.cause)) + " " + std::to_string(e.confidence) + " " +
                             std::to_string(e.flags);
          for (size_t f = 0; f < e.fact_count; ++f)
            text += " " + std::to_string(static_cast<int>(e.facts[f].id)) + "=" + std::to_string(e.facts[f].value);
          out.push_back(std::move(text));
        }
        ring->pop();
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  std::vector<std::span<std::byte>> memory_;
  std::vector<std::unique_ptr<event::Ring>> rings_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

// Connections that end in many ways, interleaved; every third is seen twice, a hop further the second time; refused
// ones depend on what was learned of their server from others' handshakes.
std::vector<Packet> traffic() {
  std::vector<Packet> all;
  for (uint16_t k = 0; k < 400; ++k) {
    const std::string server = "10.0.2." + std::to_string(k % 40);
    const std::string client = "10.0.0." + std::to_string(k % 7 + 1);
    Conversation c(at(client.c_str(), static_cast<uint16_t>(40'000 + k)), at(server.c_str(), k % 5 == 4 ? 81 : 80));
    c.wait(k * 7 * kMs);
    if (k % 5 == 4) {
      c.syn().server_rst(test::Image::kStateless);
    } else {
      c.handshake().client_sends(300);
      if (k % 5 == 0) c.server_sends(100).server_rst();
      if (k % 5 == 1) c.server_fin().wait(2 * kSecond).client_sends(10, false).server_rst(test::Image::kStateless);
      if (k % 5 == 2) c.wait(20 * kMs).server_rst();
      if (k % 5 == 3) c.server_sends(100).client_fin().server_fin();
    }
    for (Packet& p : c.take()) {
      all.push_back(p);
      if (k % 3 != 0) continue;
      p.time += 20 * kUs;
      p.bytes[14 + 8] -= 1;  // TTL
      all.push_back(std::move(p));
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Packet& a, const Packet& b) { return a.time < b.time; });
  return all;
}

std::vector<const Packet*> pointers(const std::vector<Packet>& packets) {
  std::vector<const Packet*> out;
  for (const Packet& p : packets) out.push_back(&p);
  return out;
}

// What a capture gives on so many workers that each read all of it.
std::vector<std::string> whole_input(const std::vector<Packet>& packets, uint16_t workers) {
  Team team(workers, Sharing::kWholeInput, true);
  for (uint16_t i = 0; i < workers; ++i) {
    List source(pointers(packets));
    EXPECT_TRUE(run(team[i], source));
  }
  return team.events();
}

// … and when the first reads for all.
std::vector<std::string> handed_over(const std::vector<Packet>& packets, uint16_t workers) {
  Team team(workers, Sharing::kHandOver, true);
  Exchange exchange(workers, 64, WhenFull::kWait, true);  // short lanes: the reader has to wait
  std::vector<std::thread> threads;
  for (uint16_t i = 0; i < workers; ++i) {
    team[i].handover = &exchange.of(i);
    threads.emplace_back([&team, &packets, i] {
      List source(pointers(packets));
      capture::NoSource none;
      EXPECT_TRUE(i == 0 ? run(team[i], source) : run(team[i], none));
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(team.outcomes(), packets.size());
  EXPECT_EQ(team.sum(&Counters::handover_dropped), 0U);
  EXPECT_GT(team.sum(&Counters::handed_over), packets.size() / 4);
  return team.events();
}

// Equal, or what one has and the other lacks.
void expect_same(const std::vector<std::string>& got, const std::vector<std::string>& want, const std::string& how) {
  std::vector<std::string> missing;
  std::vector<std::string> extra;
  std::ranges::set_difference(want, got, std::back_inserter(missing));
  std::ranges::set_difference(got, want, std::back_inserter(extra));
  EXPECT_TRUE(missing.empty() && extra.empty())
      << how << ": " << missing.size() << " missing, " << extra.size() << " too many, e.g. "
      << (missing.empty() ? "" : missing[0]) << " / " << (extra.empty() ? "" : extra[0]);
}

void same_on_all(const std::vector<Packet>& packets, size_t events) {
  const std::vector<std::string> one = whole_input(packets, 1);
  EXPECT_EQ(one.size(), events);
  for (uint16_t workers = 2; workers <= 4; ++workers) {
    expect_same(whole_input(packets, workers), one, std::to_string(workers) + " read all");
    expect_same(handed_over(packets, workers), one, std::to_string(workers) + " hand over");
  }
}

TEST(Workers, SameEventsWhoeverKeepsTheFlows) { same_on_all(traffic(), 320); }

// Captures joined together: the clock leaps years ahead and back, at any packet.
TEST(Workers, SameEventsWhenTheClockLeaps) {
  const std::vector<Packet> some = traffic();
  std::vector<Packet> all;
  size_t part = 0;
  for (size_t at = 0; at < some.size(); ++part) {
    const size_t end = std::min(some.size(), at + 97 + part * 13 % 50);
    for (; at < end; ++at) {
      all.push_back(some[at]);
      if (part % 3 == 1) all.back().time += 5 * 365 * 86'400 * kSecond;
    }
  }
  const size_t events = whole_input(all, 1).size();
  EXPECT_GT(events, 250U);
  same_on_all(all, events);
}

// A port whose hash parts the directions: each of four workers receives some packets of every connection.
TEST(Workers, PartedDirectionsMeet) {
  const std::vector<Packet> packets = traffic();
  constexpr uint16_t kWorkers = 4;
  Team team(kWorkers, Sharing::kHandOver, false);
  Exchange exchange(kWorkers, 16'384, WhenFull::kDrop, false);
  std::vector<std::vector<const Packet*>> queues(kWorkers);
  for (const Packet& p : packets) {
    // By source address and port: a hash that knows directions.
    queues[(p.bytes[14 + 15] + p.bytes[14 + 21]) % kWorkers].push_back(&p);
  }
  std::vector<std::thread> threads;
  for (uint16_t i = 0; i < kWorkers; ++i) {
    team[i].handover = &exchange.of(i);
    threads.emplace_back([&team, &queues, i] {
      List source(queues[i]);
      EXPECT_TRUE(run(team[i], source));
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(team.outcomes(), packets.size());
  EXPECT_EQ(team.sum(&Counters::handover_dropped), 0U);
  // Queues run ahead of each other here as they never do live, so only where packets went is compared: every
  // connection is known to one worker.
  uint64_t flows = 0;
  for (uint16_t i = 0; i < kWorkers; ++i) flows += team[i].table.size();
  EXPECT_EQ(flows, 400U);
}

TEST(Workers, AFullLaneDropsAndCounts) {
  const std::vector<Packet> packets = traffic();
  Team team(2, Sharing::kHandOver, false);
  Exchange exchange(2, 64, WhenFull::kDrop, false);
  team[0].handover = &exchange.of(0);
  List source(pointers(packets));
  // The other worker does not run: its lane takes 64 frames and no more.
  capture::Burst burst;
  size_t kept = 0;
  while (source.receive(burst)) {
    for (uint32_t i = 0; i < burst.count; ++i) burst.frames[i].mbuf = &team;  // stands for a buffer
    process(team[0], burst);
    for (uint32_t i = 0; i < burst.count; ++i) kept += burst.frames[i].mbuf != nullptr ? 1 : 0;
  }
  EXPECT_EQ(kept, packets.size() - 64) << "dropped frames stay the giver's to free";
  EXPECT_EQ(team[0].counters.handed_over.get(), 64U);
  EXPECT_EQ(team.outcomes() + 64 + team[0].counters.handover_dropped.get(), packets.size());
  EXPECT_GT(team[0].counters.handover_dropped.get(), packets.size() / 4);
}

}  // namespace
}  // namespace rs::worker
