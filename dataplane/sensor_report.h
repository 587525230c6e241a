// SPDX-License-Identifier: Apache-2.0
//
// What a running sensor has counted, as names and numbers: for --counters, health reports and telemetry. Reads relaxed
// counters; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/capture/file_source.h"
#include "dataplane/capture/nic_source.h"
#include "dataplane/capture/port.h"
#include "dataplane/event/health.h"
#include "dataplane/sensor_losses.h"
#include "dataplane/worker/worker.h"

namespace rs {

using Numbers = std::vector<std::pair<std::string, uint64_t>>;

// The parts of a sensor that count. Owned by the sensor, complete before workers start, ended after they have.
struct Parts {
  std::vector<std::unique_ptr<capture::FileSource>> files;  // captures: one a reading worker
  std::vector<std::unique_ptr<capture::NicSource>> nics;    // live: one a worker
  std::unique_ptr<capture::Ports> ports;                    // live
  std::vector<std::unique_ptr<worker::Worker>> workers;
  Losses losses;
};

// Packets the sources took in, each once, and what else they counted.
capture::SourceCounts received(const Parts& parts);

// Every counter. Each received packet is in exactly one of the outcomes or in handover_dropped.
Numbers counters(const Parts& parts);

// The sum of outcomes and handover_dropped: what was received, when all workers have ended their input.
uint64_t accounted(const Parts& parts);

// One worker's own numbers.
Numbers worker_numbers(const worker::Worker& worker);

// One live port's.
Numbers port_numbers(const capture::Port& port);

// Everything lost so far, for Losses::sample().
event::LossSecond lost(const Parts& parts);

// Takes the seconds with losses: one caller, the export thread.
event::Health health(Parts& parts, const std::vector<std::string>& port_names);

}  // namespace rs
