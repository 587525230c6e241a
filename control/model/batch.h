// SPDX-License-Identifier: Apache-2.0
//
// One batch of a sensor after decoding: what ingest hands to a store. Field meanings are those of proto/event.fbs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/model/event.h"

namespace rs::model {

struct Counter {
  std::string name;
  uint64_t value = 0;
};

// A second in which a sensor lost something.
struct LossSecond {
  uint64_t second = 0;  // Unix time, packet time
  uint64_t missed_pkts = 0;
  uint64_t handover_dropped_pkts = 0;
  uint64_t table_full_pkts = 0;
  uint64_t evicted_flows = 0;
  uint64_t ring_dropped_events = 0;
};

struct Health {
  uint64_t time_ns = 0;  // packet time
  std::string version;
  uint32_t workers = 0;
  std::vector<std::string> ports;
  uint64_t rx_pkts = 0;
  uint64_t rx_bytes = 0;
  uint64_t missed_pkts = 0;
  uint64_t flows = 0;
  uint64_t flow_capacity = 0;
  uint64_t ring_dropped_events = 0;
  uint64_t lost_batches = 0;
  uint64_t lost_events = 0;
  std::vector<Counter> counters;
  std::vector<LossSecond> losses;  // since the report before
  uint64_t blind_seconds = 0;      // since boot
};

struct Batch {
  std::string sensor;
  uint64_t boot = 0;
  uint64_t input = 0;
  uint64_t sequence = 0;
  uint64_t sent_ns = 0;      // sensor's wall clock
  uint64_t received_ns = 0;  // ours
  std::vector<Event> events;
  std::vector<ServiceStats> services;
  std::optional<Health> health;
  bool last = false;
  size_t wire_bytes = 0;  // size of the FlatBuffer it came in
};

}  // namespace rs::model
