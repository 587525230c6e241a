// SPDX-License-Identifier: Apache-2.0
//
// What a packet source is. A contract checked at compile time, not a base class: the worker loop is a template
// over its source, so there is no virtual call a burst.
#pragma once

#include <concepts>

#include "dataplane/capture/frame.h"

namespace rs::capture {

// What a source has counted since start. One relaxed writer (the worker), read by the health report.
struct SourceCounts {
  uint64_t rx_pkts = 0;
  uint64_t rx_bytes = 0;
  uint64_t missed_pkts = 0;     // imissed + rx_nombuf of live ports: never seen
  uint64_t truncated_pkts = 0;  // captured shorter than on the wire
  uint64_t bad_records = 0;     // capture file records that could not be read
};

template <class S>
concept Source = requires(S& s, const S& cs, Burst& burst) {
  // worker thread. Fills at most kBurst frames and sets burst.now; false at the end of the input (never on live
  // ports). An empty burst with `true` means "nothing right now".
  { s.receive(burst) }
  noexcept->std::same_as<bool>;
  // worker thread. Gives the burst's frames back, in bulk.
  { s.release(burst) }
  noexcept->std::same_as<void>;
  // any thread. Relaxed snapshot.
  { cs.counts() } -> std::same_as<SourceCounts>;
};

// The source of a worker that receives nothing itself: captures, when another worker reads for all.
class NoSource {
 public:
  bool receive(Burst& burst) noexcept {
    burst.count = 0;
    return false;
  }
  void release(Burst& burst) noexcept { burst.count = 0; }
  [[nodiscard]] SourceCounts counts() const { return {}; }
};
static_assert(Source<NoSource>);

}  // namespace rs::capture
