// SPDX-License-Identifier: Apache-2.0
//
// Where between two taps an ending came from. Which taps lie on the path of a pair of networks, and in what order, is
// learned from the endings they share: the round trip to the client is shorter the nearer a tap is to it. A tap that is
// on the path, was watching this service then, and did not see the reset, has its sender on its far side. Pure but for
// PathMap, which is not safe for several threads.
#pragma once

#include <absl/container/inlined_vector.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "control/model/ended.h"
#include "control/model/names.h"
#include "control/model/sighting.h"

namespace rs::correlate {

// What is known of one tap on the path of one ending.
struct TapView {
  std::string sensor;
  bool saw = false;
  double client_ns = 0;  // round trip to the client, learned; 0: unknown
  double server_ns = 0;
  uint8_t rst_ttl = 0;                             // of this ending; 0: unknown
  model::TapSide side = model::TapSide::kUnknown;  // as the names file has it
};

struct Located {
  std::string after;   // tap on the sender's side that did not see it, or "client" or "server"
  std::string before;  // first tap that saw it
  Origin origin = Origin::kUnknown;
  double confidence = 0;
  std::string text;
};

// Empty when the taps do not tell more than one alone.
std::optional<Located> locate(Side claimed_sender, std::vector<TapView> taps);

class PathMap {
 public:
  static constexpr size_t kMaxPaths = 16'384;  // in sets of four; of a full one the least recently used goes
  static constexpr size_t kMaxWatched = 65'536;
  static constexpr uint64_t kReportedNs = 5ull * 1'000'000'000;  // an ending is reported within it: settle, fold, send
  static constexpr uint64_t kLeastShared = 3;                    // endings that a tap saw before it is on a path

  // Names by number; a number keeps its name.
  void know(const std::vector<std::string>& sensors);

  // One view of an ending, be it the first or a sighting.
  void add(const model::Endpoint& client, const model::Endpoint& server, model::SensorNumber sensor,
           uint64_t rtt_client_ns, uint64_t rtt_server_ns);
  // The sensor saw connections of this service in this time.
  void watched(const model::Endpoint& server, model::SensorNumber sensor, uint64_t from_ns, uint64_t to_ns);

  // Nothing more comes from this sensor.
  void ended(model::SensorNumber sensor) { at(sensor).ended = true; }
  void connected(model::SensorNumber sensor) { at(sensor).ended = false; }

  // Whether more than one tap was ever heard of: alone none can place anything.
  [[nodiscard]] bool many_taps() const { return heard_ > 1; }

  // Every tap on this path that saw the ending or was watching its service at the time.
  [[nodiscard]] std::vector<TapView> taps(const model::Event& event, const std::vector<model::Sighting>& sightings,
                                          const model::Names& names) const;

 private:
  struct PathKey {
    model::Ip client;
    model::Ip server;
    bool operator==(const PathKey&) const = default;
  };
  struct Tap {
    model::SensorNumber sensor = 0;
    uint64_t seen = 0;
    double client_ns = 0;  // smoothed
    double server_ns = 0;
  };
  struct Span {
    uint64_t from_ns = 0;
    uint64_t to_ns = 0;
  };
  struct Sensor {
    std::string name;
    bool heard = false;  // of an ending
    bool ended = false;
  };
  struct WatchedKey {
    model::Endpoint server;
    model::SensorNumber sensor = 0;
    bool operator==(const WatchedKey&) const = default;
  };
  // Few taps on each. No tap: free.
  struct Path {
    PathKey key;
    uint64_t used = 0;
    absl::InlinedVector<Tap, 2> taps;
  };
  using Set = std::array<Path, 4>;

  Sensor& at(model::SensorNumber sensor);
  [[nodiscard]] const Path* find(const PathKey& key) const;
  static PathKey key_of(const model::Endpoint& client, const model::Endpoint& server);

  struct PathHash {
    size_t operator()(const PathKey& key) const;
    size_t operator()(const WatchedKey& key) const;
  };
  std::vector<Set> sets_ = std::vector<Set>(kMaxPaths / std::tuple_size_v<Set>);
  uint64_t clock_ = 0;
  std::unordered_map<WatchedKey, Span, PathHash> watched_;
  std::vector<Sensor> sensors_;  // by number
  size_t named_ = 0;             // of these, from the first on
  size_t heard_ = 0;
};

}  // namespace rs::correlate
