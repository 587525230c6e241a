// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/lookup_block.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "control/store/sqlite/lookup.h"

namespace rs::store::sqlite {
namespace {

// Each of the segments' slots becomes sixteen of a block, by the first four bits of the mark.
constexpr unsigned kSplitBits = 4;
constexpr uint64_t kSplit = 1 << kSplitBits;
constexpr unsigned kMarkBits = 16;
static_assert(kSlots * kSplit <= kBlockIds);

// A longer row is not read for the few events of it in one segment: that segment's own has enough of them.
constexpr size_t kLongBytes = 65'536;
constexpr size_t kPageBytes = 8192;

uint64_t row_id(uint64_t block, uint64_t slot, uint64_t part) { return block * kBlockIds + slot * kSplit + part; }
uint64_t row_id(uint64_t block, const LookupKey& key) {
  return row_id(block, key.slot, key.mark >> (kMarkBits - kSplitBits));
}
uint64_t first_cursor(uint64_t block) { return block * kBlockSegments * kSegmentEvents; }

}  // namespace

Error damaged_lookup() { return {Code::kCorrupt, "a row of the lookup is damaged"}; }

Result<void> BlockWriter::prepare(Connection& db) {
  auto select =
      db.prepare("SELECT slot, cursors FROM lookup WHERE segment = ? AND slot >= ? AND slot < ? ORDER BY slot");
  if (!select) return select.error();
  select_ = std::move(*select);
  auto insert = db.prepare("INSERT OR REPLACE INTO lookup_block VALUES(?, ?)");
  if (!insert) return insert.error();
  insert_ = std::move(*insert);
  // Every row of a portion is written, empty ones too: the last one tells how far it is.
  const auto next = db.scalar("SELECT coalesce(max(id) + 1, 0) FROM lookup_block");
  if (!next) return next.error();
  const auto oldest = db.scalar("SELECT coalesce(min(number), 0) FROM segment");
  if (!oldest) return oldest.error();
  const auto id = static_cast<uint64_t>(*next);
  const uint64_t oldest_block = static_cast<uint64_t>(*oldest) / kBlockSegments;
  block_ = id / kBlockIds;
  slot_ = id % kBlockIds / kSplit;
  if (slot_ == kSlots) {
    ++block_;
    slot_ = 0;
  }
  if (block_ < oldest_block) {  // retention was faster
    block_ = oldest_block;
    slot_ = 0;
  }
  return {};
}

int BlockWriter::grow(uint64_t finished) {
  // A whole block in a quarter of the time another one takes to fill, more where more wait.
  constexpr uint64_t kPace = 4;
  const uint64_t whole = finished / kBlockSegments;
  if (whole <= block_) return SQLITE_OK;
  const uint64_t portion = std::min<uint64_t>(kSlots / kBlockSegments * kPace * (whole - block_), kSlots - slot_);
  if (const int code = write_slots(slot_, portion); code != SQLITE_OK) return code;
  slot_ += portion;
  if (slot_ == kSlots) {
    ++block_;
    slot_ = 0;
  }
  return SQLITE_OK;
}

int BlockWriter::write_slots(uint64_t first, uint64_t count) {
  std::vector<LookupRow> rows(count * kSplit, LookupRow(first_cursor(block_)));
  for (uint64_t segment = block_ * kBlockSegments; segment != (block_ + 1) * kBlockSegments; ++segment) {
    const Reading done(select_);
    select_.bind(1, segment);
    select_.bind(2, first);
    select_.bind(3, first + count);
    int code = SQLITE_OK;
    while ((code = select_.step()) == SQLITE_ROW) {
      const uint64_t slot = select_.natural(0) - first;
      if (slot >= count) return SQLITE_CORRUPT;
      const auto take = [&](uint64_t cursor, uint16_t mark) {
        rows[slot * kSplit + (mark >> (kMarkBits - kSplitBits))].add(cursor, mark);
      };
      if (!LookupRow::read(select_.blob(1), segment * kSegmentEvents, take)) return SQLITE_CORRUPT;
    }
    if (code != SQLITE_DONE) return code;
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    insert_.bind(1, row_id(block_, first, 0) + i);
    insert_.bind_blob(2, rows[i].bytes());
    if (const int code = insert_.run(); code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

Result<BlockReader> BlockReader::open(Lease& db) {
  BlockReader out(db);
  // The length alone does not read the row's further pages.
  auto length = db->prepare("SELECT length(cursors) FROM lookup_block WHERE id = ?", false);
  if (!length) return length.error();
  out.length_ = std::move(*length);
  auto row = db->prepare("SELECT cursors FROM lookup_block WHERE id = ?", false);
  if (!row) return row.error();
  out.row_ = std::move(*row);
  return out;
}

Result<std::optional<size_t>> BlockReader::length(const LookupKey& key) {
  const Reading done(length_);
  length_.bind(1, row_id(block_, key));
  const int code = length_.step();
  if (code == SQLITE_DONE) return std::optional<size_t>{};
  if (code != SQLITE_ROW) return db_->error("lookup");
  return std::optional(static_cast<size_t>(length_.natural(0)));
}

Result<void> BlockReader::read_row(const LookupKey& key, std::vector<uint64_t>& out) {
  const Reading done(row_);
  row_.bind(1, row_id(block_, key));
  const int code = row_.step();
  if (code == SQLITE_DONE) return {};
  if (code != SQLITE_ROW) return db_->error("lookup");
  const bool sound = LookupRow::read(row_.blob(0), first_cursor(block_), [&](uint64_t cursor, uint16_t mark) {
    if (mark == key.mark) out.push_back(cursor);
  });
  if (!sound) return damaged_lookup();
  return {};
}

Result<BlockReader::Found> BlockReader::find(const LookupTerm& term) {
  Found found{term, false, {}};
  const auto bytes = length(term.key);
  if (!bytes) return bytes.error();
  if (!*bytes || **bytes > kLongBytes) return found;
  found.kept = true;
  if (auto read = read_row(term.key, found.cursors); !read) return read.error();
  if (!term.also || found.cursors.empty()) return found;
  // The other key's row, where that is less to read than the rows of the events it may rule out.
  const auto more = length(*term.also);
  if (!more) return more.error();
  if (!*more || 1 + **more / kPageBytes >= found.cursors.size()) return found;
  std::vector<uint64_t> other;
  if (auto read = read_row(*term.also, other); !read) return read.error();
  std::vector<uint64_t> both;
  std::ranges::set_intersection(found.cursors, other, std::back_inserter(both));
  found.cursors = std::move(both);
  return found;
}

Result<bool> BlockReader::read(uint64_t segment, const LookupTerm& term, std::vector<uint64_t>& out) {
  if (segment / kBlockSegments != block_) {
    block_ = segment / kBlockSegments;
    found_.clear();
  }
  auto known = std::ranges::find(found_, term, &Found::term);
  if (known == found_.end()) {
    auto found = find(term);
    if (!found) return found.error();
    known = found_.insert(found_.end(), std::move(*found));
  }
  if (!known->kept) return false;
  const auto from = std::ranges::lower_bound(known->cursors, segment * kSegmentEvents);
  const auto until = std::ranges::lower_bound(known->cursors, (segment + 1) * kSegmentEvents);
  out.insert(out.end(), from, until);
  return true;
}

}  // namespace rs::store::sqlite
