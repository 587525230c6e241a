// SPDX-License-Identifier: Apache-2.0
//
// Lanes between workers, and whole workers on threads of their own: the same packets give the same events whoever keeps
// the flows, and no frame is lost that is not counted. Meant to be run under ThreadSanitizer too.
#include "dataplane/worker/handover.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
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
    while (lane.put(frame(put, 1000 + put))) ++put;
    EXPECT_EQ(put - taken, 64U);
    lane.publish();
    burst.now = 0;
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
  ASSERT_TRUE(lane.put(frame(1, 5)));
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

TEST(Lane, TwoThreads) {
  Lane lane(64);
  constexpr uint32_t kFrames = 200'000;
  std::thread giver([&lane] {
    for (uint32_t i = 0; i < kFrames; ++i) {
      while (!lane.put(frame(i, i))) {
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
  Team(uint16_t workers, Sharing sharing) {
    for (uint16_t i = 0; i < workers; ++i) {
      Setup setup;
      setup.index = i;
      setup.workers = workers;
      setup.sharing = sharing;
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

TEST(Workers, SameEventsWhoeverKeepsTheFlows) {
  const std::vector<Packet> packets = traffic();
  const auto whole_input = [&packets](uint16_t workers) {
    Team team(workers, Sharing::kWholeInput);
    for (uint16_t i = 0; i < workers; ++i) {
      List source(pointers(packets));
      EXPECT_TRUE(run(team[i], source));
    }
    return team.events();
  };
  const std::vector<std::string> one = whole_input(1);
  EXPECT_EQ(one.size(), 320U);
  EXPECT_EQ(whole_input(2), one);
  EXPECT_EQ(whole_input(4), one);

  for (uint16_t workers = 2; workers <= 4; ++workers) {
    Team team(workers, Sharing::kHandOver);
    Exchange exchange(workers, 64, WhenFull::kWait, true);  // short lanes: the reader has to wait
    std::vector<std::thread> threads;
    for (uint16_t i = 0; i < workers; ++i) {
      team[i].handover = &exchange.of(i);
      threads.emplace_back([&team, &packets, i] {
        if (i == 0) {
          List source(pointers(packets));
          EXPECT_TRUE(run(team[i], source));
        } else {
          capture::NoSource source;
          EXPECT_TRUE(run(team[i], source));
        }
      });
    }
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(team.events(), one) << workers;
    EXPECT_EQ(team.outcomes(), packets.size());
    EXPECT_EQ(team.sum(&Counters::handover_dropped), 0U);
    EXPECT_GT(team.sum(&Counters::handed_over), packets.size() / 4);
  }
}

// A port whose hash parts the directions: each of four workers receives some packets of every connection.
TEST(Workers, PartedDirectionsMeet) {
  const std::vector<Packet> packets = traffic();
  constexpr uint16_t kWorkers = 4;
  Team team(kWorkers, Sharing::kHandOver);
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
  Team team(2, Sharing::kHandOver);
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
