// SPDX-License-Identifier: Apache-2.0
//
// Keeps the columns (columns.h) of every finished segment (lookup.h), and the rows of the newest events in memory until
// theirs are written. Kept for files only, as the lookup is.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "control/store/sqlite/columns.h"
#include "control/store/sqlite/database.h"
#include "control/store/sqlite/reader.h"

namespace rs::store::sqlite {

// Of every event in no finished segment, and of the segment finished last, since readers may not see its columns yet.
// Any thread.
class ColumnTail {
 public:
  void replace(std::vector<ColumnRow> rows, uint64_t from);
  void append(const std::vector<ColumnRow>& rows);
  void forget_before(uint64_t cursor);
  void forget_between(uint64_t since_ns, uint64_t until_ns);
  // Calls with those of [from, until) in order of arrival; false when that begins too long ago.
  template <class Each>
  bool read(uint64_t from, uint64_t until, const Each& each) const {
    const std::lock_guard lock(mutex_);
    if (from < from_) return false;
    for (const ColumnRow& row : rows_)
      if (row.cursor >= from && row.cursor < until) each(row);
    return true;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<ColumnRow> rows_;
  uint64_t from_ = 0;
};

// The writer's thread.
class ColumnWriter {
 public:
  // After the lookup's: gives finished segments that an older program left without columns theirs, takes up the rest.
  // Without `tail` nothing is kept.
  Result<void> prepare(Connection& db, ColumnTail* tail);

  // In the order of cursors.
  void add(const model::Event& event, int64_t sensor) {
    if (tail_ != nullptr) fresh_.push_back(column_row(event, sensor));
  }
  // Within the transaction: writes the segments that are full. SQLITE_OK or an error code: then roll back.
  int flush();
  // After a rollback: as the database has it.
  Result<void> roll_back();
  // Within the transaction that deletes the events of this time; their memory follows once it is committed.
  int forget(uint64_t since_ns, uint64_t until_ns);
  void forgotten(uint64_t since_ns, uint64_t until_ns);

 private:
  Result<void> fill();
  Result<std::vector<ColumnRow>> read_rows(uint64_t from, uint64_t until);
  int write(uint64_t segment, std::span<const ColumnRow> rows);
  int forget_part(uint64_t segment, uint64_t since_ns, uint64_t until_ns);

  Connection* db_ = nullptr;
  ColumnTail* tail_ = nullptr;
  Statement insert_, delete_, parts_;
  std::vector<ColumnRow> fresh_;  // of this transaction
  std::vector<ColumnRow> open_;   // in no finished segment, in memory twice: the tail belongs to the readers, too
};

// A reader's: one segment's columns, decoded as they are asked for.
class ColumnReader {
 public:
  static Result<ColumnReader> open(Lease& db);
  // False: that segment has none left.
  Result<bool> read(uint64_t segment, std::span<const Column> wanted, Columns& into);

 private:
  explicit ColumnReader(Lease& db) : db_(&db) {}
  Lease* db_;
  Statement select_;
};

}  // namespace rs::store::sqlite
