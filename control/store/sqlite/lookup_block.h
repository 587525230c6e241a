// SPDX-License-Identifier: Apache-2.0
//
// The lookup of 64 neighbouring segments (lookup.h) in rows of their own, sixteen times as many and four times as long:
// what is asked of a hundred million events reads a row in 24 blocks instead of one in 1,526 segments. Made from the
// segments' rows, some slots' with each segment that is finished, so that no commit waits for a whole block. The
// segments' rows stay, for keys so common that a block's row would be long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "control/store/sqlite/database.h"
#include "control/store/sqlite/lookup_key.h"
#include "control/store/sqlite/reader.h"

namespace rs::store::sqlite {

inline constexpr uint64_t kBlockSegments = 64;
inline constexpr uint64_t kBlockIds = 16'384;  // row ids of a block

Error damaged_lookup();

// The writer's thread.
class BlockWriter {
 public:
  // Goes on where the database is; also after a rollback.
  Result<void> prepare(Connection& db);
  // Within the transaction that finished a segment: all below `finished` are. SQLITE_OK or an error code: then roll
  // back.
  int grow(uint64_t finished);

 private:
  int write_slots(uint64_t first, uint64_t count);

  Statement select_, insert_;
  uint64_t block_ = 0;
  uint64_t slot_ = 0;  // of the segments' slots: the next to be put together
};

// A reader's: the cursors of one block after the other.
class BlockReader {
 public:
  static Result<BlockReader> open(Lease& db);
  // Appends the cursors in this segment that may fit the term, ascending. False: not kept for this term, the segment's
  // own rows tell.
  Result<bool> read(uint64_t segment, const LookupTerm& term, std::vector<uint64_t>& out);

 private:
  // What a block holds of a term.
  struct Found {
    LookupTerm term;
    bool kept = false;
    std::vector<uint64_t> cursors;
  };
  explicit BlockReader(Lease& db) : db_(&db) {}
  // The row's length in bytes; none if the block has no such row yet.
  Result<std::optional<size_t>> length(const LookupKey& key);
  Result<void> read_row(const LookupKey& key, std::vector<uint64_t>& out);
  Result<Found> find(const LookupTerm& term);

  Lease* db_;
  Statement length_, row_;
  uint64_t block_ = UINT64_MAX;
  std::vector<Found> found_;  // in that block
};

}  // namespace rs::store::sqlite
