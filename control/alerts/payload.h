// SPDX-License-Identifier: Apache-2.0
//
// Incidents as alerts: what Alertmanager takes (POST /api/v2/alerts) and what it posts itself to webhooks (version 4),
// so that receivers made for one work with the other. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rs::alerts {

struct Alert {
  uint64_t id = 0;
  uint64_t revision = 0;
  bool open = true;
  uint64_t start_ns = 0;
  uint64_t end_ns = 0;   // of a closed one
  std::string kind;      // "restart", "policy_change" ...
  std::string severity;  // "critical" or "warning": of the alert
  std::string scope;
  std::string summary;
  std::string filter;  // lists its endings
  uint64_t endings = 0;
  uint64_t clients = 0;
  uint64_t servers = 0;
  double confidence = 0;
};

// The array of Alertmanager's API version 2. Labels are the same for as long as the incident lasts; an open one has no
// end, and is resolved by itself when nobody posts it again.
std::string alertmanager_body(const std::vector<Alert>& alerts);
// One group that holds them all; firing while one of them is.
std::string webhook_body(const std::vector<Alert>& alerts);

// `base` with the path of the API unless it has it.
std::string alertmanager_url(const std::string& base);

}  // namespace rs::alerts
