// SPDX-License-Identifier: Apache-2.0
//
// Buckets of time: widths people read easily, and ranges with an end. Any thread.
#pragma once

#include <vector>

#include "control/query/dimensions.h"
#include "control/query/request.h"
#include "control/store/store.h"

namespace rs::query {

// The narrowest of 10 s, 30 s, 1 min ... 7 d (then weeks) with which the range takes no more than `points` buckets.
uint64_t step_for(const store::TimeRange& range, uint64_t points);

// An open range ends where the stored endings do.
Result<store::TimeRange> closed(const Parts& parts, store::TimeRange range);

// An open range ends now.
store::TimeRange closed_now(store::TimeRange range);

// Whether a range can be compared with the same hours of other days: it has a start, and time is no
// dimension.
Result<void> comparable(bool asked, const v1::TimeRange& range, const std::vector<Axis>& axes);

// Whether any sensor watched any of it.
Result<bool> was_watched(const Parts& parts, const store::TimeRange& range, const store::Patience& patience);

// The same hours `days` days earlier; empty when there is no such time.
store::TimeRange days_before(const store::TimeRange& range, uint64_t days);

}  // namespace rs::query
