// SPDX-License-Identifier: Apache-2.0
//
// Sums over one or two dimensions. A range is cut into pieces that the coarsest fitting rollup answers, with the
// ragged ends read from the events themselves, so that every way of asking gives the same sums. Rows are folded in
// a hash table here: SQLite's own GROUP BY would sort them.
#include <algorithm>
#include <bit>
#include <string>
#include <unordered_map>

#include "control/model/ip.h"
#include "control/store/sqlite/filter_sql.h"
#include "control/store/sqlite/hash.h"
#include "control/store/sqlite/lookup.h"
#include "control/store/sqlite/pieces.h"
#include "control/store/sqlite/reads.h"
#include "control/store/sqlite/schema.h"
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

struct PlainKey {
  std::array<model::Ip, 2> ips{};
  std::array<uint64_t, 2> numbers{};
  bool operator==(const PlainKey&) const = default;
};

struct PlainHash {
  size_t operator()(const PlainKey& key) const {
    Mixer mixer;
    for (const uint64_t word : std::bit_cast<std::array<uint64_t, 6>>(key)) mixer.add(word);
    return mixer.value();
  }
};

struct Total {
  double value = 0;
  uint64_t last_ns = 0;
  std::vector<std::pair<Cause, double>> causes;  // few a group
  std::vector<std::pair<Origin, double>> origins;
};

template <class E>
void add_to(std::vector<std::pair<E, double>>& parts, E part, double value) {
  const auto found = std::ranges::find(parts, part, &std::pair<E, double>::first);
  if (found != parts.end())
    found->second += value;
  else
    parts.emplace_back(part, value);
}

// The greatest; the lower number when two are equal, so that answers repeat.
template <class E>
E greatest(const std::vector<std::pair<E, double>>& parts) {
  E best{};
  double most = -1;
  for (const auto& [part, value] : parts)
    if (value > most || (value == most && part < best)) best = part, most = value;
  return best;
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

// The part of a key that a whole row of a rollup has.
void service_key(Dimension d, const model::Endpoint& server, uint64_t at_ns, uint64_t step_ns, model::Ip& ip,
                 uint64_t& number) {
  switch (d) {
    case Dimension::kService:
      ip = server.ip;
      number = server.port;
      return;
    case Dimension::kServerIp:
      ip = server.ip;
      return;
    case Dimension::kServerNetwork:
      ip = network_of(server.ip);
      return;
    case Dimension::kPort:
      number = server.port;
      return;
    case Dimension::kTime:
      number = step_ns > 0 ? at_ns - at_ns % step_ns : at_ns;
      return;
    default:
      return;
  }
}

// Lower bound of an idle time's bucket: 0, then nine steps a decade from one second up, so that 60, 350 and 3,600
// seconds stand apart from their neighbours.
uint64_t idle_bucket(uint64_t idle_ns) {
  if (idle_ns < kNsPerS) return 0;
  uint64_t decade = kNsPerS;
  while (idle_ns / decade >= 10) decade *= 10;
  return idle_ns / decade * decade;
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
      number = idle_bucket(row.natural(column));
      return;
    default:
      number = row.natural(column);
  }
}

using Sums = std::unordered_map<PlainKey, Total, PlainHash>;

// What counts in one entry of a rollup, or in one event.
struct Part {
  Way way;
  uint64_t count = 0;
  uint64_t lost_bytes = 0;
  uint64_t last_ns = 0;
};

double value_of(Metric metric, const Part& part) {
  const auto count = static_cast<double>(part.count);
  switch (metric) {
    case Metric::kEndings:
      return count;
    case Metric::kResets:
      return part.way.ending == Ending::kReset ? count : 0;
    case Metric::kRefused:
      return part.way.ending == Ending::kRefused ? count : 0;
    case Metric::kTimedOut:
      return part.way.ending == Ending::kTimedOut ? count : 0;
    case Metric::kLostBytes:
      return static_cast<double>(part.lost_bytes);
  }
  return count;
}

// The part of a key that lies in the way of ending.
uint64_t way_number(Dimension d, const Way& way) {
  switch (d) {
    case Dimension::kCause:
      return static_cast<uint64_t>(way.cause);
    case Dimension::kFamily:
      return static_cast<uint64_t>(family_of(way.cause));
    case Dimension::kOrigin:
      return static_cast<uint64_t>(way.origin);
    case Dimension::kStage:
      return static_cast<uint64_t>(way.stage);
    case Dimension::kSensor:
      return static_cast<uint64_t>(way.sensor);
    case Dimension::kSeverity:
      return static_cast<uint64_t>(way.severity);
    case Dimension::kEnding:
      return static_cast<uint64_t>(way.ending);
    default:
      return 0;
  }
}

class Summing {
 public:
  explicit Summing(const AggregateQuery& query) : query_(query) {}

  Result<void> add(const PlainKey& key, const Part& part) {
    const double value = value_of(query_.metric, part);
    Total& sum = sums_[key];
    sum.value += value;
    sum.last_ns = std::max(sum.last_ns, part.last_ns);
    add_to(sum.causes, part.way.cause, value);
    add_to(sum.origins, part.way.origin, value);
    if (sums_.size() <= query_.max_groups) return {};
    return Error{Code::kResource, "more than " + std::to_string(query_.max_groups) +
                                      " groups; narrow the time range or the filter, or choose a coarser dimension"};
  }
  [[nodiscard]] const Sums& sums() const { return sums_; }

 private:
  const AggregateQuery& query_;
  Sums sums_;
};

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
    event_.cause = way.cause;
    event_.origin = way.origin;
    event_.stage = way.stage;
    event_.ending = way.ending;
    event_.severity = way.severity;
    const auto name = names_.find(way.sensor);
    event_.sensor = name == names_.end() ? std::string() : name->second;
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

  const auto keys = keys_of(query.filter);
  if (keys) {
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
      if (const auto newest = lookup->tail_candidates(*keys)) {
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
        const auto candidates = lookup->candidates(segment, *keys);
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
  for (const Piece& piece : pieces) {
    const auto done =
        piece.tier != nullptr ? sum_rollup(db, query, piece, filter, summing) : sum_events(db, query, piece, summing);
    if (!done) return done.error();
  }
  std::vector<Group> groups;
  groups.reserve(summing.sums().size());
  for (const auto& [key, sum] : summing.sums()) {
    Group group;
    for (size_t i = 0; i < query.by.size(); ++i) {
      group.keys[i].ip = key.ips[i];
      group.keys[i].number = key.numbers[i];
      if (query.by[i] != Dimension::kSensor) continue;
      const auto name = names->find(static_cast<int64_t>(key.numbers[i]));
      group.keys[i].number = 0;
      if (name != names->end()) group.keys[i].text = name->second;
    }
    group.value = sum.value;
    group.last_ns = sum.last_ns;
    group.top_cause = greatest(sum.causes);
    group.top_origin = greatest(sum.origins);
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace rs::store::sqlite
