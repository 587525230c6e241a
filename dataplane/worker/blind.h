// SPDX-License-Identifier: Apache-2.0
//
// When the sensor was blind: spans of time in which it lost packets. The control thread notes them as it learns of
// losses (ten times a second); workers ask, for each verdict, whether the connection was watched through one. Losses
// are noted up to a tenth of a second late: less than any settle time but a very short one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/base/types.h"

namespace rs::worker {

class BlindLog {
 public:
  // control thread. Packets were lost somewhere in (from, until]. Spans come in order; one that touches the last one
  // lengthens it.
  void add(TimeNs from, TimeNs until) {
    const uint64_t count = count_.load(std::memory_order_relaxed);
    Span& last = spans_[(count + kSpans - 1) % kSpans];
    if (count != 0 && from <= last.until.load(std::memory_order_relaxed)) {
      last.until.store(until, std::memory_order_relaxed);
    } else {
      Span& next = spans_[count % kSpans];
      next.from.store(from, std::memory_order_relaxed);
      next.until.store(until, std::memory_order_relaxed);
      count_.store(count + 1, std::memory_order_release);
    }
    latest_.store(until, std::memory_order_release);
  }

  // worker thread. Whether packets were lost at a time in [from, until]. Of more spans than are remembered the
  // forgotten ones count as one long one.
  [[nodiscard]] bool overlaps(TimeNs from, TimeNs until) const {
    if (latest_.load(std::memory_order_acquire) < from) return false;
    const uint64_t count = count_.load(std::memory_order_acquire);
    // The oldest place may be written again at this moment: it is among the forgotten.
    const uint64_t oldest = count < kSpans ? 0 : count - kSpans + 1;
    for (uint64_t i = count; i > oldest; --i) {
      const Span& s = spans_[(i - 1) % kSpans];
      if (s.until.load(std::memory_order_relaxed) < from) return false;
      if (s.from.load(std::memory_order_relaxed) <= until) return true;
    }
    return oldest != 0;
  }

 private:
  static constexpr uint64_t kSpans = 64;  // our choice: a minute of losses in every other second, and more

  struct Span {
    std::atomic<TimeNs> from{0};
    std::atomic<TimeNs> until{0};
  };

  std::atomic<TimeNs> latest_{0};  // end of the last span: nearly always decides
  std::atomic<uint64_t> count_{0};
  std::array<Span, kSpans> spans_;
};

}  // namespace rs::worker
