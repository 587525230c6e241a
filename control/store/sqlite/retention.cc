// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/retention.h"

#include <string>

#include "control/store/sqlite/lookup.h"
#include "control/store/sqlite/schema.h"

namespace rs::store::sqlite {
namespace {

constexpr uint64_t kHourSeconds = 3600;

}  // namespace

Result<void> Retention::prepare(Connection& db, Limits limits, ColumnWriter& columns) {
  db_ = &db;
  columns_ = &columns;
  limits_ = limits;
  const std::pair<Statement*, std::string> statements[] = {
      {&oldest_hour_, "SELECT at_s, last_arrival_ns FROM hour ORDER BY last_arrival_ns, at_s LIMIT 1"},
      {&delete_events_,
       "DELETE FROM event WHERE cursor IN (SELECT cursor FROM event WHERE time_ns >= ? AND time_ns < ?"
       " ORDER BY time_ns LIMIT " +
           std::to_string(kRowsPerStep) + ") RETURNING count"},
      {&count_down_,
       "UPDATE meta SET value = value - CASE key WHEN 'events' THEN ?1 ELSE ?2 END WHERE key IN ('events', 'endings')"},
  };
  for (const auto& [statement, sql] : statements) {
    auto prepared = db.prepare(sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  return {};
}

Result<bool> Retention::step(uint64_t now_ns) {
  if (limits_.age_ns == 0 && limits_.bytes == 0) return false;
  uint64_t hour_s = 0;
  {
    const Reading done(oldest_hour_);
    const int code = oldest_hour_.step();
    if (code == SQLITE_DONE) return false;
    if (code != SQLITE_ROW) return error_of(db_->handle(), "retention");
    hour_s = oldest_hour_.natural(0);
    const bool too_old = limits_.age_ns > 0 && oldest_hour_.natural(1) + limits_.age_ns < now_ns;
    if (!too_old) {
      if (limits_.bytes == 0) return false;
      const auto used = db_->scalar(
          "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, "
          "pragma_page_size");
      if (!used) return used.error();
      if (static_cast<uint64_t>(*used) <= limits_.bytes) return false;
    }
  }
  if (auto begun = db_->execute("BEGIN IMMEDIATE"); !begun) return begun.error();
  bool whole = false;
  const auto forgotten = forget_some(hour_s, whole);
  const auto ended = db_->execute(forgotten ? "COMMIT" : "ROLLBACK");
  if (!forgotten) return forgotten.error();
  if (!ended) {
    (void)db_->execute("ROLLBACK");
    return ended.error();
  }
  if (whole) columns_->forgotten(hour_s * kNsPerS, (hour_s + kHourSeconds) * kNsPerS);
  return true;
}

Result<void> Retention::forget_some(uint64_t hour_s, bool& whole) {
  uint64_t rows = 0;
  uint64_t endings = 0;
  {
    const Reading done(delete_events_);
    delete_events_.bind(1, hour_s * kNsPerS);
    delete_events_.bind(2, (hour_s + kHourSeconds) * kNsPerS);
    int code = SQLITE_OK;
    while ((code = delete_events_.step()) == SQLITE_ROW) {
      ++rows;
      endings += delete_events_.natural(0);
    }
    if (code != SQLITE_DONE) return error_of(db_->handle(), "retention");
  }
  count_down_.bind(1, rows);
  count_down_.bind(2, endings);
  if (count_down_.run() != SQLITE_OK) return error_of(db_->handle(), "retention");
  if (rows == kRowsPerStep) return {};

  // The last events of the hour are gone: its columns, sums, statistics and reports follow.
  whole = true;
  if (columns_->forget(hour_s * kNsPerS, (hour_s + kHourSeconds) * kNsPerS) != SQLITE_OK)
    return error_of(db_->handle(), "retention");
  const auto from = std::to_string(hour_s);
  const auto to = std::to_string(hour_s + kHourSeconds);
  std::string sql;
  for (const Tier& tier : kTiers)
    for (const auto table : {tier.table, tier.total, tier.service})
      sql += "DELETE FROM " + std::string(table) + " WHERE at_s >= " + from + " AND at_s < " + to + ";";
  sql += "DELETE FROM service_raw WHERE from_ns >= " + from + " * 1000000000 AND from_ns < " + to + " * 1000000000;";
  // Findings of time long gone go with it, whatever they are.
  for (const auto table : {"sighting", "finding"})
    sql += "DELETE FROM " + std::string(table) + " WHERE time_ns < " + to + " * 1000000000 AND time_ns >= " + from +
           " * 1000000000;";
  // Segments of which nothing is left.
  const std::string oldest =
      "(SELECT coalesce((SELECT min(cursor) FROM event), (SELECT value FROM meta WHERE key = 'next_cursor')) / " +
      std::to_string(kSegmentEvents) + ")";
  sql += "DELETE FROM lookup WHERE segment < " + oldest + ";DELETE FROM segment WHERE number < " + oldest;
  sql += ";DELETE FROM lookup_block WHERE id < " + std::to_string(kBlockIds) + " * (" + oldest + " / " +
         std::to_string(kBlockSegments) + ")";
  sql += ";DELETE FROM column_data WHERE id < " + std::to_string(kColumns) + " * " + oldest + ";";
  sql += "DELETE FROM health WHERE at_s >= " + from + " AND at_s < " + to + ";";
  sql += "DELETE FROM hour WHERE at_s = " + from;
  return db_->execute(sql);
}

}  // namespace rs::store::sqlite
