// SPDX-License-Identifier: Apache-2.0
//
// Which table answers which part of a time range: events | 10 s | 1 min | 1 h | 1 min | 10 s | events, the middle from
// the coarsest that fits. Pure, any thread.
#pragma once

#include <vector>

#include "control/store/sqlite/schema.h"
#include "control/store/store.h"

namespace rs::store::sqlite {

struct Piece {
  uint64_t since_ns = 0;
  uint64_t until_ns = 0;
  const Tier* tier = nullptr;  // nullptr: the events themselves
};

// `step_ns`: buckets that no row may straddle; 0: none. Without `rollups` all comes from the events.
std::vector<Piece> pieces_of(const TimeRange& range, bool rollups, uint64_t step_ns);

}  // namespace rs::store::sqlite
