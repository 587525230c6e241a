// SPDX-License-Identifier: Apache-2.0
//
// Commands on DPDK's telemetry socket: /resetscope/counters, /resetscope/workers and /resetscope/ports. Answered on
// EAL's telemetry thread from relaxed counters; workers notice nothing. DPDK has no way to take a command back, so
// they stay and answer nothing when the sensor is gone.
#pragma once

#include "dataplane/sensor_report.h"
#include "proto/result.h"

namespace rs {

class Telemetry {
 public:
  // EAL runs with telemetry. `parts` is complete and outlives this. One at a time in a process.
  static Result<std::unique_ptr<Telemetry>> start(const Parts& parts);
  ~Telemetry();
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;

 private:
  Telemetry() = default;
};

}  // namespace rs
