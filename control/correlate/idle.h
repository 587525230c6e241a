// SPDX-License-Identifier: Apache-2.0
//
// Learns who limits silence to how long: a histogram of the silence before each ending, one a path (service, who ended
// it, how), and the sharp peaks in it. A timer ends connections at its own value again and again; everything else
// scatters. A device that forgets silently shows only by what is sent after it: then every silence is longer than the
// timeout, and the shortest one is what is known.
//
// Memory is bounded: kMaxPaths paths of at most kMaxBins bins; what finds no room is counted. The order in which
// endings come does not matter. Not safe for several threads.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control/correlate/idle_defaults.h"
#include "control/model/ended.h"

namespace rs::correlate {

struct IdlePath {
  model::Endpoint server;
  Origin by = Origin::kUnknown;  // who ends them
  bool at_most = false;          // drawn by a packet after the silence, not by the timer itself
  auto operator<=>(const IdlePath&) const = default;
};

struct LearnedTimeout {
  IdlePath path;
  double seconds = 0;  // mean of the peak; at_most: the shortest silence
  double spread = 0;   // seconds, of the peak: from least to greatest
  uint64_t samples = 0;
  uint64_t all = 0;  // idle endings of this path
  Ending ending = Ending::kUnknown;
  uint64_t first_ns = 0;  // newest and oldest ending of the path
  uint64_t last_ns = 0;
  model::Ip client_network{};  // of the first sample
  bool many_networks = false;
  DefaultMatches defaults;
  uint64_t keepalive_s = 0;  // to set, so that the timeout never comes
};

// The greatest round number of seconds that is at most half the timeout: a lost probe does no harm. At least 1.
uint64_t keepalive_below(double seconds);

class IdleLearner {
 public:
  static constexpr size_t kMaxPaths = 8192;
  static constexpr size_t kMaxBins = 128;
  // Fewer endings at one value are no peak (our choice: 10 samples must do, half of them may be noise).
  static constexpr uint64_t kLeastSamples = 5;
  // A peak has so many times its neighbours (of the same relative width): our choice.
  static constexpr double kSharpness = 5;

  // True when the ending was a sample.
  bool add(const model::Ended& ended);

  // Peaks of all paths, or of one service; most samples first.
  [[nodiscard]] std::vector<LearnedTimeout> learned() const;
  [[nodiscard]] std::vector<LearnedTimeout> learned(const model::Endpoint& server) const;

  // Paths changed since the last call, packed; and back.
  struct Packed {
    std::string key;
    std::string value;
    uint64_t time_ns = 0;
  };
  std::vector<Packed> changed();
  void restore(std::string_view key, std::string_view value);

  [[nodiscard]] uint64_t overflow() const { return overflow_; }
  [[nodiscard]] size_t paths() const { return paths_.size(); }

 private:
  // Of silences within one per cent.
  struct Bin {
    uint64_t count = 0;
    double sum = 0;
    double least = 0;
    double most = 0;
  };
  struct Path {
    std::map<uint16_t, Bin> bins;
    uint64_t all = 0;
    uint64_t counted_cursor = 0;  // newest ending counted: one read again is not counted twice
    uint64_t first_ns = UINT64_MAX;
    uint64_t last_ns = 0;
    std::array<uint64_t, kEndingCount> endings{};
    model::Ip client_network{};
    bool many_networks = false;
    bool changed = false;
  };

  Path* path_for(const IdlePath& key, uint64_t time_ns);
  static void peaks_of(const IdlePath& key, const Path& path, std::vector<LearnedTimeout>& out);

  std::map<IdlePath, Path> paths_;
  uint64_t overflow_ = 0;
};

}  // namespace rs::correlate
