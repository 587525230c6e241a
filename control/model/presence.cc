// SPDX-License-Identifier: Apache-2.0
#include "control/model/presence.h"

#include <algorithm>

namespace rs::model {

void Presence::connected(const std::string& sensor) {
  const std::lock_guard lock(mutex_);
  ++sensors_[sensor].streams;
}

void Presence::disconnected(const std::string& sensor) {
  const std::lock_guard lock(mutex_);
  const auto found = sensors_.find(sensor);
  if (found != sensors_.end() && --found->second.streams <= 0) sensors_.erase(found);
}

void Presence::saw_clock(const std::string& sensor, int64_t sensor_minus_ours_ns) {
  const std::lock_guard lock(mutex_);
  const auto found = sensors_.find(sensor);
  if (found == sensors_.end()) return;
  auto& skew = found->second.skew_ns;
  skew = skew ? std::max(*skew, sensor_minus_ours_ns) : sensor_minus_ours_ns;
}

bool Presence::is_connected(const std::string& sensor) const {
  const std::lock_guard lock(mutex_);
  return sensors_.contains(sensor);
}

std::optional<int64_t> Presence::skew_ns(const std::string& sensor) const {
  const std::lock_guard lock(mutex_);
  const auto found = sensors_.find(sensor);
  return found == sensors_.end() ? std::nullopt : found->second.skew_ns;
}

size_t Presence::count() const {
  const std::lock_guard lock(mutex_);
  return sensors_.size();
}

}  // namespace rs::model
