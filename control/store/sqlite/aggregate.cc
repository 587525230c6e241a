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
#include "control/store/sqlite/reads.h"
#include "control/store/sqlite/schema.h"

namespace rs::store::sqlite {
namespace {

// A piece of the range and the table that answers it.
struct Piece {
  uint64_t since_ns = 0;
  uint64_t until_ns = 0;
  const Tier* tier = nullptr;  // nullptr: the events
};

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

// Outer pieces from finer tables, the middle from the coarsest: events | 10 s | 1 min | 1 h | 1 min | 10 s | events.
void cut(uint64_t since_ns, uint64_t until_ns, int tier, uint64_t step_ns, std::vector<Piece>& pieces) {
  if (since_ns >= until_ns) return;
  if (tier < 0) {
    pieces.push_back({since_ns, until_ns, nullptr});
    return;
  }
  const uint64_t width = kTiers[static_cast<size_t>(tier)].seconds * kNsPerS;
  const uint64_t first = (since_ns + width - 1) / width * width;
  const uint64_t last = until_ns / width * width;
  if (first >= last || (step_ns > 0 && step_ns % width != 0)) return cut(since_ns, until_ns, tier - 1, step_ns, pieces);
  cut(since_ns, first, tier - 1, step_ns, pieces);
  pieces.push_back({first, last, &kTiers[static_cast<size_t>(tier)]});
  cut(last, until_ns, tier - 1, step_ns, pieces);
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

model::Ip network_of(const model::Ip& ip) {
  const bool v4 = model::is_v4(ip);
  const auto bits = static_cast<uint8_t>(v4 ? model::kMappedBits + kClientNetworkBitsV4 : kClientNetworkBitsV6);
  return model::first_of({ip, bits});
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
  std::vector<Piece> pieces;
  // Reading to the end of time needs no ragged end.
  const uint64_t until = query.range.until_ns == kForever
                             ? kForever / (kTiers.back().seconds * kNsPerS) * (kTiers.back().seconds * kNsPerS)
                             : query.range.until_ns;
  cut(query.range.since_ns, until, by_rollups ? static_cast<int>(kTiers.size()) - 1 : -1, by_time ? query.step_ns : 0,
      pieces);

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

Result<std::vector<ServiceTotals>> services(Lease& db, const ServiceQuery& query) {
  if (!services_answer(query.filter))
    return Error{Code::kInvalid,
                 "service statistics know only server_ip, server_port, tag and sensor: filter by these"};
  std::vector<Piece> pieces;
  // Statistics come once an interval of 10 s: an interval belongs to the range its start is in.
  const uint64_t width = kTiers.front().seconds * kNsPerS;
  const uint64_t until = query.range.until_ns > kForever - width ? kForever / width * width
                                                                 : (query.range.until_ns + width - 1) / width * width;
  cut(query.range.since_ns / width * width, until, static_cast<int>(kTiers.size()) - 1, 0, pieces);

  const Condition condition = condition_of(query.filter);
  std::unordered_map<PlainKey, ServiceTotals, PlainHash> totals;
  for (const Piece& piece : pieces) {
    if (piece.tier == nullptr) continue;  // beyond the last whole bucket before the end of time
    auto statement = db->prepare(
        "SELECT server_ip, server_port, attempted, established, closed_cleanly, refused, reset, timed_out, lost_bytes "
        "FROM " +
            std::string(piece.tier->service) + " WHERE at_s >= ? AND at_s < ? AND (" + condition.sql + ")",
        false);
    if (!statement) return statement.error();
    statement->bind(1, piece.since_ns / kNsPerS);
    statement->bind(2, piece.until_ns / kNsPerS);
    bind_parameters(*statement, 3, condition);
    int code = SQLITE_OK;
    while ((code = statement->step()) == SQLITE_ROW) {
      PlainKey key;
      key.ips[0] = statement->ip(0);
      key.numbers[0] = statement->natural(1);
      ServiceTotals& sum = totals[key];
      sum.server = {key.ips[0], static_cast<uint16_t>(key.numbers[0])};
      int column = 2;
      for (uint64_t* field : {&sum.attempted, &sum.established, &sum.closed_cleanly, &sum.refused, &sum.reset,
                              &sum.timed_out, &sum.lost_bytes})
        *field += statement->natural(column++);
    }
    if (code != SQLITE_DONE) return db.error("services");
  }
  std::vector<ServiceTotals> rows;
  rows.reserve(totals.size());
  for (auto& [key, sum] : totals) rows.push_back(sum);
  return rows;
}

}  // namespace rs::store::sqlite
