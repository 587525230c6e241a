// SPDX-License-Identifier: Apache-2.0
//
// From an event's id, server address or client address to its row. An index of SQLite's own would touch a page of its
// tree for every random key, and there are three; here the events of one segment (65,536 cursors, order of arrival) are
// sorted in memory and written in one go when the segment is full: a row a slot of their hash, each behind the last, so
// that keeping it costs a tenth of a row's insert. What is asked of many segments at once stands in blocks of them
// (lookup_block.h). The keys of the newest segments stay in memory, read again at start.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "control/model/event.h"
#include "control/store/sqlite/database.h"
#include "control/store/sqlite/lookup_block.h"
#include "control/store/sqlite/lookup_key.h"
#include "control/store/sqlite/reader.h"
#include "control/store/store.h"

namespace rs::store::sqlite {

inline constexpr uint64_t kSegmentEvents = 65'536;

struct LookupEntry {
  uint64_t cursor = 0;
  uint64_t time_ns = 0;
  LookupKey keys[3];
};

// The keys of the newest events: of every one in no finished segment, and of the segment finished last, since readers
// may not see it yet. Any thread.
class LookupTail {
 public:
  void replace(std::vector<LookupEntry> entries, uint64_t from);
  void append(const LookupEntry* first, size_t count);
  void forget_before(uint64_t cursor);
  // Cursors from `from` on that may fit one of the terms, ascending; none when that is too long ago.
  [[nodiscard]] std::optional<std::vector<uint64_t>> candidates(uint64_t from, const LookupTerms& terms) const;

 private:
  mutable std::mutex mutex_;
  std::vector<LookupEntry> entries_;
  uint64_t from_ = 0;
};

// Which sensor reported an event, of the newest kSegmentEvents at least. Open addressing: two tables that take turns.
class RecentSensors {
 public:
  void add(uint64_t id, int64_t sensor);
  [[nodiscard]] int64_t find(uint64_t id) const;  // 0: not there
  void clear();

 private:
  static constexpr size_t kPlaces = 2 * kSegmentEvents;
  struct Place {
    uint64_t id = 0;
    int64_t sensor = 0;  // 0: free
  };
  using Table = std::vector<Place>;
  static size_t place_of(const Table& table, uint64_t id);

  Table newest_ = Table(kPlaces), before_ = Table(kPlaces);
  size_t used_ = 0;
};

// The writer's thread.
class LookupWriter {
 public:
  // Takes up what is stored and not in a finished segment; finishes segments that lack theirs. Without `tail` nothing
  // is kept, all is searched row by row.
  Result<void> prepare(Connection& db, LookupTail* tail);

  // In the order of cursors, after the event's insert.
  void add(const model::Event& event, int64_t sensor);
  // Within the transaction: writes the segments that are full. SQLITE_OK or an error code: then roll back.
  int flush();
  // After a rollback: as the database has it.
  Result<void> roll_back() { return prepare(*db_, tail_); }

  // The sensor of an event among the newest kSegmentEvents at least; 0: not there.
  [[nodiscard]] int64_t sensor_of(uint64_t id) const { return sensors_.find(id); }

 private:
  Result<void> take_up(uint64_t from, uint64_t until);
  int write_segment(uint64_t number, size_t entries);

  Connection* db_ = nullptr;
  Statement insert_slot_, insert_segment_;
  BlockWriter blocks_;
  LookupTail* tail_ = nullptr;
  std::vector<LookupEntry> entries_;  // not in a finished segment
  size_t shown_ = 0;                  // of these, in the tail
  RecentSensors sensors_;
};

// A reader's view of it.
class Lookup {
 public:
  struct Segment {
    uint64_t number = 0;
    uint64_t first_ns = 0;
    uint64_t last_ns = 0;
  };
  static Result<Lookup> open(Lease& db);

  // Finished segments with events in the range, that with the newest event first.
  Result<std::vector<Segment>> segments(const TimeRange& range);
  // Cursors in this segment that may fit one of the terms, ascending. Cheapest for the same terms again and again, and
  // segment by segment in order.
  Result<std::vector<uint64_t>> candidates(const Segment& segment, const LookupTerms& terms);
  // Whether there is any: else the events are read along.
  [[nodiscard]] bool kept() const { return tail_ > 0 || db_->lookup_tail() != nullptr; }
  // Events from this cursor on are in no finished segment.
  [[nodiscard]] uint64_t tail() const { return tail_; }
  // Of these, those that may fit one of the terms; none: they have to be searched one by one.
  [[nodiscard]] std::optional<std::vector<uint64_t>> tail_candidates(const LookupTerms& terms) const;

 private:
  Lookup(Lease& db, BlockReader blocks) : db_(&db), blocks_(std::move(blocks)) {}
  // Appends the segment's cursors of one key.
  Result<void> read_slot(uint64_t segment, const LookupKey& key, std::vector<uint64_t>& out);

  Lease* db_;
  Statement slot_;
  BlockReader blocks_;
  uint64_t tail_ = 0;
};

}  // namespace rs::store::sqlite
