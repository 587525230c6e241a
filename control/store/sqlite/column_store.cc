// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/column_store.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "control/store/sqlite/lookup.h"

namespace rs::store::sqlite {
namespace {

// Columns of one segment stand together.
uint64_t place_of(uint64_t segment, Column column) { return segment * kColumns + static_cast<uint64_t>(column); }

constexpr Column kAll[kColumns] = {Column::kTimes, Column::kServers, Column::kWays,   Column::kNetworks,
                                   Column::kHosts, Column::kIdle,    Column::kCounts, Column::kLost};

constexpr std::string_view kSelectRow =
    "SELECT cursor, time_ns, sensor, client_ip, server_ip, server_port, tag, cause, origin, stage, ending, severity,"
    " count, idle_ns, lost_bytes FROM event WHERE cursor >= ? AND cursor < ? ORDER BY cursor";

ColumnRow row_at(const Statement& row) {
  model::Event e;
  e.cursor = row.natural(0);
  e.time_ns = row.natural(1);
  e.client.ip = row.ip(3);
  e.server = {row.ip(4), static_cast<uint16_t>(row.integer(5))};
  e.network_tag = static_cast<uint32_t>(row.integer(6));
  e.cause = static_cast<Cause>(row.integer(7));
  e.origin = static_cast<Origin>(row.integer(8));
  e.stage = static_cast<Stage>(row.integer(9));
  e.ending = static_cast<Ending>(row.integer(10));
  e.severity = static_cast<Severity>(row.integer(11));
  e.count = row.natural(12);
  e.idle_ns = row.natural(13);
  e.lost_bytes = row.natural(14);
  return column_row(e, row.integer(2));
}

// Whether all columns are of one length.
bool is_even(const Columns& c) {
  return std::ranges::all_of(std::array{&c.hosts, &c.idle, &c.counts, &c.lost, &c.server, &c.way, &c.network},
                             [&](const auto* list) { return list->size() == c.times.size(); });
}

bool cursor_before(const ColumnRow& row, uint64_t cursor) { return row.cursor < cursor; }

}  // namespace

void ColumnTail::replace(std::vector<ColumnRow> rows, uint64_t from) {
  const std::lock_guard lock(mutex_);
  rows_ = std::move(rows);
  from_ = from;
}

void ColumnTail::append(const std::vector<ColumnRow>& rows) {
  const std::lock_guard lock(mutex_);
  rows_.insert(rows_.end(), rows.begin(), rows.end());
}

void ColumnTail::forget_before(uint64_t cursor) {
  const std::lock_guard lock(mutex_);
  rows_.erase(rows_.begin(), std::lower_bound(rows_.begin(), rows_.end(), cursor, cursor_before));
  from_ = std::max(from_, cursor);
}

void ColumnTail::forget_between(uint64_t since_ns, uint64_t until_ns) {
  const std::lock_guard lock(mutex_);
  std::erase_if(rows_, [&](const ColumnRow& row) { return row.time_ns >= since_ns && row.time_ns < until_ns; });
}

Result<void> ColumnWriter::prepare(Connection& db, ColumnTail* tail) {
  db_ = &db;
  tail_ = tail;
  if (tail_ == nullptr) return {};
  const std::pair<Statement*, const char*> statements[] = {
      {&insert_, "INSERT OR REPLACE INTO column_data VALUES(?, ?)"},
      {&delete_, "DELETE FROM column_data WHERE id >= ? AND id < ?"},
      {&parts_, "SELECT bytes FROM column_data WHERE id = ?"},
  };
  for (const auto& [statement, sql] : statements) {
    auto prepared = db.prepare(sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  if (auto filled = fill(); !filled) return filled;
  return roll_back();
}

Result<void> ColumnWriter::roll_back() {
  if (tail_ == nullptr) return {};
  fresh_.clear();
  const auto finished = db_->scalar("SELECT coalesce(max(number) + 1, 0) FROM segment");
  if (!finished) return finished.error();
  const uint64_t from = static_cast<uint64_t>(*finished) * kSegmentEvents;
  auto rows = read_rows(from, INT64_MAX);
  if (!rows) return rows.error();
  open_ = std::move(*rows);
  tail_->replace(open_, from);
  return {};
}

Result<std::vector<ColumnRow>> ColumnWriter::read_rows(uint64_t from, uint64_t until) {
  auto row = db_->prepare(kSelectRow, false);
  if (!row) return row.error();
  row->bind(1, from);
  row->bind(2, until);
  std::vector<ColumnRow> rows;
  int code = SQLITE_OK;
  while ((code = row->step()) == SQLITE_ROW) rows.push_back(row_at(*row));
  if (code != SQLITE_DONE) return error_of(db_->handle(), "cannot read the stored events");
  return rows;
}

// One transaction a segment: a start that is broken off goes on where it was.
Result<void> ColumnWriter::fill() {
  std::vector<uint64_t> segments;
  {
    auto lacking =
        db_->prepare("SELECT number FROM segment WHERE NOT EXISTS(SELECT 1 FROM column_data WHERE id = number * " +
                         std::to_string(kColumns) + ") ORDER BY number",
                     false);
    if (!lacking) return lacking.error();
    int code = SQLITE_OK;
    while ((code = lacking->step()) == SQLITE_ROW) segments.push_back(lacking->natural(0));
    if (code != SQLITE_DONE) return error_of(db_->handle(), "cannot read the stored events");
  }
  if (segments.size() > 16)
    spdlog::info("store: an older program's store: {} million events get columns, once; a million takes some seconds",
                 segments.size() * kSegmentEvents / 1'000'000);
  for (const uint64_t segment : segments) {
    const auto rows = read_rows(segment * kSegmentEvents, (segment + 1) * kSegmentEvents);
    if (!rows) return rows.error();
    if (rows->empty()) continue;  // gone by retention
    if (auto begun = db_->execute("SAVEPOINT columns"); !begun) return begun;
    if (write(segment, *rows) != SQLITE_OK) {
      const Error error = error_of(db_->handle(), "cannot add columns to the stored events");
      (void)db_->execute("ROLLBACK TO columns; RELEASE columns");
      return error;
    }
    if (auto released = db_->execute("RELEASE columns"); !released) return released;
  }
  return {};
}

int ColumnWriter::write(uint64_t segment, std::span<const ColumnRow> rows) {
  const ColumnBytes bytes = encode_columns(rows);
  for (const Column column : kAll) {
    insert_.bind(1, place_of(segment, column));
    insert_.bind_blob(2, bytes[static_cast<size_t>(column)]);
    if (const int code = insert_.run(); code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

int ColumnWriter::flush() {
  if (tail_ == nullptr || fresh_.empty()) return SQLITE_OK;
  // Before the commit: readers ask for what is committed only.
  tail_->append(fresh_);
  open_.insert(open_.end(), fresh_.begin(), fresh_.end());
  fresh_.clear();
  while (open_.front().cursor / kSegmentEvents != open_.back().cursor / kSegmentEvents) {
    const uint64_t number = open_.front().cursor / kSegmentEvents;
    const auto beyond = std::lower_bound(open_.begin(), open_.end(), (number + 1) * kSegmentEvents, cursor_before);
    if (const int code = write(number, {open_.begin(), beyond}); code != SQLITE_OK) return code;
    open_.erase(open_.begin(), beyond);
    tail_->forget_before(number * kSegmentEvents);
  }
  return SQLITE_OK;
}

int ColumnWriter::forget(uint64_t since_ns, uint64_t until_ns) {
  if (tail_ == nullptr) return SQLITE_OK;
  std::vector<std::pair<uint64_t, bool>> segments;  // number; whether all of it goes
  {
    auto touched = db_->prepare(
        "SELECT number, first_ns >= ?1 AND last_ns < ?2 FROM segment WHERE first_ns < ?2 AND last_ns >= ?1", false);
    if (!touched) return SQLITE_ERROR;
    touched->bind(1, since_ns);
    touched->bind(2, until_ns);
    int code = SQLITE_OK;
    while ((code = touched->step()) == SQLITE_ROW) segments.emplace_back(touched->natural(0), touched->integer(1) != 0);
    if (code != SQLITE_DONE) return code;
  }
  for (const auto& [segment, whole] : segments) {
    if (!whole) {
      if (const int code = forget_part(segment, since_ns, until_ns); code != SQLITE_OK) return code;
      continue;
    }
    delete_.bind(1, segment * kColumns);
    delete_.bind(2, (segment + 1) * kColumns);
    if (const int code = delete_.run(); code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

int ColumnWriter::forget_part(uint64_t segment, uint64_t since_ns, uint64_t until_ns) {
  Columns columns;
  bool sound = true;
  for (const Column column : kAll) {
    const Reading done(parts_);
    parts_.bind(1, place_of(segment, column));
    const int code = parts_.step();
    if (code == SQLITE_DONE) return SQLITE_OK;  // it has none left
    if (code != SQLITE_ROW) return code;
    sound = sound && decode_column(column, parts_.blob(0), columns);
  }
  if (!sound || !is_even(columns)) {  // damaged: anew from the rows, of which those are gone already
    const auto left = read_rows(segment * kSegmentEvents, (segment + 1) * kSegmentEvents);
    return left ? write(segment, *left) : SQLITE_ERROR;
  }
  auto rows = rows_of(columns);
  const size_t gone =
      std::erase_if(rows, [&](const ColumnRow& row) { return row.time_ns >= since_ns && row.time_ns < until_ns; });
  if (gone == 0) return SQLITE_OK;
  if (!rows.empty()) return write(segment, rows);
  delete_.bind(1, segment * kColumns);
  delete_.bind(2, (segment + 1) * kColumns);
  return delete_.run();
}

void ColumnWriter::forgotten(uint64_t since_ns, uint64_t until_ns) {
  if (tail_ == nullptr) return;
  tail_->forget_between(since_ns, until_ns);
  std::erase_if(open_, [&](const ColumnRow& row) { return row.time_ns >= since_ns && row.time_ns < until_ns; });
}

Result<ColumnReader> ColumnReader::open(Lease& db) {
  ColumnReader out(db);
  auto select = db->prepare("SELECT bytes FROM column_data WHERE id = ?", false);
  if (!select) return select.error();
  out.select_ = std::move(*select);
  return out;
}

Result<bool> ColumnReader::read(uint64_t segment, std::span<const Column> wanted, Columns& into) {
  for (const Column column : wanted) {
    const Reading done(select_);
    select_.bind(1, place_of(segment, column));
    const int code = select_.step();
    if (code == SQLITE_DONE) return false;
    if (code != SQLITE_ROW) return db_->error("aggregate");
    if (!decode_column(column, select_.blob(0), into))
      return Error{Code::kCorrupt, "column " + std::to_string(static_cast<unsigned>(column)) + " of segment " +
                                       std::to_string(segment) + " is damaged"};
  }
  return true;
}

}  // namespace rs::store::sqlite
