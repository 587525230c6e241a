// SPDX-License-Identifier: Apache-2.0
//
// Tells whether an ending was already reported by another sensor: the same two ends in either role, the same kind of
// ending, at the same time once the difference of the two clocks is taken out. That difference is measured from the
// endings that both saw; until it is known, a connection of the same length to within 20 ms is the same even with
// clocks two minutes apart. Folded endings of one service and client network are set off against each other by count.
//
// Memory is bounded: the newest kMaxRecent endings. What comes later than that is an event of its own. The store's
// writer thread only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "control/model/sighting.h"

namespace rs::correlate {

class Merger final : public model::SightingJudge {
 public:
  static constexpr size_t kMaxRecent = 65'536;
  static constexpr uint64_t kNearNs = 1'000'000'000;          // clocks that NTP keeps, and the way between two taps
  static constexpr uint64_t kNearKnownNs = 250'000'000;       // the same once their difference is measured
  static constexpr uint64_t kFarNs = 120ull * 1'000'000'000;  // clocks farther apart are no clocks
  static constexpr uint64_t kSameLengthNs = 20'000'000;       // two taps of one path: half a round trip between them
  static constexpr uint32_t kSkewSamples = 3;                 // before a measured difference is believed

  std::optional<model::Sighting> judge(const model::Event& event, const std::string& sensor) override;

  // Clock of `sensor` minus that of `other`, once measured.
  [[nodiscard]] std::optional<int64_t> skew_ns(const std::string& sensor, const std::string& other) const;
  [[nodiscard]] size_t recent() const { return used_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kHeads = 2 * kMaxRecent;

  struct Key {
    std::array<uint64_t, 5> words{};
    bool operator==(const Key& other) const {
      uint64_t differ = 0;
      for (size_t i = 0; i < words.size(); ++i) differ |= words[i] ^ other.words[i];
      return differ == 0;
    }
    [[nodiscard]] size_t hash() const;
  };
  struct Seen {  // by another sensor
    uint16_t sensor = 0;
    uint64_t id = 0;
    uint64_t count = 0;
    uint64_t total = 0;
    int64_t skew_ns = 0;
  };
  struct Recent {
    Key key;
    uint32_t next = kNone;  // of the same hash
    bool used = false;
    uint64_t id = 0;
    uint64_t time_ns = 0;
    uint64_t length_ns = 0;
    uint64_t count = 1;
    uint16_t sensor = 0;
    Ending ending = Ending::kUnknown;
    std::vector<Seen> seen;
  };
  struct Skew {
    uint32_t samples = 0;
    int64_t ns = 0;
  };

  static Key key_of(const model::Event& event, bool folded);
  uint16_t number_of(const std::string& sensor);
  [[nodiscard]] int64_t skew_between(uint16_t sensor, uint16_t other, bool& known) const;
  void learn_skew(uint16_t sensor, uint16_t other, int64_t ns);
  void remember(const Key& key, const model::Event& event, uint16_t sensor);

  // A ring, oldest overwritten, and chains through it by hash: nothing is allocated from event to event.
  std::vector<Recent> ring_ = std::vector<Recent>(kMaxRecent);
  std::vector<uint32_t> heads_ = std::vector<uint32_t>(kHeads, kNone);
  size_t next_ = 0;  // to be overwritten
  size_t used_ = 0;
  std::map<std::string, uint16_t> sensors_;
  std::map<std::pair<uint16_t, uint16_t>, Skew> skews_;
};

}  // namespace rs::correlate
