// SPDX-License-Identifier: Apache-2.0
//
// What one row of a rollup holds: the endings of one service in one bucket of time, one entry a way of ending, packed.
// One row a service in place of one a way keeps rows few: they are what writing and reading cost. Pure, any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/model/event.h"
#include "control/store/sqlite/event_row.h"

namespace rs::store::sqlite {

struct Way {
  int64_t sensor = 0;
  Cause cause = Cause::kUnknown;
  Origin origin = Origin::kUnknown;
  Stage stage = Stage::kUnknown;
  Ending ending = Ending::kUnknown;
  Severity severity = Severity::kUnknown;
  auto operator<=>(const Way&) const = default;
};

// What all events of a way have in common, as an event, for filters.
void describe(const Way& way, const SensorNames& names, model::Event& event);

struct Sum {
  Way way;
  uint64_t endings = 0;
  uint64_t lost_bytes = 0;
  uint64_t last_ns = 0;
};

// Entries are in the order of their ways. `at_s`: the bucket's start.
void encode_sums(const std::vector<Sum>& sums, uint64_t at_s, std::string& out);
// False when the bytes are damaged. Replaces what `out` holds.
bool decode_sums(std::string_view bytes, uint64_t at_s, std::vector<Sum>& out);
// Adds one entry into another, which may be empty.
void add_sum(const Sum& one, Sum& into);
// Adds `more` into `into`; both in order, and so is the result.
void merge_sums(const std::vector<Sum>& more, std::vector<Sum>& into);

}  // namespace rs::store::sqlite
