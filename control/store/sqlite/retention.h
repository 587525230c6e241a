// SPDX-License-Identifier: Apache-2.0
//
// Forgets the oldest, hour of packet time by hour, in steps small enough to stand between two commits. An hour goes
// when the last addition to it is older than the age allowed (so a capture of long ago, read today, stays as long
// as today's traffic), or, when the store is too large, in the order of those additions. The file does not shrink:
// freed pages are used again. Writer thread only.
#pragma once

#include <cstdint>

#include "control/store/sqlite/column_store.h"
#include "control/store/sqlite/database.h"

namespace rs::store::sqlite {

class Retention {
 public:
  struct Limits {
    uint64_t age_ns = 0;  // 0: no limit
    uint64_t bytes = 0;   // 0: no limit
  };
  static constexpr int kRowsPerStep = 5000;  // about 20 ms of work

  Result<void> prepare(Connection& db, Limits limits, ColumnWriter& columns);
  // One transaction's worth of work; true when there is more to do.
  Result<bool> step(uint64_t now_ns);

 private:
  // `whole`: the hour is gone.
  Result<void> forget_some(uint64_t hour_s, bool& whole);

  Connection* db_ = nullptr;
  ColumnWriter* columns_ = nullptr;
  Limits limits_;
  Statement oldest_hour_, delete_events_, count_down_;
};

}  // namespace rs::store::sqlite
