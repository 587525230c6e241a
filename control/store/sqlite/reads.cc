// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/reads.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "control/store/sqlite/event_row.h"
#include "control/store/sqlite/filter_sql.h"
#include "control/store/sqlite/lookup.h"

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

// Which events a list holds, in its order.
struct Places {
  const ListQuery* query;
  std::vector<Position> found;  // in the order of the list once cut

  [[nodiscard]] bool before(const Position& a, const Position& b) const {
    const auto key = [](const Position& p) { return std::pair(p.time_ns, p.cursor); };
    return query->newest_first ? key(a) > key(b) : key(a) < key(b);
  }
  void cut() {
    std::ranges::sort(found, [this](const Position& a, const Position& b) { return before(a, b); });
    if (found.size() > query->limit) found.resize(query->limit);
  }
  // Whether what lies in a segment cannot come before what was found.
  [[nodiscard]] bool complete_before(const Lookup::Segment& segment) const {
    if (found.size() < query->limit) return false;
    return query->newest_first ? segment.last_ns < found.back().time_ns : segment.first_ns > found.back().time_ns;
  }
};

std::string limits_sql(const ListQuery& query) {
  std::string sql = "time_ns >= ? AND time_ns < ?";
  if (query.after) sql += query.newest_first ? " AND (time_ns, cursor) < (?, ?)" : " AND (time_ns, cursor) > (?, ?)";
  return sql;
}

int bind_limits(Statement& statement, int next, const ListQuery& query) {
  statement.bind(next++, query.range.since_ns);
  statement.bind(next++, query.range.until_ns);
  if (query.after) {
    statement.bind(next++, query.after->time_ns);
    statement.bind(next++, query.after->cursor);
  }
  return next;
}

// By the lookup: segment by segment in the order of the list, until no further one can hold anything for it.
Result<void> list_by_keys(Lease& db, Lookup& lookup, std::vector<Lookup::Segment> segments, const LookupTerms& terms,
                          const ListQuery& query, const EachEvent& each) {
  const auto names = db.sensor_names();
  if (!names) return names.error();
  const Condition condition = condition_of(query.filter);
  const std::string where = " AND " + limits_sql(query) + " AND (" + condition.sql + ")";
  Places places{&query, {}};

  auto one = db->prepare("SELECT time_ns FROM event WHERE cursor = ?" + where, false);
  if (!one) return one.error();
  bind_parameters(*one, bind_limits(*one, 2, query), condition);
  const auto look_at = [&](const std::vector<uint64_t>& cursors) -> Result<void> {
    for (const uint64_t cursor : cursors) {
      const Reading done(*one);
      one->bind(1, cursor);
      const int code = one->step();
      if (code == SQLITE_ROW)
        places.found.push_back({one->natural(0), cursor});
      else if (code != SQLITE_DONE)
        return db.error("list");
    }
    places.cut();
    return {};
  };
  if (const auto newest = lookup.tail_candidates(terms)) {
    if (auto looked = look_at(*newest); !looked) return looked;
  } else {
    auto tail = db->prepare("SELECT time_ns, cursor FROM event WHERE cursor >= ?" + where, false);
    if (!tail) return tail.error();
    tail->bind(1, lookup.tail());
    bind_parameters(*tail, bind_limits(*tail, 2, query), condition);
    int code = SQLITE_OK;
    while ((code = tail->step()) == SQLITE_ROW) places.found.push_back({tail->natural(0), tail->natural(1)});
    if (code != SQLITE_DONE) return db.error("list");
    places.cut();
  }
  if (!query.newest_first) std::ranges::sort(segments, {}, &Lookup::Segment::first_ns);
  for (const Lookup::Segment& segment : segments) {
    if (places.complete_before(segment)) break;
    const auto candidates = lookup.candidates(segment, terms);
    if (!candidates) return candidates.error();
    if (auto looked = look_at(*candidates); !looked) return looked;
  }
  auto row = db->prepare(kSelect + "WHERE cursor = ?", false);
  if (!row) return row.error();
  model::Event event;
  for (const Position& place : places.found) {
    const Reading done(*row);
    row->bind(1, place.cursor);
    if (row->step() != SQLITE_ROW) return db.error("list");
    if (!read_event(*row, *names, query.brief, event)) return damaged_row(event.cursor);
    if (!each(event)) break;
  }
  return {};
}

}  // namespace

Result<void> list(Lease& db, const ListQuery& asked, const EachEvent& each) {
  // Of the range only what the pages before have left: the index is entered at its bounds, and SQLite does not enter it
  // at `after` too, but would walk over every earlier page again.
  ListQuery query = asked;
  if (query.after && query.newest_first)
    query.range.until_ns = std::min(query.range.until_ns, query.after->time_ns + 1);
  if (query.after && !query.newest_first) query.range.since_ns = std::max(query.range.since_ns, query.after->time_ns);
  if (const auto terms = terms_of(query.filter)) {
    auto lookup = Lookup::open(db);
    if (!lookup) return lookup.error();
    auto segments = lookup->segments(query.range);
    if (!segments) return segments.error();
    if (lookup->kept()) return list_by_keys(db, *lookup, std::move(*segments), *terms, query, each);
  }
  const auto names = db.sensor_names();
  if (!names) return names.error();
  const Condition condition = condition_of(query.filter);
  std::string sql = kSelect + "WHERE " + limits_sql(query) + " AND (" + condition.sql + ") ORDER BY ";
  sql += query.newest_first ? "time_ns DESC, cursor DESC" : "time_ns, cursor";
  sql += " LIMIT ?";
  auto statement = db->prepare(sql, false);
  if (!statement) return statement.error();
  const int next = bind_parameters(*statement, bind_limits(*statement, 1, query), condition);
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
  auto lookup = Lookup::open(db);
  if (!lookup) return lookup.error();
  // The newest are asked for most.
  auto statement = db->prepare(kSelect + "WHERE cursor >= ? AND cursor <= ? AND id = ?", false);
  if (!statement) return statement.error();
  const auto found = [&](uint64_t first, uint64_t last) -> Result<std::optional<model::Event>> {
    const Reading done(*statement);
    statement->bind(1, first);
    statement->bind(2, last);
    statement->bind_bits(3, event_id);
    const int code = statement->step();
    if (code == SQLITE_DONE) return std::optional<model::Event>{};
    if (code != SQLITE_ROW) return db.error("get");
    model::Event event;
    if (!read_event(*statement, *names, false, event)) return damaged_row(event.cursor);
    return std::optional<model::Event>(std::move(event));
  };
  const LookupTerms terms = {{id_key(event_id), std::nullopt}};
  if (const auto newest = lookup->tail_candidates(terms)) {
    for (const uint64_t cursor : *newest)
      if (auto event = found(cursor, cursor); !event || *event) return event;
  } else if (auto event = found(lookup->tail(), INT64_MAX); !event || *event) {
    return event;
  }
  const auto segments = lookup->segments({});
  if (!segments) return segments.error();
  for (const Lookup::Segment& segment : *segments) {
    const auto candidates = lookup->candidates(segment, terms);
    if (!candidates) return candidates.error();
    for (const uint64_t cursor : *candidates)
      if (auto event = found(cursor, cursor); !event || *event) return event;
  }
  return std::optional<model::Event>{};
}

}  // namespace rs::store::sqlite
