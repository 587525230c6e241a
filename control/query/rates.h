// SPDX-License-Identifier: Apache-2.0
//
// Denominators: connections attempted behind a group of endings.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/query/dimensions.h"
#include "control/query/request.h"
#include "control/store/store.h"

namespace rs::query {

// Sensors count connections by server endpoint and time only. So of a group's dimensions time, service, server
// address, network, port, site and sensor choose its denominator; by all others (cause, stage, client ...) endings
// are told apart above one common denominator. The filter's parts about the server choose the denominators, its parts
// about the ending only what is counted above them; parts about clients are refused.
class Denominators {
 public:
  // `step_ns`: of a time axis, a multiple of 10 s.
  static Result<Denominators> read(const Parts& parts, std::vector<Axis> axes, const model::Filter& filter,
                                   const store::TimeRange& range, uint64_t step_ns, const store::Patience& patience,
                                   const model::Names& names);

  // Connections behind the group with these keys; empty when nobody counted any.
  [[nodiscard]] std::optional<double> of(const std::array<store::Key, 2>& keys) const;
  [[nodiscard]] double total() const { return total_; }
  // A sentence when a dimension does not split the denominator as people may expect, else empty.
  [[nodiscard]] std::string caveat() const;

 private:
  [[nodiscard]] std::array<store::Key, 2> known_part(const std::array<store::Key, 2>& keys) const;

  std::vector<Axis> axes_;
  std::map<std::array<store::Key, 2>, double> attempted_;
  double total_ = 0;
};

// The services' sums, in which a connection that several sensors saw counts once.
Result<std::vector<store::ServiceTotals>> service_totals(const Parts& parts, store::ServiceQuery query,
                                                         const store::Patience& patience);

}  // namespace rs::query
