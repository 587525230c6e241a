// SPDX-License-Identifier: Apache-2.0
#include "control/model/sighting.h"

#include "control/model/ended.h"

namespace rs::model {

Sighting sighting_of(const Event& event, const std::string& sensor) {
  Sighting out;
  out.id = event.id;
  out.sensor = sensor;
  out.time_ns = event.time_ns;
  out.count = out.total = event.count;
  out.origin = event.origin;
  out.cause = event.cause;
  out.confidence = event.confidence;
  out.rst_ttl = ended(event, 0).rst_ttl;
  out.rtt_client_ns = event.rtt_client_ns;
  out.rtt_server_ns = event.rtt_server_ns;
  return out;
}

}  // namespace rs::model
