// SPDX-License-Identifier: Apache-2.0
//
// Which batches of a sensor's run have arrived: the newest sequence number and the gaps below it. A number inside
// a gap is new when it comes late; every other number up to the newest is a duplicate. Writer thread only; the
// tables are written in the transaction of the batch, and forget() is called when that is rolled back.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "control/store/sqlite/database.h"

namespace rs::store::sqlite {

class Sequences {
 public:
  // Gaps of one run that are remembered as still to be filled; older ones stay counted as missing for good.
  static constexpr size_t kMaxGaps = 256;

  struct Verdict {
    int code = SQLITE_OK;
    bool duplicate = false;
    uint64_t opened = 0;  // batches found missing by this one
    bool filled = false;  // this one was missing until now
  };

  Result<void> prepare(Connection& db);
  // Records the arrival unless it is a duplicate.
  Verdict arrive(int64_t sensor_id, uint64_t boot, uint64_t sequence, uint64_t now_ns);
  void forget() { boots_.clear(); }

 private:
  struct Boot {
    uint64_t newest = 0;
    std::map<uint64_t, uint64_t> gaps;  // first -> last
  };
  int load(int64_t sensor_id, uint64_t boot, Boot& into);
  int save_gap(int64_t sensor_id, uint64_t boot, uint64_t first, uint64_t last);
  int drop_gap(int64_t sensor_id, uint64_t boot, uint64_t first);

  std::map<std::pair<int64_t, uint64_t>, Boot> boots_;  // a cache of the tables
  Statement read_boot_, read_gaps_, save_boot_, save_gap_, drop_gap_;
};

}  // namespace rs::store::sqlite
