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
#include "control/store/sqlite/pieces.h"
#include "control/store/sqlite/reads.h"
#include "control/store/sqlite/schema.h"

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

struct Sum {
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

std::string metric_sql(Metric metric, bool rollup) {
  const std::string count = rollup ? "endings" : "count";
  const auto only = [&](Ending ending) {
    return count + " * (ending = " + std::to_string(static_cast<int>(ending)) + ")";
  };
  switch (metric) {
    case Metric::kEndings:
      return count;
    case Metric::kResets:
      return only(Ending::kReset);
    case Metric::kRefused:
      return only(Ending::kRefused);
    case Metric::kTimedOut:
      return only(Ending::kTimedOut);
    case Metric::kLostBytes:
      return "lost_bytes";
  }
  return count;
}

// Columns that one dimension's key is made of; always two.
std::string key_sql(Dimension d, bool rollup) {
  switch (d) {
    case Dimension::kTime:
      return rollup ? "at_s * 1000000000, 0" : "time_ns, 0";
    case Dimension::kService:
      return "server_ip, server_port";
    case Dimension::kServerIp:
    case Dimension::kServerNetwork:
      return "server_ip, 0";
    case Dimension::kClientIp:
    case Dimension::kClientNetwork:
      return "client_ip, 0";
    case Dimension::kCause:
    case Dimension::kFamily:
      return "cause, 0";
    case Dimension::kOrigin:
      return "origin, 0";
    case Dimension::kStage:
      return "stage, 0";
    case Dimension::kSensor:
      return "sensor, 0";
    case Dimension::kIdleTime:
      return "idle_ns, 0";
    case Dimension::kSeverity:
      return "severity, 0";
    case Dimension::kPort:
      return "server_port, 0";
    case Dimension::kEnding:
      return "ending, 0";
  }
  return "0, 0";
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
    case Dimension::kFamily:
      number = static_cast<uint64_t>(family_of(static_cast<Cause>(row.integer(column))));
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

using Sums = std::unordered_map<PlainKey, Sum, PlainHash>;

Result<void> sum_piece(Lease& db, const AggregateQuery& query, const Condition& condition, const Piece& piece,
                       Sums& sums) {
  const bool rollup = piece.tier != nullptr;
  std::string sql =
      "SELECT cause, origin, " + std::string(rollup ? "last_ns, " : "time_ns, ") + metric_sql(query.metric, rollup);
  for (const Dimension d : query.by) sql += ", " + key_sql(d, rollup);
  sql += " FROM " + (rollup ? std::string(piece.tier->table) + " WHERE at_s >= ? AND at_s < ?"
                            : "event WHERE time_ns >= ? AND time_ns < ?");
  sql += " AND (" + condition.sql + ")";
  auto statement = db->prepare(sql, false);
  if (!statement) return statement.error();
  const uint64_t unit = rollup ? kNsPerS : 1;
  statement->bind(1, piece.since_ns / unit);
  statement->bind(2, piece.until_ns / unit);
  bind_parameters(*statement, 3, condition);
  int code = SQLITE_OK;
  while ((code = statement->step()) == SQLITE_ROW) {
    const double value = statement->real(3);
    PlainKey key;
    for (size_t i = 0; i < query.by.size(); ++i)
      read_key(*statement, 4 + 2 * static_cast<int>(i), query.by[i], query.step_ns, key.ips[i], key.numbers[i]);
    Sum& sum = sums[key];
    sum.value += value;
    sum.last_ns = std::max(sum.last_ns, statement->natural(2));
    add_to(sum.causes, static_cast<Cause>(statement->integer(0)), value);
    add_to(sum.origins, static_cast<Origin>(statement->integer(1)), value);
    if (sums.size() > query.max_groups)
      return Error{Code::kResource, "more than " + std::to_string(query.max_groups) +
                                        " groups; narrow the time range or the filter, or choose a coarser dimension"};
  }
  if (code != SQLITE_DONE) return db.error("aggregate");
  return {};
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

  const Condition condition = condition_of(query.filter);
  Sums sums;
  for (const Piece& piece : pieces)
    if (auto done = sum_piece(db, query, condition, piece, sums); !done) return done.error();

  const auto names = db.sensor_names();
  if (!names) return names.error();
  std::vector<Group> groups;
  groups.reserve(sums.size());
  for (const auto& [key, sum] : sums) {
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
