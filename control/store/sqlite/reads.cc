// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/reads.h"

#include <string>

#include "control/store/sqlite/event_row.h"
#include "control/store/sqlite/filter_sql.h"

namespace rs::store::sqlite {
namespace {

const std::string kSelect = "SELECT " + std::string(kEventColumns) + " FROM event ";

Error damaged_row(uint64_t cursor) {
  return {Code::kCorrupt, "event at cursor " + std::to_string(cursor) + " is damaged or was stored by a newer program"};
}

Result<void> read_all(Lease& db, Statement& statement, const SensorNames& names, bool brief, const EachEvent& each) {
  model::Event event;
  int code = SQLITE_OK;
  while ((code = statement.step()) == SQLITE_ROW) {
    if (!read_event(statement, names, brief, event)) return damaged_row(event.cursor);
    if (!each(event)) return {};
  }
  if (code != SQLITE_DONE) return db.error("list");
  return {};
}

}  // namespace

Result<void> list(Lease& db, const ListQuery& query, const EachEvent& each) {
  const auto names = db.sensor_names();
  if (!names) return names.error();
  const Condition condition = condition_of(query.filter);
  std::string sql = kSelect + "WHERE time_ns >= ? AND time_ns < ?";
  if (query.after) sql += query.newest_first ? " AND (time_ns, cursor) < (?, ?)" : " AND (time_ns, cursor) > (?, ?)";
  sql += " AND (" + condition.sql + ") ORDER BY ";
  sql += query.newest_first ? "time_ns DESC, cursor DESC" : "time_ns, cursor";
  sql += " LIMIT ?";
  auto statement = db->prepare(sql, false);
  if (!statement) return statement.error();
  int next = 1;
  statement->bind(next++, query.range.since_ns);
  statement->bind(next++, query.range.until_ns);
  if (query.after) {
    statement->bind(next++, query.after->time_ns);
    statement->bind(next++, query.after->cursor);
  }
  next = bind_parameters(*statement, next, condition);
  statement->bind(next, static_cast<uint64_t>(query.limit));
  return read_all(db, *statement, *names, query.brief, each);
}

Result<void> list_after(Lease& db, uint64_t cursor, const model::Filter& filter, size_t limit, const EachEvent& each) {
  const auto names = db.sensor_names();
  if (!names) return names.error();
  const Condition condition = condition_of(filter);
  auto statement = db->prepare(kSelect + "WHERE cursor > ? AND (" + condition.sql + ") ORDER BY cursor LIMIT ?", false);
  if (!statement) return statement.error();
  statement->bind(1, cursor);
  const int next = bind_parameters(*statement, 2, condition);
  statement->bind(next, static_cast<uint64_t>(limit));
  return read_all(db, *statement, *names, false, each);
}

Result<uint64_t> count_between(Lease& db, uint64_t after, uint64_t until, const model::Filter& filter) {
  const Condition condition = condition_of(filter);
  auto statement =
      db->prepare("SELECT total(count) FROM event WHERE cursor > ? AND cursor <= ? AND (" + condition.sql + ")", false);
  if (!statement) return statement.error();
  statement->bind(1, after);
  statement->bind(2, until);
  bind_parameters(*statement, 3, condition);
  if (statement->step() != SQLITE_ROW) return db.error("count");
  return static_cast<uint64_t>(statement->real(0));
}

Result<std::optional<model::Event>> get(Lease& db, uint64_t event_id) {
  const auto names = db.sensor_names();
  if (!names) return names.error();
  auto statement = db->prepare(kSelect + "WHERE id = ?", false);
  if (!statement) return statement.error();
  statement->bind_bits(1, event_id);
  const int code = statement->step();
  if (code == SQLITE_DONE) return std::optional<model::Event>{};
  if (code != SQLITE_ROW) return db.error("get");
  model::Event event;
  if (!read_event(*statement, *names, false, event)) return damaged_row(event.cursor);
  return std::optional<model::Event>(std::move(event));
}

}  // namespace rs::store::sqlite
