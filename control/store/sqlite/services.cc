// SPDX-License-Identifier: Apache-2.0
//
// Sums of service statistics, the denominators: over a range, or one a step of it, and one a sensor when asked.
#include <array>
#include <bit>
#include <string>
#include <unordered_map>

#include "control/store/sqlite/filter_sql.h"
#include "control/store/sqlite/hash.h"
#include "control/store/sqlite/pieces.h"
#include "control/store/sqlite/reads.h"

namespace rs::store::sqlite {
namespace {

struct Key {
  model::Endpoint server;
  uint64_t at_ns = 0;
  int64_t sensor = 0;
  bool operator==(const Key&) const = default;
};

struct KeyHasher {
  size_t operator()(const Key& key) const {
    Mixer mixer;
    for (const uint64_t half : std::bit_cast<std::array<uint64_t, 2>>(key.server.ip)) mixer.add(half);
    mixer.add(uint64_t{key.server.port} << 48 ^ static_cast<uint64_t>(key.sensor));
    mixer.add(key.at_ns);
    return mixer.value();
  }
};

using Totals = std::unordered_map<Key, ServiceTotals, KeyHasher>;

Result<void> sum_piece(Lease& db, const ServiceQuery& query, const Condition& condition, const Piece& piece,
                       Totals& totals) {
  auto row = db->prepare(
      "SELECT server_ip, server_port, sensor, at_s, attempted, established, closed_cleanly, refused, reset, timed_out,"
      " lost_bytes FROM " +
          std::string(piece.tier->service) + " WHERE at_s >= ? AND at_s < ? AND (" + condition.sql + ")",
      false);
  if (!row) return row.error();
  row->bind(1, piece.since_ns / kNsPerS);
  row->bind(2, piece.until_ns / kNsPerS);
  bind_parameters(*row, 3, condition);
  int code = SQLITE_OK;
  while ((code = row->step()) == SQLITE_ROW) {
    Key key{{row->ip(0), static_cast<uint16_t>(row->natural(1))}, 0, 0};
    if (query.by_sensor) key.sensor = row->integer(2);
    if (query.step_ns > 0) {
      const uint64_t at = row->natural(3) * kNsPerS;
      key.at_ns = at - at % query.step_ns;
    }
    ServiceTotals& sum = totals[key];
    int column = 4;
    for (uint64_t* field : {&sum.attempted, &sum.established, &sum.closed_cleanly, &sum.refused, &sum.reset,
                            &sum.timed_out, &sum.lost_bytes})
      *field += row->natural(column++);
  }
  if (code != SQLITE_DONE) return db.error("services");
  return {};
}

}  // namespace

Result<std::vector<ServiceTotals>> services(Lease& db, const ServiceQuery& query) {
  if (!services_answer(query.filter))
    return Error{Code::kInvalid,
                 "service statistics know only server_ip, server_port, tag and sensor: filter by these"};
  // Statistics come once an interval of 10 s: an interval belongs to the range its start is in.
  const uint64_t width = kTiers.front().seconds * kNsPerS;
  const uint64_t until = query.range.until_ns > kForever - width ? kForever / width * width
                                                                 : (query.range.until_ns + width - 1) / width * width;
  const Condition condition = condition_of(query.filter);
  Totals totals;
  for (const Piece& piece : pieces_of({query.range.since_ns / width * width, until}, true, query.step_ns)) {
    if (piece.tier == nullptr) continue;  // beyond the last whole bucket before the end of time
    if (auto done = sum_piece(db, query, condition, piece, totals); !done) return done.error();
  }
  const auto names = db.sensor_names();
  if (!names) return names.error();
  std::vector<ServiceTotals> rows;
  rows.reserve(totals.size());
  for (auto& [key, sum] : totals) {
    sum.server = key.server;
    sum.at_ns = key.at_ns;
    if (const auto name = names->find(key.sensor); query.by_sensor && name != names->end()) sum.sensor = name->second;
    rows.push_back(std::move(sum));
  }
  return rows;
}

}  // namespace rs::store::sqlite
