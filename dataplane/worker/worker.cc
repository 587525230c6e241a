// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/worker.h"

#include <algorithm>

namespace rs::worker {
namespace {

// Endings being settled at once. One flow in 32 ended within the settle time is a storm; beyond that the oldest is
// judged early. At most 2^20, 0.7 GiB.
uint32_t ending_room(uint32_t flow_capacity) { return std::clamp<uint32_t>(flow_capacity / 32, 1024, 1U << 20); }

}  // namespace

Worker::Worker(const Setup& s, std::span<std::byte> memory, event::Ring& ring)
    : setup(s),
      table(memory, s.flow_capacity, s.seed),
      tracker(table, s.track, ending_room(s.flow_capacity)),
      output(s.output, ring) {}

}  // namespace rs::worker
