// SPDX-License-Identifier: Apache-2.0
//
// What the sensor tells Prometheus: relaxed counters read when it is scraped, on a thread of the endpoint; workers
// notice nothing. Labels are outcomes and configured port names: nothing that grows with traffic.
#pragma once

#include "dataplane/event/exporter.h"
#include "dataplane/sensor_report.h"
#include "proto/metrics.h"

namespace rs {

void fill_page(const Parts& parts, event::Exporter& exporter, metrics::Page& page);

}  // namespace rs
