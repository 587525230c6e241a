// SPDX-License-Identifier: Apache-2.0
//
// Sums over one or two dimensions. A range is cut into pieces that the coarsest fitting rollup answers, with the
// ragged ends read from the events themselves; what no rollup holds comes from the columns, and what they do not hold
// from the events. Every way of asking gives the same sums. Rows are folded in a hash table here: SQLite's own GROUP BY
// would sort them.
#include <algorithm>
#include <string>
#include <unordered_map>

#include "control/store/sqlite/column_sums.h"
#include "control/store/sqlite/columns.h"
#include "control/store/sqlite/filter_sql.h"
#include "control/store/sqlite/lookup.h"
#include "control/store/sqlite/pieces.h"
#include "control/store/sqlite/reads.h"
#include "control/store/sqlite/schema.h"
#include "control/store/sqlite/summing.h"
#include "control/store/sqlite/sums.h"

namespace rs::store::sqlite {
namespace {

bool in_rollups(Dimension d) {
  switch (d) {
    case Dimension::kClientIp:
    case Dimension::kClientNetwork:
    case Dimension::kIdleTime:
      return false;
    default:
      return true;
  }
}

bool of_service(Dimension d) {
  return d == Dimension::kService || d == Dimension::kServerIp || d == Dimension::kServerNetwork ||
         d == Dimension::kPort;
}

bool in_way(Dimension d) {
  return d == Dimension::kCause || d == Dimension::kFamily || d == Dimension::kOrigin || d == Dimension::kStage ||
         d == Dimension::kSensor || d == Dimension::kSeverity || d == Dimension::kEnding;
}

// Columns of an event that one dimension's key is made of; always two.
std::string key_sql(Dimension d) {
  switch (d) {
    case Dimension::kTime:
      return "time_ns, 0";
    case Dimension::kService:
      return "server_ip, server_port";
    case Dimension::kServerIp:
    case Dimension::kServerNetwork:
      return "server_ip, 0";
    case Dimension::kClientIp:
    case Dimension::kClientNetwork:
      return "client_ip, 0";
    case Dimension::kIdleTime:
      return "idle_ns, 0";
    case Dimension::kPort:
      return "server_port, 0";
    default:
      return "0, 0";  // in the way of ending
  }
}

void read_key(const Statement& row, int column, Dimension d, uint64_t step_ns, model::Ip& ip, uint64_t& number) {
  switch (d) {
    case Dimension::kService:
      ip = row.ip(column);
      number = row.natural(column + 1);
      return;
    case Dimension::kServerIp:
    case Dimension::kClientIp:
      ip = row.ip(column);
      return;
    case Dimension::kServerNetwork:
    case Dimension::kClientNetwork:
      ip = network_of(row.ip(column));
      return;
    case Dimension::kTime:
      number = row.natural(column);
      if (step_ns > 0) number -= number % step_ns;
      return;
    case Dimension::kIdleTime:
      number = idle_least_ns(idle_number(row.natural(column)));
      return;
    default:
      number = row.natural(column);
  }
}

// The part of a filter that only the entries of a rollup's row can answer; the rest is SQL.
class WayFilter {
 public:
  WayFilter(const model::Filter& filter, const SensorNames& names) : names_(names) {
    using model::Filter;
    std::vector<Filter> rows, ways;
    const auto children = filter.kind == Filter::Kind::kAnd ? filter.children : std::vector<Filter>{filter};
    for (const Filter& child : children) (!mentions_ways(child) ? rows : ways).push_back(child);
    rows_ = model::all_of(std::move(rows));
    ways_ = model::all_of(std::move(ways));
    by_way_only_ = !mentions_rows(ways_);
  }
  [[nodiscard]] const model::Filter& rows() const { return rows_; }
  [[nodiscard]] bool by_way_only() const { return by_way_only_; }

  void row(const model::Endpoint& server, uint32_t tag) {
    event_.server = server;
    event_.network_tag = tag;
  }
  [[nodiscard]] bool matches(const Way& way) {
    if (ways_.kind == model::Filter::Kind::kAll) return true;
    if (!by_way_only_) return evaluate(way);
    const uint64_t code = static_cast<uint64_t>(way.sensor) << 40 | static_cast<uint64_t>(way.cause) << 32 |
                          static_cast<uint64_t>(way.origin) << 24 | static_cast<uint64_t>(way.stage) << 16 |
                          static_cast<uint64_t>(way.ending) << 8 | static_cast<uint64_t>(way.severity);
    const auto known = known_.find(code);
    return known != known_.end() ? known->second : known_.emplace(code, evaluate(way)).first->second;
  }

 private:
  static bool of_row(model::Field field) {
    return field == model::Field::kServerIp || field == model::Field::kServerPort || field == model::Field::kTag;
  }
  static bool mentions_ways(const model::Filter& f) {
    if (f.kind == model::Filter::Kind::kTest) return !of_row(f.field);
    return std::ranges::any_of(f.children, mentions_ways);
  }
  static bool mentions_rows(const model::Filter& f) {
    if (f.kind == model::Filter::Kind::kTest) return of_row(f.field);
    return std::ranges::any_of(f.children, mentions_rows);
  }
  bool evaluate(const Way& way) {
    describe(way, names_, event_);
    return model::matches(ways_, event_);
  }

  const SensorNames& names_;
  model::Filter rows_, ways_;
  bool by_way_only_ = true;
  model::Event event_;
  std::unordered_map<uint64_t, bool> known_;  // by way; there are few
};

Result<void> sum_rollup(Lease& db, const AggregateQuery& query, const Piece& piece, WayFilter& filter,
                        Summing& summing) {
  const Condition condition = condition_of(filter.rows());
  // Where nothing asks for services, one row holds them all.
  const bool by_service = condition.sql != "1" || !filter.by_way_only() || std::ranges::any_of(query.by, of_service);
  const std::string from = by_service ? "server_ip, server_port, tag, sums FROM " + std::string(piece.tier->table)
                                      : "0, 0, 0, sums FROM " + std::string(piece.tier->total);
  auto row = db->prepare("SELECT at_s, " + from + " WHERE at_s >= ? AND at_s < ? AND (" + condition.sql + ")", false);
  if (!row) return row.error();
  row->bind(1, piece.since_ns / kNsPerS);
  row->bind(2, piece.until_ns / kNsPerS);
  bind_parameters(*row, 3, condition);
  std::vector<Sum> entries;
  int code = SQLITE_OK;
  while ((code = row->step()) == SQLITE_ROW) {
    const uint64_t at_s = row->natural(0);
    const model::Endpoint server{row->ip(1), static_cast<uint16_t>(row->natural(2))};
    if (!decode_sums(row->blob(4), at_s, entries)) return Error{Code::kCorrupt, "a row of sums is damaged"};
    filter.row(server, static_cast<uint32_t>(row->natural(3)));
    PlainKey key;
    for (size_t i = 0; i < query.by.size(); ++i)
      service_key(query.by[i], server, at_s * kNsPerS, query.step_ns, key.ips[i], key.numbers[i]);
    for (const auto& entry : entries) {
      if (!filter.matches(entry.way)) continue;
      for (size_t i = 0; i < query.by.size(); ++i)
        if (in_way(query.by[i])) key.numbers[i] = way_number(query.by[i], entry.way);
      if (auto added = summing.add(key, {entry.way, entry.endings, entry.lost_bytes, entry.last_ns}); !added)
        return added;
    }
  }
  if (code != SQLITE_DONE) return db.error("aggregate");
  return {};
}

Result<void> sum_events(Lease& db, const AggregateQuery& query, const Piece& piece, Summing& summing) {
  std::string sql = "SELECT sensor, cause, origin, stage, ending, severity, count, lost_bytes, time_ns";
  for (const Dimension d : query.by) sql += ", " + key_sql(d);
  const Condition condition = condition_of(query.filter);
  sql += " FROM event WHERE time_ns >= ? AND time_ns < ? AND (" + condition.sql + ")";
  const auto sum = [&](Statement& row) -> Result<void> {
    Part part;
    part.way = {row.integer(0),
                static_cast<Cause>(row.integer(1)),
                static_cast<Origin>(row.integer(2)),
                static_cast<Stage>(row.integer(3)),
                static_cast<Ending>(row.integer(4)),
                static_cast<Severity>(row.integer(5))};
    part.count = row.natural(6);
    part.lost_bytes = row.natural(7);
    part.last_ns = row.natural(8);
    PlainKey key;
    for (size_t i = 0; i < query.by.size(); ++i) {
      read_key(row, 9 + 2 * static_cast<int>(i), query.by[i], query.step_ns, key.ips[i], key.numbers[i]);
      if (in_way(query.by[i])) key.numbers[i] = way_number(query.by[i], part.way);
    }
    return summing.add(key, part);
  };
  const auto sum_all = [&](Statement& row) -> Result<void> {
    int code = SQLITE_OK;
    while ((code = row.step()) == SQLITE_ROW)
      if (auto added = sum(row); !added) return added;
    if (code != SQLITE_DONE) return db.error("aggregate");
    return {};
  };
  const auto bind = [&](Statement& row) {
    row.bind(1, piece.since_ns);
    row.bind(2, piece.until_ns);
    return bind_parameters(row, 3, condition);
  };

  const auto terms = terms_of(query.filter);
  if (terms) {
    auto lookup = Lookup::open(db);
    if (!lookup) return lookup.error();
    if (lookup->kept()) {
      auto one = db->prepare(sql + " AND cursor = ?", false);
      if (!one) return one.error();
      const int cursor_at = bind(*one);
      const auto sum_those = [&](const std::vector<uint64_t>& cursors) -> Result<void> {
        for (const uint64_t cursor : cursors) {
          const Reading done(*one);
          one->bind(cursor_at, cursor);
          if (auto added = sum_all(*one); !added) return added;
        }
        return {};
      };
      if (const auto newest = lookup->tail_candidates(*terms)) {
        if (auto added = sum_those(*newest); !added) return added;
      } else {
        auto tail = db->prepare(sql + " AND cursor >= ?", false);
        if (!tail) return tail.error();
        tail->bind(bind(*tail), lookup->tail());
        if (auto added = sum_all(*tail); !added) return added;
      }
      const auto segments = lookup->segments({piece.since_ns, piece.until_ns});
      if (!segments) return segments.error();
      for (const Lookup::Segment& segment : *segments) {
        const auto candidates = lookup->candidates(segment, *terms);
        if (!candidates) return candidates.error();
        if (auto added = sum_those(*candidates); !added) return added;
      }
      return {};
    }
  }
  auto statement = db->prepare(sql, false);
  if (!statement) return statement.error();
  bind(*statement);
  return sum_all(*statement);
}

}  // namespace

Result<std::vector<Group>> aggregate(Lease& db, const AggregateQuery& query, bool has_rollups) {
  const bool by_rollups =
      has_rollups && query.rollups && rollups_answer(query.filter) && std::ranges::all_of(query.by, in_rollups);
  const bool by_time = std::ranges::find(query.by, Dimension::kTime) != query.by.end();
  // Reading to the end of time needs no ragged end.
  const uint64_t until = query.range.until_ns == kForever
                             ? kForever / (kTiers.back().seconds * kNsPerS) * (kTiers.back().seconds * kNsPerS)
                             : query.range.until_ns;
  const std::vector<Piece> pieces = pieces_of({query.range.since_ns, until}, by_rollups, by_time ? query.step_ns : 0);

  const auto names = db.sensor_names();
  if (!names) return names.error();
  WayFilter filter(query.filter, *names);
  Summing summing(query);
  if (has_rollups && query.rollups && !by_rollups && columns_answer(query.filter) && !terms_of(query.filter)) {
    const auto summed = sum_columns(db, query, {query.range.since_ns, until, nullptr}, *names, summing);
    if (!summed) return summed.error();
    if (*summed) return summing.groups(*names);
  }
  for (const Piece& piece : pieces) {
    const auto done =
        piece.tier != nullptr ? sum_rollup(db, query, piece, filter, summing) : sum_events(db, query, piece, summing);
    if (!done) return done.error();
  }
  return summing.groups(*names);
}

}  // namespace rs::store::sqlite
