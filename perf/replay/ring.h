// SPDX-License-Identifier: Apache-2.0
//
// Packets as a NIC leaves them for a worker: a rotating set of mbuf-sized buffers and a completion queue that says
// where each frame is, how long and when it came. Filled between the timed parts; receive() is timed and does what the
// NIC source does with mbufs. Stands in for a driver, whose own cost it does not hold.
//
// Sizes are DPDK's: 64 bytes of mempool header, 128 of rte_mbuf, 128 of headroom and 2,048 of data room make 2,368, an
// odd number of cache lines, so that buffers spread over a cache's sets. 16,384 buffers, four rings of 4,096: the first
// lines alone fill the second-level cache, so frames come from the third level, where a NIC's writes leave them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/base/prefetch.h"
#include "dataplane/capture/frame.h"
#include "perf/replay/pages.h"
#include "perf/traffic/frame.h"

namespace rs::perf {

// As many as the sensor gives a queue of a NIC (capture/port_plan.cc): a NIC fills the same buffers again and again.
inline constexpr uint32_t kRingBuffers = 4'096;
inline constexpr size_t kBufferBytes = 2'368;
inline constexpr size_t kFrameAt = 64 + 128 + 128;

class Ring {
 public:
  Ring() : memory_(kRingBuffers * kBufferBytes), queue_(kRingBuffers) {}

  // Where frame `i` of the batch goes.
  uint8_t* buffer(uint32_t i) {
    return reinterpret_cast<uint8_t*>(memory_.bytes().data()) + i * kBufferBytes + kFrameAt;
  }
  // Frame `i` of the batch is there, `bytes` long without padding.
  void arrived(uint32_t i, size_t bytes, TimeNs time) {
    queue_[i] = {time, static_cast<uint32_t>(bytes < kMinFrame ? kMinFrame : bytes)};
  }
  // As arrived(), for a segment not yet written.
  void put(uint32_t i, const Segment& segment, TimeNs time) { arrived(i, write_frame(buffer(i), segment), time); }

  // Fills the burst with frames `first` to `first` + count - 1 of the batch.
  void receive(capture::Burst& burst, uint32_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      const Completion& c = queue_[first + i];
      capture::Frame& f = burst.frames[i];
      f.data = buffer(first + i);
      prefetch(f.data);
      f.captured_bytes = f.wire_bytes = c.bytes;
      f.time = c.time;
      f.exact_time = true;
    }
    burst.count = count;
    burst.now = queue_[first + count - 1].time;
  }

 private:
  struct Completion {
    TimeNs time;
    uint32_t bytes;
  };
  Pages memory_;
  std::vector<Completion> queue_;
};

}  // namespace rs::perf
