// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/clock.h"

#include <rte_cycles.h>
#include <time.h>

#include <algorithm>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace rs::capture {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr double kMaxSlew = 0.1;               // our choice: catches up an error of 100 ms within a second
constexpr double kSlewHorizonNs = 1e9;         // errors are to be gone a second later
constexpr int64_t kJumpNs = 1'000'000'000;     // set ahead by more: the clock was stepped, follow
constexpr uint64_t kMinBaselineNs = 10 * kMs;  // a rate measured over less is worse than the nominal one

uint64_t read_clock(clockid_t id) {
  timespec t{};
  ::clock_gettime(id, &t);
  return static_cast<uint64_t>(t.tv_sec) * kSecond + static_cast<uint64_t>(t.tv_nsec);
}

bool steady_tsc() {
#if defined(__x86_64__)
  // "Invariant TSC", AMD APM 3 appendix E.4.7, Intel SDM 3 18.17.1.
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & (1U << 8)) != 0;
#else
  return true;  // the architected timers of the other platforms DPDK runs on are
#endif
}

const bool g_steady_tsc = steady_tsc();

}  // namespace

uint64_t now_ticks() noexcept { return g_steady_tsc ? rte_rdtsc() : read_clock(CLOCK_MONOTONIC); }

double ticks_hz() {
  if (!g_steady_tsc) return 1e9;
  if (const uint64_t hz = rte_get_tsc_hz(); hz != 0) return static_cast<double>(hz);
  // EAL has not started: measure.
  const Clock::Sample a = sample_now();
  const timespec nap{0, 20'000'000};
  ::nanosleep(&nap, nullptr);
  const Clock::Sample b = sample_now();
  return static_cast<double>(b.ticks - a.ticks) * 1e9 / static_cast<double>(b.monotonic_ns - a.monotonic_ns);
}

Clock::Sample sample_now() {
  // The narrowest of a few tries: a preemption between the reads would skew the sample.
  Clock::Sample best;
  uint64_t best_span = UINT64_MAX;
  for (int i = 0; i < 5; ++i) {
    Clock::Sample s;
    const uint64_t before = now_ticks();
    s.realtime_ns = read_clock(CLOCK_REALTIME);
    s.monotonic_ns = read_clock(CLOCK_MONOTONIC);
    const uint64_t after = now_ticks();
    s.ticks = before + (after - before) / 2;
    if (after - before < best_span) {
      best = s;
      best_span = after - before;
    }
  }
  return best;
}

void Clock::publish(uint64_t ticks, TimeNs ns, double ns_per_tick) {
  const uint32_t s = sequence_.load(std::memory_order_relaxed);
  sequence_.store(s + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  from_ticks_.store(ticks, std::memory_order_relaxed);
  from_ns_.store(ns, std::memory_order_relaxed);
  rate_.store(static_cast<uint64_t>(ns_per_tick * 4294967296.0), std::memory_order_relaxed);
  sequence_.store(s + 2, std::memory_order_release);
}

void Clock::start(const Sample& sample, double hz) {
  first_ = sample;
  publish(sample.ticks, sample.realtime_ns, 1e9 / hz);
}

void Clock::calibrate(const Sample& sample) {
  const uint64_t span_ns = sample.monotonic_ns - first_.monotonic_ns;
  const uint64_t span_ticks = sample.ticks - first_.ticks;
  if (span_ns < kMinBaselineNs || span_ticks == 0) return;
  const double rate = static_cast<double>(span_ns) / static_cast<double>(span_ticks);
  const TimeNs reached = at(sample.ticks);
  const auto behind = static_cast<int64_t>(sample.realtime_ns - reached);
  if (behind > kJumpNs) {
    publish(sample.ticks, sample.realtime_ns, rate);
    return;
  }
  const double slew = std::clamp(static_cast<double>(behind) / kSlewHorizonNs, -kMaxSlew, kMaxSlew);
  publish(sample.ticks, reached, rate * (1 + slew));
}

TimeNs Clock::at(uint64_t ticks) const noexcept {
  for (;;) {
    const uint32_t before = sequence_.load(std::memory_order_acquire);
    const uint64_t from = from_ticks_.load(std::memory_order_relaxed);
    const TimeNs ns = from_ns_.load(std::memory_order_relaxed);
    const uint64_t rate = rate_.load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (before % 2 != 0 || sequence_.load(std::memory_order_relaxed) != before) continue;
    // Ticks taken just before the line's start (by a worker, or by a NIC's stamp) lie a little below it.
    if (ticks < from) return ns - static_cast<TimeNs>(Wide{from - ticks} * rate >> 32);
    return ns + static_cast<TimeNs>(Wide{ticks - from} * rate >> 32);
  }
}

}  // namespace rs::capture
