// SPDX-License-Identifier: Apache-2.0
//
// One ending seen by several sensors: the first to arrive is the event, the others are sightings of it. The contract
// between the store, which keeps them apart in one transaction, and whoever tells them apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/model/event.h"

namespace rs::model {

struct Sighting {
  uint64_t event_id = 0;  // of the event it is a view of
  uint64_t id = 0;        // its own, as that sensor gave it
  std::string sensor;
  uint64_t time_ns = 0;  // by that sensor's clock
  uint64_t count = 1;    // endings of it that the event has counted already
  uint64_t total = 1;    // endings it stands for
  int64_t skew_ns = 0;   // its clock minus that of the event's sensor, as measured by then
  Origin origin = Origin::kUnknown;
  Cause cause = Cause::kUnknown;
  double confidence = 0;
  uint8_t rst_ttl = 0;  // 0: unknown
  uint64_t rtt_client_ns = 0;
  uint64_t rtt_server_ns = 0;
};
Sighting sighting_of(const Event& event, const std::string& sensor);

class SightingJudge {
 public:
  virtual ~SightingJudge() = default;
  // The store's writer thread, in the order of arrival. The event this one is a sighting of, if any; `count` says how
  // many of its endings that event has counted. The same event asked about again gets the same answer, so that a
  // transaction may be tried again.
  virtual std::optional<Sighting> judge(const Event& event, const std::string& sensor) = 0;
};

// Something found out by correlation that has to survive a restart; the store knows nothing of its meaning.
struct Finding {
  uint8_t kind = 0;
  std::string key;
  std::string value;
  uint64_t time_ns = 0;
  bool erased = false;
};
struct Findings {
  std::vector<Finding> rows;
  uint64_t cursor = 0;  // made of the events up to here
};

}  // namespace rs::model
