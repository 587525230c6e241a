// SPDX-License-Identifier: Apache-2.0
//
// Each stage of a worker alone, in ns. Packets are 64 bytes, of random ones among the live connections. Parse and
// lookup pay for the memory they bring in; track finds its flow's lines there already. Prints one line a figure.
#include <x86intrin.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

#include "dataplane/attribute/facts.h"
#include "dataplane/attribute/verdicts.h"
#include "dataplane/context/database.h"
#include "dataplane/context/scanner.h"
#include "dataplane/event/condense.h"
#include "dataplane/event/encode.h"
#include "dataplane/event/make.h"
#include "dataplane/track/calm.h"
#include "perf/replay/bench.h"
#include "perf/traffic/random.h"

namespace rs::perf {
namespace {

// Reads the time-stamp counter around pieces too short for a clock call.
class Watch {
 public:
  Watch() {
    const auto from = std::chrono::steady_clock::now();
    const uint64_t ticks = __rdtsc();
    while (std::chrono::steady_clock::now() - from < std::chrono::milliseconds(50)) {
    }
    const auto spent = std::chrono::steady_clock::now() - from;
    ns_a_tick_ = std::chrono::duration<double, std::nano>(spent).count() / static_cast<double>(__rdtsc() - ticks);
    for (int i = 0; i < 1000; ++i) cost_ = std::min(cost_, measure([] {}));
  }
  // Ticks that `piece` took.
  template <class Piece>
  uint64_t operator()(Piece&& piece) const {
    const uint64_t took = measure(piece);
    return took > cost_ ? took - cost_ : 0;
  }
  [[nodiscard]] double ns(uint64_t ticks) const { return static_cast<double>(ticks) * ns_a_tick_; }

 private:
  template <class Piece>
  static uint64_t measure(Piece&& piece) {
    _mm_lfence();
    const uint64_t from = __rdtsc();
    piece();
    unsigned ignored = 0;
    const uint64_t to = __rdtscp(&ignored);
    _mm_lfence();
    return to - from;
  }
  double ns_a_tick_ = 1;
  uint64_t cost_ = UINT64_MAX;
};

// The median over bursts or batches, so that an interrupt does not count.
class Figure {
 public:
  void add(double ns, double items) { series_.add(ns / items); }
  void print(const char* name) const {
    std::printf("%s %.2f\n", name, series_.median());
    std::fflush(stdout);
  }

 private:
  Series series_;
};

struct Keys {
  std::array<flow::FlowKey, capture::kBurst> key;
  std::array<flow::End, capture::kBurst> from;
  std::array<uint64_t, capture::kBurst> hash;
};

void packet_stages(const Watch& watch, uint32_t flows, uint64_t packets) {
  Bench bench(flows, false);
  bench.open_all();
  Random random(3);
  flow::Table& table = bench.worker().table;
  track::Tracker& tracker = bench.worker().tracker;
  auto burst = std::make_unique<capture::Burst>();
  auto parsed = std::make_unique<packet::ViewBurst>();
  auto keys = std::make_unique<Keys>();
  std::array<uint32_t, capture::kBurst> found{};
  Figure parse;
  Figure lookup;
  Figure track;
  uint64_t missing = 0;
  for (uint64_t done = 0; done < packets; done += kRingBuffers) {
    for (uint32_t i = 0; i < kRingBuffers; ++i)
      bench.put(i, bench.flows().small(random.below(flows), (random.next() >> 63) != 0));
    for (uint32_t first = 0; first < kRingBuffers; first += capture::kBurst) {
      parse.add(watch.ns(watch([&] {
        bench.frames().receive(*burst, first, capture::kBurst);
        packet::parse(*burst, *parsed);
      })),
                capture::kBurst);
      lookup.add(watch.ns(watch([&] {
        for (uint32_t i = 0; i < capture::kBurst; ++i) {
          const packet::PacketView& v = parsed->views[i];
          keys->from[i] = flow::make_key(v.src, v.src_port, v.dst, v.dst_port, v.network_tag, keys->key[i]);
          keys->hash[i] = table.hash_of(keys->key[i]);
          table.prefetch_bucket(keys->hash[i]);
        }
        for (uint32_t i = 0; i < capture::kBurst; ++i) found[i] = table.candidate(keys->hash[i], keys->from[i]);
        for (uint32_t i = 0; i < capture::kBurst; ++i) found[i] = table.find(keys->key[i], keys->hash[i], found[i]);
      })),
                 capture::kBurst);
      for (uint32_t i = 0; i < capture::kBurst; ++i) missing += found[i] == flow::kNone ? 1 : 0;
      track.add(watch.ns(watch([&] {
        for (uint32_t i = 0; i < capture::kBurst; ++i)
          tracker.packet(parsed->views[i], keys->key[i], keys->from[i], keys->hash[i], found[i]);
        tracker.advance(burst->now);
      })),
                capture::kBurst);
      tracker.tallies().clear();
      tracker.done();
    }
  }
  check(missing <= packets / 1000, "connections are not found");
  check(tracker.counts().retransmissions == 0, "packets are taken for retransmissions");
  parse.print("parse_ns");
  lookup.print("lookup_ns");
  track.print("track_ns");
}

// Endings of 4,096 connections: half refused, half reset after a request.
std::vector<track::Ending> endings() {
  constexpr uint32_t kFlows = 4096;
  Bench bench(kFlows, false);
  bench.open_all();
  track::Tracker& tracker = bench.worker().tracker;
  std::vector<track::Ending> out;
  const auto collect = [&] {
    for (const uint32_t e : tracker.ready()) out.push_back(tracker.ending(e));
    tracker.done();
    tracker.tallies().clear();
  };
  capture::Burst burst;
  packet::ViewBurst parsed;
  const auto feed = [&](const Segment& segment) {
    bench.put(0, segment);
    bench.frames().receive(burst, 0, 1);
    packet::parse(burst, parsed);
    const packet::PacketView& v = parsed.views[0];
    flow::FlowKey key;
    const flow::End from = flow::make_key(v.src, v.src_port, v.dst, v.dst_port, v.network_tag, key);
    tracker.packet(v, key, from, bench.worker().table.hash_of(key));
    tracker.advance(burst.now);
    collect();
  };
  bench.set_gap_ns(10 * kUs);
  for (uint32_t flow = 0; flow < kFlows; ++flow) {
    if (flow % 2 == 0) {
      feed(bench.flows().server_rst(flow));
      continue;
    }
    Segment syn = bench.flows().open(flow, 0);
    syn.src_port = static_cast<uint16_t>(syn.src_port ^ 0x8000);  // a port of its own: nothing was there before
    syn.dst_port = 9999;
    Segment refusal = syn;
    std::swap(refusal.src_ip, refusal.dst_ip);
    std::swap(refusal.src_port, refusal.dst_port);
    refusal.seq = 0;
    refusal.ack = syn.seq + 1;
    refusal.window = refusal.ip_id = 0;
    refusal.option_bytes = 0;
    refusal.flags = packet::kRst | packet::kAck;
    refusal.ttl = bench.flows().server_rst(flow).ttl;
    feed(syn);
    feed(refusal);
  }
  while (!tracker.finish(kStart + 60 * kSecond)) collect();
  collect();
  return out;
}

// Messages are read, as in a sensor.
std::unique_ptr<context::Scanner> scanner() {
  auto patterns = context::load_patterns("");
  check(static_cast<bool>(patterns), "the patterns do not load");
  auto database = context::Database::build(std::move(*patterns), "");
  check(static_cast<bool>(database), "the patterns do not compile");
  auto made = context::Scanner::create(std::move(*database));
  check(static_cast<bool>(made), "no memory to scan with");
  return std::move(*made);
}

void ending_stages(const Watch& watch) {
  const auto reader = scanner();
  const std::vector<track::Ending> all = endings();
  check(all.size() >= 4000, "endings are missing");
  std::vector<event::Item> items(all.size());
  attribute::Verdicts verdicts;
  Figure attribute;
  uint64_t refused = 0;
  for (int round = 0; round < 50; ++round) {
    const uint64_t ticks = watch([&] {
      for (size_t i = 0; i < all.size(); ++i) {
        const context::Context context = context::scan(reader.get(), all[i]);
        const attribute::Facts facts = attribute::gather(all[i], context);
        const attribute::Verdict& verdict = verdicts.of(facts, false);
        items[i].kind = event::ItemKind::kEvent;
        event::make(all[i], context, facts, verdict, 1, items[i].event);
      }
    });
    attribute.add(watch.ns(ticks), static_cast<double>(all.size()));
  }
  for (const event::Item& item : items) refused += item.event.cause == Cause::kPortClosed ? 1 : 0;
  check(refused >= all.size() / 2 - 64 && refused <= all.size() / 2 + 64, "half of the endings are refusals");
  attribute.print("attribute_ns");

  Figure condense;
  event::Ring ring(1U << 16);
  event::Sink sink(ring, event::WhenFull::kDrop, 0);
  event::Condenser condenser({}, sink);
  uint64_t taken = 0;
  const auto drain = [&] {
    for (; ring.front() != nullptr; ring.pop()) taken += ring.front()->event.count;
  };
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    const TimeNs now = items[0].event.time_ns + static_cast<uint64_t>(round) * kMs;
    const uint64_t ticks = watch([&] {
      for (const event::Item& item : items) condenser.add(item.event, now);
      condenser.advance(now);
    });
    condense.add(watch.ns(ticks), static_cast<double>(items.size()));
    drain();
  }
  while (!condenser.flush(kStart + 3600 * kSecond)) drain();
  drain();
  check_equal(taken, items.size() * kRounds, "endings condensed");
  condense.print("condense_ns");

  Figure encode;
  event::Encoder encoder({.sensor = "bench", .boot = 1, .input = 1});
  uint64_t sealed = 0;
  uint64_t sequence = 0;
  for (int round = 0; round < 20; ++round) {
    const uint64_t ticks = watch([&] {
      for (const event::Item& item : items) {
        if (encoder.add(item)) continue;
        sealed += encoder.seal(++sequence, 1, nullptr, false).events;
        check(encoder.add(item), "an empty batch takes an event");
      }
      sealed += encoder.seal(++sequence, 1, nullptr, false).events;
    });
    encode.add(watch.ns(ticks), static_cast<double>(items.size()));
  }
  check_equal(sealed, items.size() * 20, "events encoded");
  encode.print("encode_ns");
}

}  // namespace
}  // namespace rs::perf

int main(int argc, char** argv) {
  uint32_t flows = 1'000'000;
  uint64_t packets = 8'000'000;
  unsigned cpu = 0;
  CLI::App app{"Each stage of a worker alone, in ns a packet or an ending."};
  app.add_option("--flows", flows, "live connections")->check(CLI::Range(4096, 4 << 20))->capture_default_str();
  app.add_option("--packets", packets, "packets timed")->capture_default_str();
  app.add_option("--cpu", cpu, "core to run on")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  rs::perf::pin(cpu);
  const rs::perf::Watch watch;
  rs::perf::packet_stages(watch, flows, packets);
  rs::perf::ending_stages(watch);
  return 0;
}
