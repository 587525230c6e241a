// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/worker.h"

#include <algorithm>

namespace rs::worker {

uint32_t ending_room(uint32_t flow_capacity) {
  return std::clamp<uint32_t>(flow_capacity / kFlowsPerEnding, 1024, 1U << 20);
}

Worker::Worker(const Setup& s, std::span<std::byte> memory, event::Ring& ring)
    : setup(s),
      table(memory, s.flow_capacity, s.seed),
      tracker(table, s.track, ending_room(s.flow_capacity)),
      output(s.output, ring) {}

}  // namespace rs::worker
