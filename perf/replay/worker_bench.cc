// SPDX-License-Identifier: Apache-2.0
//
// The whole worker from prepared frames, beside what the machine's memory allows in the same process. Prints one line
// a figure: name, value. Answers are checked before a figure is printed; a wrong one ends the run with status 1.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "perf/replay/bench.h"
#include "perf/replay/memory_limit.h"
#include "perf/replay/series.h"
#include "perf/traffic/random.h"

namespace rs::perf {
namespace {

struct Options {
  std::vector<std::string> cases;
  uint32_t flows = 1'000'000;
  uint64_t packets = 40'000'000;
  unsigned cpu = std::thread::hardware_concurrency() - 1;
};

// What the bench puts up with; it is printed nowhere and costs no more than these.
constexpr uint64_t kPacketsPerFalseCopy = 20'000;
constexpr uint64_t kFlowsPerRefusal = 2'000;  // both candidate buckets full, though the table is not

// A slice of 80 batches lasts some 20 ms: long beside a clock read, short beside a neighbour's burst. The first eight
// of a slice bring its memory back into the caches after other work and are not timed.
constexpr uint64_t kSliceBatches = 80;
constexpr uint64_t kWarmUpBatches = 8;
constexpr uint64_t kSlicePackets = kSliceBatches * kRingBuffers;

void print(const std::string& name, double value) {
  std::printf("%s %.3f\n", name.c_str(), value);
  std::fflush(stdout);
}

void print(const std::string& name, const Series& series) {
  print(name, series.median());
  print(name + "_best", series.best());
}

uint64_t outcome(Bench& bench, packet::Outcome o) {
  return bench.worker().counters.outcomes[static_cast<size_t>(o)].get();
}

// Every packet tracked, none taken for a repeat or a new connection; and so few for the mirror's copies as chance makes
// of 16-bit signatures.
void check_tracked(Bench& bench) {
  const worker::Counters& c = bench.worker().counters;
  const uint64_t full = outcome(bench, packet::Outcome::kTableFull);
  check_equal(c.received.get(), bench.sent(), "packets received");
  check_equal(outcome(bench, packet::Outcome::kTracked) + c.duplicates.get() + full, bench.sent(), "packets tracked");
  check(c.duplicates.get() <= bench.sent() / kPacketsPerFalseCopy, "packets are taken for copies");
  check_equal(bench.worker().table.size() + bench.refused(), bench.flows().count(), "flows in the table");
  check(bench.refused() <= bench.flows().count() / kFlowsPerRefusal, "the table refuses connections");
  check_equal(c.connections.get() + bench.refused(), bench.flows().count(), "connections");
  check_equal(c.retransmissions.get(), 0, "retransmissions");
}

// What was said since `before` of so many resets. Nothing right can be said of connections the table never took in.
void check_seen(Bench& bench, const Seen& before, uint64_t resets) {
  const Seen& now = bench.seen();
  const uint64_t reported = now.endings - before.endings;
  check(reported <= resets && reported + bench.refused() >= resets, "resets are lost or reported twice");
  check(now.right - before.right + bench.refused() >= resets, "resets are given the wrong cause");
  check(now.wrong_tallies <= bench.refused(), "resets have wrong packet or byte counts");
  check(now.missing_pkts <= bench.worker().counters.duplicates.get(), "packets of reset connections are missing");
}

// Every `step`-th connection says some more that is acknowledged, so much that no silence before explains what follows,
// and is reset by its server: each must be reported once, with the packets and bytes it had.
void check_resets(Bench& bench, uint32_t step) {
  constexpr int kSaid = 5;
  Flows& flows = bench.flows();
  const Seen before = bench.seen();
  uint64_t sent = 0;
  bench.set_gap_ns(kUs);
  for (uint32_t first = 0; first < flows.count(); first += step * kRingBuffers) {
    for (int what = 0; what <= 2 * kSaid; ++what) {
      const bool reset = what == 2 * kSaid;
      uint32_t i = 0;
      for (uint32_t flow = first; i < kRingBuffers && flow < flows.count(); flow += step)
        bench.put(i++, reset ? flows.server_rst(flow) : flows.small(flow, what % 2 == 1));
      bench.run(i);
      bench.pause(10 * kMs);
      if (reset) sent += i;
    }
  }
  bench.settle();
  check_seen(bench, before, sent);
}

// One slice of batches; run_batch() gives the time of one.
template <class RunBatch>
void slice(Series& series, RunBatch&& run_batch) {
  Duration spent{};
  for (uint64_t k = 0; k < kWarmUpBatches + kSliceBatches; ++k) {
    const Duration took = run_batch();
    if (k >= kWarmUpBatches) spent += took;
  }
  series.add(kSlicePackets, spent);
}

// The worker through one batch made by make().
template <class Make>
Duration batch(Bench& bench, Make&& make) {
  for (uint32_t i = 0; i < kRingBuffers; ++i) bench.put(i, make());
  return bench.run(kRingBuffers);
}

// 64-byte packets of random connections.
Segment next_small(Bench& bench, Random& random) {
  return bench.flows().small(random.below(bench.flows().count()), (random.next() >> 63) != 0);
}

// 64-byte packets, and the memory limit over the same working set in turn with them, slice by slice, so that both see
// the same machine.
void small_packets(const Options& o) {
  Bench bench(o.flows, false);
  bench.expect_aborts();
  bench.open_all();
  check_tracked(bench);
  MemoryLimit memory(WorkingSet::of_table(Bench::capacity_for(o.flows), o.flows));
  Random random(7);
  Series worker;
  Series limit;
  Series laid_out;
  Series ratio;
  for (uint64_t done = 0; done < o.packets; done += kSlicePackets) {
    slice(worker, [&] { return batch(bench, [&] { return next_small(bench, random); }); });
    slice(limit, [&] { return memory.run(Lines::kRandom); });
    slice(laid_out, [&] { return memory.run(Lines::kLaidOut); });
    ratio.add(worker.latest() / limit.latest());
  }
  check_tracked(bench);
  check_resets(bench, std::max(1U, o.flows / 4096));
  std::printf("pages %s\n", bench.memory().kind_name());
  print("bytes_per_flow", flow::Table::bytes_per_flow());
  print("working_set_mib", static_cast<double>(bench.memory().bytes().size()) / (1 << 20));
  print("worker_64b_mpps", worker);
  print("limit_mpps", limit);
  print("limit_laid_out_mpps", laid_out);
  print("worker_to_limit", ratio.median());
}

// 7:4:1 of 64, 594 and 1518 bytes on the wire. Every larger packet changes the direction, so its head is kept.
void imix(const Options& o) {
  Bench bench(o.flows, false);
  bench.open_all();
  Random random(7);
  const auto make = [&] {
    const uint32_t flow = random.below(o.flows);
    const uint32_t draw = random.below(12);
    if (draw < 7) return bench.flows().small(flow, draw < 4);
    return bench.flows().message(flow, (draw < 11 ? 590 : 1514) - kHeaders);
  };
  Series series;
  for (uint64_t done = 0; done < o.packets; done += kSlicePackets) slice(series, [&] { return batch(bench, make); });
  check_tracked(bench);
  check_resets(bench, o.flows / 4096);
  print("worker_imix_mpps", series);
}

// Every packet ends an established connection, in random order; then all begin anew, untimed.
void rst_storm(const Options& o) {
  Bench bench(o.flows, true);
  bench.expect_aborts();
  std::vector<uint32_t> order(o.flows);
  std::iota(order.begin(), order.end(), 0U);
  Random random(7);
  for (uint32_t i = o.flows - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
  Series series;
  uint64_t resets = 0;
  while (resets < o.packets / 8) {
    bench.open_all(800 * kMs);  // no connection is idle for a second, which would be another ending
    bench.set_gap_ns(100);
    for (uint32_t at = 0; at < o.flows;) {
      Duration spent{};
      uint64_t timed = 0;
      for (uint64_t k = 0; k < kWarmUpBatches + kSliceBatches && at < o.flows; ++k) {
        uint32_t i = 0;
        while (i < kRingBuffers && at < o.flows) bench.put(i++, bench.flows().server_rst(order[at++]));
        const Duration took = bench.run(i);
        resets += i;
        if (k < kWarmUpBatches) continue;
        spent += took;
        timed += i;
      }
      if (timed >= kSlicePackets / 2) series.add(timed, spent);
    }
    bench.settle();
    check_seen(bench, {}, resets);
  }
  check_equal(bench.worker().output.sink_counters().dropped_endings.get(), 0, "endings dropped");
  print("rst_storm_mpps", series);
}

// SYNs from ever new addresses over established connections: none is lost, and of each the right thing is said after.
void syn_flood(const Options& o) {
  Bench bench(o.flows, false);
  bench.expect_aborts();
  bench.open_all();
  check_tracked(bench);
  uint64_t number = 0;
  Series series;
  for (uint64_t done = 0; done < o.packets / 2; done += kSlicePackets)
    slice(series, [&] { return batch(bench, [&] { return flood_syn(number++); }); });
  check(bench.worker().counters.evicted_unestablished.get() != 0, "the flood never filled the table");
  check_resets(bench, 1);
  print("syn_flood_mpps", series);
}

// Two threads meet: nobody passes before both have come.
class Meeting {
 public:
  void wait() {
    const uint32_t turn = turn_.load();
    if (come_.fetch_add(1) + 1 == 2) {
      come_.store(0);
      turn_.store(turn + 1);
    } else {
      while (turn_.load() == turn) __builtin_ia32_pause();
    }
  }

 private:
  std::atomic<uint32_t> come_{0};
  std::atomic<uint32_t> turn_{0};
};

// Workers on cores of their own with tables of their own, over one. Both make a batch, meet, and run it side by side; a
// batch takes as long as the slower of them.
void two_workers(const Options& o) {
  Series ratio;
  Series alone;
  Duration took[2] = {};
  Meeting meeting;
  const auto body = [&](uint32_t index) {
    pin((o.cpu + index) % std::thread::hardware_concurrency());
    Bench bench(o.flows, false, 256 * index);
    bench.open_all();
    Random random(7 + index);
    const auto make = [&] { return next_small(bench, random); };
    for (uint64_t done = 0; done < o.packets / 4; done += kSlicePackets) {
      // The first works alone, the second waits without using its core.
      if (index == 0) slice(alone, [&] { return batch(bench, make); });
      meeting.wait();
      Series together;
      slice(together, [&] {
        for (uint32_t i = 0; i < kRingBuffers; ++i) bench.put(i, make());
        meeting.wait();
        took[index] = bench.run_undrained(kRingBuffers);
        bench.drain();
        meeting.wait();
        const Duration longer = std::max(took[0], took[1]);
        meeting.wait();
        return longer;
      });
      if (index == 0) ratio.add(2 * together.latest() / alone.latest());
    }
    check_tracked(bench);
  };
  std::thread second(body, 1);
  body(0);
  second.join();
  print("two_workers_ratio", ratio.median());
}

void run(const Options& o) {
  pin(o.cpu);
  for (const std::string& name : o.cases) {
    if (name == "small") small_packets(o);
    if (name == "imix") imix(o);
    if (name == "rst") rst_storm(o);
    if (name == "flood") syn_flood(o);
    if (name == "two") two_workers(o);
  }
}

}  // namespace
}  // namespace rs::perf

int main(int argc, char** argv) {
  rs::perf::Options options;
  CLI::App app{"The whole worker from prepared frames, and the memory limit over the same working set."};
  app.add_option("case", options.cases, "small (64-byte packets, and the memory limit), imix, rst, flood, two")
      ->check(CLI::IsMember({"small", "imix", "rst", "flood", "two"}))
      ->default_val(std::vector<std::string>{"small"});
  app.add_option("--flows", options.flows, "live connections")->check(CLI::Range(4096, 4 << 20))->capture_default_str();
  app.add_option("--packets", options.packets, "packets timed")->capture_default_str();
  app.add_option("--cpu", options.cpu, "core to run on")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  rs::perf::run(options);
  return 0;
}
