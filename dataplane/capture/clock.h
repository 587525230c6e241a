// SPDX-License-Identifier: Apache-2.0
//
// Turns a free-running tick counter (the CPU's TSC, or a NIC's own clock) into nanoseconds since the epoch, without a
// system call. One control thread calibrates now and then; any number of workers read.
// The clock never runs backwards: each new line starts where the old one ended. When the system's clock is set ahead
// by more than a second it jumps along; smaller errors, and a clock set back, are made up at 10 % at most.
#pragma once

#include <atomic>
#include <cstdint>

#include "dataplane/base/types.h"

namespace rs::capture {

class Clock {
 public:
  // What the calibrating thread reads at one moment.
  struct Sample {
    uint64_t ticks = 0;
    uint64_t monotonic_ns = 0;  // never set, only slewed: gives the rate
    TimeNs realtime_ns = 0;     // gives the time
  };

  // control thread. The first call starts the clock with `hz` as its rate until a later one has measured it.
  void start(const Sample& sample, double hz);
  void calibrate(const Sample& sample);

  // any thread
  [[nodiscard]] TimeNs at(uint64_t ticks) const noexcept;

 private:
  // now = ns + (ticks - from) * ns_per_tick / 2^32, guarded by a sequence lock (Boehm, MSPC 2012).
  std::atomic<uint32_t> sequence_ = 0;
  std::atomic<uint64_t> from_ticks_ = 0;
  std::atomic<TimeNs> from_ns_ = 0;
  std::atomic<uint64_t> rate_ = 0;  // nanoseconds a tick, 32.32 fixed point

  void publish(uint64_t ticks, TimeNs ns, double ns_per_tick);
  Sample first_;  // control thread only
};

// The counter that stamps bursts: the TSC where it runs at one rate on all cores, else the kernel's clock in
// nanoseconds.
uint64_t now_ticks() noexcept;
double ticks_hz();
Clock::Sample sample_now();

}  // namespace rs::capture
