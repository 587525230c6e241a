// SPDX-License-Identifier: Apache-2.0
//
// What the machine's memory allows a worker: three random cache lines a packet over a flow table's working set, with
// nothing else to do. The bucket line is read, the flow's hot line and one direction's line are read and written, as
// the worker does; all lines of a burst of 32 are prefetched before the first is touched.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "perf/replay/pages.h"
#include "perf/replay/ring.h"
#include "perf/replay/series.h"
#include "perf/traffic/random.h"

namespace rs::perf {

// Where a table's lines lie. Bytes and strides from the table's own sizes.
struct WorkingSet {
  size_t bucket_lines = 0;
  size_t records_at = 0;    // bytes from the start
  size_t record_bytes = 0;  // hot line, two direction lines
  uint32_t flows = 0;       // live ones: only their lines are touched
  size_t bytes = 0;         // of the whole table

  // Of a flow::Table of this capacity with so many live flows.
  static WorkingSet of_table(uint32_t capacity, uint32_t flows);
};

enum class Lines {
  kRandom,   // three lines that have nothing to do with each other
  kLaidOut,  // the hot line and the direction line of one flow, neighbours in memory as in the table
};

class MemoryLimit {
 public:
  // On the same kind of pages as the worker's table.
  explicit MemoryLimit(const WorkingSet& set) : set_(set), memory_(set.bytes), batch_(kRingBuffers) {}

  // Makes a batch of kRingBuffers packets and touches their lines; the time of the touching alone.
  Duration run(Lines lines);
  [[nodiscard]] const Pages& memory() const { return memory_; }

 private:
  struct Packet {
    std::array<uint64_t*, 3> line;
  };
  static void burst(const Packet* packets);

  WorkingSet set_;
  Pages memory_;
  std::vector<Packet> batch_;
  Random random_{1};
};

}  // namespace rs::perf
