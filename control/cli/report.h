// SPDX-License-Identifier: Apache-2.0
//
// The report of `analyze`: totals first, then each ending.
#pragma once

#include "control/cli/session.h"

namespace rs::cli {

inline constexpr uint32_t kMostServices = 10'000;  // the control plane lists no more in one answer

// Sums over everything the sensor read.
struct Totals {
  uint64_t packets = 0, bytes = 0, tcp_packets = 0, unreadable = 0, missed = 0, lost_events = 0;
  uint64_t attempted = 0, established = 0, closed_cleanly = 0, lost_bytes = 0;
  uint64_t refused = 0, reset = 0, timed_out = 0, rejected = 0, closed = 0;
  bool at_least = false;  // more services than the control plane lists: connections are a lower bound
};
// `endings`: Top by ending, benign ones included.
Totals totals_of(const v1::ListSensorsResponse& sensors, const v1::ListServicesResponse& services,
                 const v1::TopResponse& endings);

void append_totals(std::string& out, const Totals& totals, const std::string& what, double seconds, const Style& style);
// Rows of Top as a short list: "Top causes".
void append_top(std::string& out, std::string_view title, const v1::TopResponse& top, const Style& style);
// Every counter of every sensor, sorted by name.
void append_counters(std::string& out, const v1::ListSensorsResponse& sensors);
// "[######----] 60%  1,234,567 packets", for a terminal of the width; without total only the packets.
std::string progress_line(uint64_t done, uint64_t total, uint64_t packets, double seconds, size_t width);

}  // namespace rs::cli
