// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/lookup.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace rs::store::sqlite {
void LookupTail::replace(std::vector<LookupEntry> entries, uint64_t from) {
  const std::lock_guard lock(mutex_);
  entries_ = std::move(entries);
  from_ = from;
}

void LookupTail::append(const LookupEntry* first, size_t count) {
  const std::lock_guard lock(mutex_);
  entries_.insert(entries_.end(), first, first + count);
}

void LookupTail::forget_before(uint64_t cursor) {
  const std::lock_guard lock(mutex_);
  const auto kept =
      std::ranges::partition_point(entries_, [cursor](const LookupEntry& e) { return e.cursor < cursor; });
  entries_.erase(entries_.begin(), kept);
  from_ = std::max(from_, cursor);
}

std::optional<std::vector<uint64_t>> LookupTail::candidates(uint64_t from, const LookupTerms& terms) const {
  const std::lock_guard lock(mutex_);
  if (from < from_) return std::nullopt;
  std::vector<uint64_t> out;
  for (const LookupEntry& entry : entries_) {
    if (entry.cursor < from) continue;
    const auto has = [&entry](const LookupKey& key) {
      return std::ranges::find(entry.keys, key) != std::end(entry.keys);
    };
    const auto fits = [&](const LookupTerm& term) { return has(term.key) && (!term.also || has(*term.also)); };
    if (std::ranges::any_of(terms, fits)) out.push_back(entry.cursor);
  }
  return out;
}

size_t RecentSensors::place_of(const Table& table, uint64_t id) {
  size_t at = id * 0x9e3779b97f4a7c15ull >> 32 & (kPlaces - 1);  // 2^64 / golden ratio
  while (table[at].sensor != 0 && table[at].id != id) at = (at + 1) & (kPlaces - 1);
  return at;
}

void RecentSensors::add(uint64_t id, int64_t sensor) {
  if (used_ >= kSegmentEvents) {
    before_.swap(newest_);
    std::ranges::fill(newest_, Place{});
    used_ = 0;
  }
  Place& place = newest_[place_of(newest_, id)];
  used_ += place.sensor == 0 ? 1 : 0;
  place = {id, sensor};
}

int64_t RecentSensors::find(uint64_t id) const {
  const int64_t sensor = newest_[place_of(newest_, id)].sensor;
  return sensor != 0 ? sensor : before_[place_of(before_, id)].sensor;
}

void RecentSensors::clear() {
  for (Table* table : {&newest_, &before_}) std::ranges::fill(*table, Place{});
  used_ = 0;
}

Result<void> LookupWriter::prepare(Connection& db, LookupTail* tail) {
  db_ = &db;
  tail_ = tail;
  auto slot = db.prepare("INSERT OR REPLACE INTO lookup VALUES(?, ?, ?)");
  if (!slot) return slot.error();
  insert_slot_ = std::move(*slot);
  auto segment = db.prepare("INSERT OR REPLACE INTO segment VALUES(?, ?, ?)");
  if (!segment) return segment.error();
  insert_segment_ = std::move(*segment);
  if (auto ready = blocks_.prepare(db); !ready) return ready;

  entries_.clear();
  sensors_.clear();
  const auto finished = db.scalar("SELECT coalesce(max(number) + 1, 0) FROM segment");
  if (!finished) return finished.error();
  const auto oldest = db.scalar("SELECT coalesce(min(cursor), 0) FROM event");
  if (!oldest) return oldest.error();
  const auto newest = db.scalar("SELECT coalesce(max(cursor), 0) FROM event");
  if (!newest) return newest.error();
  const auto end = static_cast<uint64_t>(*newest) + 1;
  const uint64_t unfinished =
      std::max(static_cast<uint64_t>(*finished), static_cast<uint64_t>(*oldest) / kSegmentEvents) * kSegmentEvents;
  // One that was full before it had a lookup (an older program's): one transaction each.
  for (uint64_t from = unfinished; tail_ != nullptr && from < end; from += kSegmentEvents) {
    if (auto taken = take_up(from, std::min(end, from + kSegmentEvents)); !taken) return taken;
    if (end - from <= kSegmentEvents) break;
    if (auto begun = db.execute("SAVEPOINT lookup"); !begun) return begun;
    if (write_segment(from / kSegmentEvents, entries_.size()) != SQLITE_OK)
      return error_of(db.handle(), "cannot index the stored events");
    if (auto released = db.execute("RELEASE lookup"); !released) return released;
    entries_.clear();
  }
  shown_ = entries_.size();
  if (tail_ != nullptr)
    tail_->replace(entries_, entries_.empty() ? end : entries_.front().cursor / kSegmentEvents * kSegmentEvents);
  // The newest of the finished ones, too, are asked for by id.
  auto row = db.prepare("SELECT id, sensor FROM event WHERE cursor >= ? AND cursor < ?", false);
  if (!row) return row.error();
  row->bind(1, unfinished > kSegmentEvents ? unfinished - kSegmentEvents : 0);
  row->bind(2, end);
  int code = SQLITE_OK;
  while ((code = row->step()) == SQLITE_ROW) sensors_.add(row->bits(0), row->integer(1));
  if (code != SQLITE_DONE) return error_of(db.handle(), "cannot read the stored events");
  return {};
}

Result<void> LookupWriter::take_up(uint64_t from, uint64_t until) {
  auto row = db_->prepare(
      "SELECT cursor, time_ns, id, server_ip, client_ip FROM event WHERE cursor >= ? AND cursor < ?", false);
  if (!row) return row.error();
  row->bind(1, from);
  row->bind(2, until);
  int code = SQLITE_OK;
  while ((code = row->step()) == SQLITE_ROW)
    entries_.push_back(
        {row->natural(0), row->natural(1), {id_key(row->bits(2)), server_key(row->ip(3)), client_key(row->ip(4))}});
  if (code != SQLITE_DONE) return error_of(db_->handle(), "cannot read the stored events");
  return {};
}

void LookupWriter::add(const model::Event& e, int64_t sensor) {
  if (tail_ != nullptr)
    entries_.push_back({e.cursor, e.time_ns, {id_key(e.id), server_key(e.server.ip), client_key(e.client.ip)}});
  sensors_.add(e.id, sensor);
}

int LookupWriter::write_segment(uint64_t number, size_t count) {
  const auto end = entries_.begin() + static_cast<ptrdiff_t>(count);
  std::vector<LookupRow> slots(kSlots, LookupRow(number * kSegmentEvents));
  uint64_t first_ns = UINT64_MAX, last_ns = 0;
  for (auto entry = entries_.begin(); entry != end; ++entry) {
    first_ns = std::min(first_ns, entry->time_ns);
    last_ns = std::max(last_ns, entry->time_ns);
    for (const LookupKey& one : entry->keys) slots[one.slot].add(entry->cursor, one.mark);
  }
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    if (slots[slot].bytes().empty()) continue;
    insert_slot_.bind(1, number);
    insert_slot_.bind(2, static_cast<int64_t>(slot));
    insert_slot_.bind_blob(3, slots[slot].bytes());
    if (const int code = insert_slot_.run(); code != SQLITE_OK) return code;
  }
  insert_segment_.bind(1, number);
  insert_segment_.bind(2, first_ns);
  insert_segment_.bind(3, last_ns);
  if (const int code = insert_segment_.run(); code != SQLITE_OK) return code;
  return blocks_.grow(number + 1);
}

int LookupWriter::flush() {
  // Before the commit: what is not committed is no harm, what were missing would be.
  if (tail_ != nullptr) tail_->append(entries_.data() + shown_, entries_.size() - shown_);
  shown_ = entries_.size();
  while (!entries_.empty()) {
    const uint64_t number = entries_.front().cursor / kSegmentEvents;
    if (entries_.back().cursor / kSegmentEvents == number) break;
    const auto beyond = std::ranges::partition_point(
        entries_, [number](const LookupEntry& entry) { return entry.cursor / kSegmentEvents == number; });
    const auto count = static_cast<size_t>(beyond - entries_.begin());
    if (const int code = write_segment(number, count); code != SQLITE_OK) return code;
    entries_.erase(entries_.begin(), beyond);
    shown_ = entries_.size();
    tail_->forget_before(number * kSegmentEvents);
  }
  return SQLITE_OK;
}

Result<Lookup> Lookup::open(Lease& db) {
  auto blocks = BlockReader::open(db);
  if (!blocks) return blocks.error();
  Lookup out(db, std::move(*blocks));
  const auto tail = db->scalar("SELECT coalesce(max(number) + 1, 0) FROM segment");
  if (!tail) return tail.error();
  out.tail_ = static_cast<uint64_t>(*tail) * kSegmentEvents;
  auto slot = db->prepare("SELECT cursors FROM lookup WHERE segment = ? AND slot = ?", false);
  if (!slot) return slot.error();
  out.slot_ = std::move(*slot);
  return out;
}

std::optional<std::vector<uint64_t>> Lookup::tail_candidates(const LookupTerms& terms) const {
  const LookupTail* tail = db_->lookup_tail();
  return tail == nullptr ? std::nullopt : tail->candidates(tail_, terms);
}

Result<std::vector<Lookup::Segment>> Lookup::segments(const TimeRange& range) {
  auto row = (*db_)->prepare(
      "SELECT number, first_ns, last_ns FROM segment WHERE last_ns >= ? AND first_ns < ? ORDER BY last_ns DESC", false);
  if (!row) return row.error();
  row->bind(1, range.since_ns);
  row->bind(2, range.until_ns);
  std::vector<Segment> out;
  int code = SQLITE_OK;
  while ((code = row->step()) == SQLITE_ROW) out.push_back({row->natural(0), row->natural(1), row->natural(2)});
  if (code != SQLITE_DONE) return db_->error("lookup");
  return out;
}

Result<void> Lookup::read_slot(uint64_t segment, const LookupKey& key, std::vector<uint64_t>& out) {
  const Reading done(slot_);
  slot_.bind(1, segment);
  slot_.bind(2, static_cast<int64_t>(key.slot));
  const int code = slot_.step();
  if (code == SQLITE_DONE) return {};
  if (code != SQLITE_ROW) return db_->error("lookup");
  const bool sound = LookupRow::read(slot_.blob(0), segment * kSegmentEvents, [&](uint64_t cursor, uint16_t mark) {
    if (mark == key.mark) out.push_back(cursor);
  });
  if (!sound) return damaged_lookup();
  return {};
}

Result<std::vector<uint64_t>> Lookup::candidates(const Segment& segment, const LookupTerms& terms) {
  constexpr size_t kWorthARow = 4;  // so many events' rows cost more to read than a row of the lookup
  std::vector<uint64_t> out, one, other;
  for (const LookupTerm& term : terms) {
    one.clear();
    const auto in_block = blocks_.read(segment.number, term, one);
    if (!in_block) return in_block.error();
    if (!*in_block)
      if (auto read = read_slot(segment.number, term.key, one); !read) return read.error();
    if (term.also && one.size() > kWorthARow) {
      other.clear();
      if (auto read = read_slot(segment.number, *term.also, other); !read) return read.error();
      std::ranges::set_intersection(one, other, std::back_inserter(out));
    } else {
      out.insert(out.end(), one.begin(), one.end());
    }
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace rs::store::sqlite
