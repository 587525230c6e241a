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
#include "control/store/sqlite/service_sums.h"

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

void add(const ServiceSum& one, ServiceTotals& sum) {
  const auto& [attempted, established, closed_cleanly, refused, reset, timed_out, client_bytes, server_bytes, lost] =
      one.counts;
  sum.attempted += attempted;
  sum.established += established;
  sum.closed_cleanly += closed_cleanly;
  sum.refused += refused;
  sum.reset += reset;
  sum.timed_out += timed_out;
  sum.lost_bytes += lost;
}

Result<void> sum_piece(Lease& db, const ServiceQuery& query, const SensorNames& names, const Piece& piece,
                       Totals& totals) {
  auto row = db->prepare(
      "SELECT at_s, sensor, sums FROM " + std::string(piece.tier->service) + " WHERE at_s >= ? AND at_s < ?", false);
  if (!row) return row.error();
  row->bind(1, piece.since_ns / kNsPerS);
  row->bind(2, piece.until_ns / kNsPerS);
  const bool all = query.filter.kind == model::Filter::Kind::kAll;
  model::Event asked;
  std::vector<ServiceSum> sums;
  int code = SQLITE_OK;
  while ((code = row->step()) == SQLITE_ROW) {
    const uint64_t at = row->natural(0) * kNsPerS;
    const int64_t sensor = row->integer(1);
    if (!decode_services(row->blob(2), sums)) return Error{Code::kCorrupt, "a row of service statistics is damaged"};
    const auto name = names.find(sensor);
    asked.sensor = name == names.end() ? std::string() : name->second;
    for (const ServiceSum& one : sums) {
      asked.server = one.key.server;
      asked.network_tag = one.key.tag;
      if (!all && !model::matches(query.filter, asked)) continue;
      const uint64_t bucket = query.step_ns > 0 ? at - at % query.step_ns : 0;
      add(one, totals[{one.key.server, bucket, query.by_sensor ? sensor : 0}]);
    }
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
  const auto names = db.sensor_names();
  if (!names) return names.error();
  Totals totals;
  for (const Piece& piece : pieces_of({query.range.since_ns / width * width, until}, true, query.step_ns)) {
    if (piece.tier == nullptr) continue;  // beyond the last whole bucket before the end of time
    if (auto done = sum_piece(db, query, *names, piece, totals); !done) return done.error();
  }
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
