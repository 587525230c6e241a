// SPDX-License-Identifier: Apache-2.0
//
// Groups and their sums, folded in a hash table: what every way of answering an aggregate ends in. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/store/sqlite/reader.h"
#include "control/store/sqlite/sums.h"
#include "control/store/store.h"

namespace rs::store::sqlite {

struct PlainKey {
  std::array<model::Ip, 2> ips{};
  std::array<uint64_t, 2> numbers{};
  bool operator==(const PlainKey&) const = default;
};

struct PlainHash {
  size_t operator()(const PlainKey& key) const;
};

// What counts in one entry of a rollup, or in one event.
struct Part {
  Way way;
  uint64_t count = 0;
  uint64_t lost_bytes = 0;
  uint64_t last_ns = 0;
};
double value_of(Metric metric, const Part& part);

// The part of a key that lies in the way of ending; 0 for the other dimensions.
uint64_t way_number(Dimension d, const Way& way);
// The part of a key that a service has, or a bucket of time; untouched for the other dimensions.
void service_key(Dimension d, const model::Endpoint& server, uint64_t at_ns, uint64_t step_ns, model::Ip& ip,
                 uint64_t& number);

class Summing {
 public:
  explicit Summing(const AggregateQuery& query) : query_(query) {}

  Result<void> add(const PlainKey& key, const Part& part) {
    return add(key, part.way.cause, part.way.origin, value_of(query_.metric, part), part.last_ns);
  }
  // Several parts of one cause and origin at once.
  Result<void> add(const PlainKey& key, Cause cause, Origin origin, double value, uint64_t last_ns);
  [[nodiscard]] std::vector<Group> groups(const SensorNames& names) const;

 private:
  struct Total {
    double value = 0;
    uint64_t last_ns = 0;
    std::vector<std::pair<Cause, double>> causes;  // few a group
    std::vector<std::pair<Origin, double>> origins;
  };
  const AggregateQuery& query_;
  std::unordered_map<PlainKey, Total, PlainHash> sums_;
};

}  // namespace rs::store::sqlite
