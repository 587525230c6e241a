// SPDX-License-Identifier: Apache-2.0
#include "perf/replay/bench.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace rs::perf {
namespace {

constexpr uint32_t kEventRing = 65'536;
constexpr DurationNs kRtt = 20 * kMs;  // between two steps of an opening

worker::Setup setup_for(uint32_t live, bool fold) {
  worker::Setup setup;
  setup.flow_capacity = Bench::capacity_for(live);
  setup.input = 1;
  setup.output.condenser.fold = fold;
  return setup;
}

}  // namespace

void check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "wrong answer: %s\n", what);
  std::exit(1);
}

void check_equal(uint64_t got, uint64_t want, const char* what) {
  if (got == want) return;
  std::fprintf(stderr, "wrong answer: %s is %lu, not %lu\n", what, got, want);
  std::exit(1);
}

void pin(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) std::perror("sched_setaffinity");
}

Bench::Bench(uint32_t live, bool fold, uint32_t salt)
    : flows_(live, salt),
      memory_(flow::Table::bytes_needed(capacity_for(live))),
      events_(kEventRing),
      worker_(std::make_unique<worker::Worker>(setup_for(live, fold), memory_.bytes(), events_)),
      burst_(std::make_unique<capture::Burst>()) {}

void Bench::put(uint32_t i, const Segment& segment) {
  now_ += gap_ns_;
  frames_.put(i, segment, now_);
}

Duration Bench::run_undrained(uint32_t count) {
  const auto start = std::chrono::steady_clock::now();
  for (uint32_t i = 0; i < count; i += capture::kBurst) {
    frames_.receive(*burst_, i, std::min(capture::kBurst, count - i));
    worker::process(*worker_, *burst_);
  }
  const auto spent = std::chrono::steady_clock::now() - start;
  sent_ += count;
  return spent;
}

Duration Bench::run(uint32_t count) {
  const auto spent = run_undrained(count);
  drain();
  return spent;
}

void Bench::take(const event::Event& e) {
  const auto host = [](const IpAddr& ip) {
    Be32 be;
    std::memcpy(&be, ip.bytes.data() + 12, 4);
    return be.host();
  };
  if (host(e.server.ip) == kFloodTarget) return;
  ++seen_.events;
  seen_.endings += e.count;
  const bool abort = e.cause == Cause::kAppAbortUnread || e.cause == Cause::kProcessCrash;
  if (!expect_aborts_ || abort) seen_.right += e.count;
  if (e.count != 1) return;
  const uint32_t flow = flows_.flow_of(host(e.client.ip), e.client.port);
  if (flow >= flows_.count() || e.client_pkts > flows_.pkts(flow, 0) || e.server_pkts > flows_.pkts(flow, 1) ||
      e.client_bytes != flows_.bytes(flow, 0) || e.server_bytes != flows_.bytes(flow, 1)) {
    ++seen_.wrong_tallies;
    return;
  }
  seen_.missing_pkts += flows_.pkts(flow, 0) - e.client_pkts + flows_.pkts(flow, 1) - e.server_pkts;
}

void Bench::drain() {
  for (; const event::Item* item = events_.front(); events_.pop())
    if (item->kind == event::ItemKind::kEvent) take(item->event);
}

void Bench::open_all(DurationNs span) {
  const uint32_t n = flows_.count();
  const DurationNs gap_before = gap_ns_;
  const uint64_t before = worker_->counters.connections.get();
  // Flows whose openings are in the air together: about one step's round trip's worth, at most a batch.
  const auto together =
      static_cast<uint32_t>(std::clamp<uint64_t>(uint64_t{n} * kOpeningSteps * kRtt / span, 1, kRingBuffers));
  gap_ns_ = span / n / kOpeningSteps;
  for (uint32_t first = 0; first < n; first += together) {
    const uint32_t count = std::min(together, n - first);
    for (uint32_t step = 0; step < kOpeningSteps; ++step) {
      for (uint32_t i = 0; i < count; ++i) put(i, flows_.open(first + i, step));
      run(count);
    }
  }
  gap_ns_ = gap_before;
  refused_ += before + n - worker_->counters.connections.get();
}

void Bench::settle() {
  burst_->count = 0;
  for (int i = 0; i < 20'000; ++i) {
    now_ += 500 * kUs;
    burst_->now = now_;
    worker::process(*worker_, *burst_);
    drain();
  }
}

}  // namespace rs::perf
