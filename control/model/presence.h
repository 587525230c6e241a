// SPDX-License-Identifier: Apache-2.0
//
// Which sensors have a stream open right now, and how far their clocks are from ours. Written by ingest's stream
// threads, read by query threads; one mutex, a few operations a batch.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace rs::model {

class Presence {
 public:
  void connected(const std::string& sensor);
  void disconnected(const std::string& sensor);
  // The sensor's clock minus ours as one batch shows it, transit included. Transit and waiting in the spool only
  // make it smaller, so the greatest one seen on a connection is the best guess.
  void saw_clock(const std::string& sensor, int64_t sensor_minus_ours_ns);

  [[nodiscard]] bool is_connected(const std::string& sensor) const;
  [[nodiscard]] std::optional<int64_t> skew_ns(const std::string& sensor) const;
  [[nodiscard]] size_t count() const;

 private:
  struct State {
    int streams = 0;
    std::optional<int64_t> skew_ns;
  };
  mutable std::mutex mutex_;
  std::map<std::string, State> sensors_;  // only those connected
};

}  // namespace rs::model
