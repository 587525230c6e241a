// SPDX-License-Identifier: Apache-2.0
//
// What was lost, second by second: packets dropped by ports, by full lanes between workers and by full flow tables,
// connections evicted, and endings that found the ring to the export core full. Sampled ten times a second by the
// control thread; read by health reports.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "dataplane/event/health.h"
#include "dataplane/worker/blind.h"

namespace rs {

class Losses {
 public:
  // control thread. `sum`: all counts since start (its `second` is not used); `now`: packet time.
  // Dropped packets also go to the log that verdicts ask. A packet for whose connection the table has no room does
  // not: it was seen, and no other connection lacks it.
  void sample(TimeNs now, const event::LossSecond& sum);

  // any thread
  [[nodiscard]] const worker::BlindLog& blind() const { return blind_; }
  // Seconds in which packets were lost, by ports, lanes or tables.
  [[nodiscard]] uint64_t blind_seconds() const { return blind_seconds_.load(std::memory_order_relaxed); }
  // Seconds with a loss of any kind that no call gave before, oldest first; at most the newest kKept.
  [[nodiscard]] std::vector<event::LossSecond> take();

  static constexpr size_t kKept = 120;  // our choice: reports go out every ten seconds

 private:
  void close_second();

  worker::BlindLog blind_;
  std::atomic<uint64_t> blind_seconds_{0};
  TimeNs before_ = 0;         // control thread: time of the last sample
  event::LossSecond sum_;     // control thread: the last sample
  event::LossSecond second_;  // control thread: the second under way
  std::mutex mutex_;          // guards kept_
  std::vector<event::LossSecond> kept_;
};

}  // namespace rs
