// SPDX-License-Identifier: Apache-2.0
//
// The sensor's own state as it is sent to the control plane: the plain form of table Health in proto/event.fbs.
// Filled by the program (ports, flows, outcomes) and completed by the exporter (losses, its own counters).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/base/types.h"

namespace rs::event {

// One second of packet time in which something was lost; see the struct of that name in proto/event.fbs.
struct LossSecond {
  uint64_t second = 0;  // Unix time
  uint64_t missed_pkts = 0;
  uint64_t handover_dropped_pkts = 0;
  uint64_t table_full_pkts = 0;
  uint64_t evicted_flows = 0;
  uint64_t ring_dropped_events = 0;
};

struct Health {
  TimeNs time_ns = 0;  // packet time
  std::string version;
  uint16_t workers = 0;
  std::vector<std::string> ports;
  uint64_t rx_pkts = 0;
  uint64_t rx_bytes = 0;
  uint64_t missed_pkts = 0;
  uint64_t flows = 0;
  uint64_t flow_capacity = 0;
  uint64_t ring_dropped_events = 0;
  uint64_t lost_batches = 0;                               // set by the exporter
  uint64_t lost_events = 0;                                // set by the exporter
  std::vector<std::pair<std::string, uint64_t>> counters;  // monotonic since boot
  std::vector<LossSecond> losses;                          // since the last report
  uint64_t blind_seconds = 0;
};

// Called on the export core's thread every few seconds; may allocate and take its time, must not block for long.
using HealthSource = std::function<Health()>;

}  // namespace rs::event
