// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/service_rollup.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace rs::store::sqlite {

Result<void> ServiceRollup::prepare(Connection& db) {
  for (size_t i = 0; i < kTiers.size(); ++i) {
    const std::string table(kTiers[i].service);
    auto read = db.prepare("SELECT sums FROM " + table + " WHERE at_s = ? AND sensor = ?");
    if (!read) return read.error();
    read_[i] = std::move(*read);
    auto write = db.prepare("INSERT OR REPLACE INTO " + table + " VALUES(?,?,?)");
    if (!write) return write.error();
    write_[i] = std::move(*write);
  }
  for (size_t i = 0; i < kTiers.size(); ++i)
    if (auto taken = take_over(db, i); !taken) return taken;
  return {};
}

// An hour of buckets a transaction, so that a start that is broken off goes on where it was.
Result<void> ServiceRollup::take_over(Connection& db, size_t tier) {
  constexpr uint64_t kAtOnce = 3600;
  const std::string table(kTiers[tier].service_by_row);
  const auto there = db.scalar("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '" + table + "'");
  if (!there) return there.error();
  if (*there == 0) return {};
  const auto failed = [&] {
    Error error = error_of(db.handle(), "cannot take over the service statistics of an older program");
    (void)db.execute("ROLLBACK");
    return error;
  };
  for (bool said = false;;) {
    const auto oldest = db.scalar("SELECT coalesce(min(at_s), -1) FROM " + table);
    if (!oldest) return oldest.error();
    if (*oldest < 0) break;
    if (!std::exchange(said, true)) spdlog::info("store: taking over the statistics in {}, once", table);
    const uint64_t until = static_cast<uint64_t>(*oldest) + kAtOnce;
    const std::string there_before = " FROM " + table + " WHERE at_s < " + std::to_string(until);
    if (auto begun = db.execute("BEGIN IMMEDIATE"); !begun) return begun;
    std::map<std::pair<uint64_t, int64_t>, std::vector<ServiceSum>> sums;
    {
      auto row = db.prepare(
          "SELECT at_s, sensor, server_ip, server_port, tag, attempted, established, closed_cleanly, refused, reset,"
          " timed_out, client_bytes, server_bytes, lost_bytes" +
              there_before,
          false);
      if (!row) return failed();
      int code = SQLITE_OK;
      while ((code = row->step()) == SQLITE_ROW) {
        ServiceSum& sum = sums[{row->natural(0), row->integer(1)}].emplace_back();
        sum.key = {{row->ip(2), static_cast<uint16_t>(row->integer(3))}, static_cast<uint32_t>(row->integer(4))};
        for (size_t i = 0; i < sum.counts.size(); ++i) sum.counts[i] = row->natural(5 + static_cast<int>(i));
      }
      if (code != SQLITE_DONE) return failed();
    }
    std::vector<Row> rows;
    for (auto& [key, list] : sums) {
      std::ranges::sort(list, {}, &ServiceSum::key);
      rows.push_back({key.first, key.second, std::move(list)});
    }
    if (write(tier, rows) != SQLITE_OK || !db.execute("DELETE" + there_before) || !db.execute("COMMIT"))
      return failed();
  }
  return db.execute("DROP TABLE " + table);
}

void ServiceRollup::add(const model::ServiceStats& s, int64_t sensor_id) {
  const uint64_t seconds = s.from_ns / kNsPerS;
  fresh_.push_back({seconds - seconds % kTiers[0].seconds,
                    sensor_id,
                    {{s.server, s.network_tag},
                     {s.attempted, s.established, s.closed_cleanly, s.refused, s.reset, s.timed_out, s.client_bytes,
                      s.server_bytes, s.lost_bytes}}});
}

// The rows of a finer tier folded: each of its rows is in order, so they merge.
std::vector<ServiceRollup::Row> ServiceRollup::coarser(const std::vector<Row>& rows, uint64_t seconds) {
  std::map<std::pair<uint64_t, int64_t>, std::vector<ServiceSum>> sums;
  for (const Row& row : rows) merge_services(row.sums, sums[{row.at_s - row.at_s % seconds, row.sensor}]);
  std::vector<Row> out;
  out.reserve(sums.size());
  for (auto& [key, list] : sums) out.push_back({key.first, key.second, std::move(list)});
  return out;
}

int ServiceRollup::write(size_t tier, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    Statement& read = read_[tier];
    row_.clear();
    {
      const Reading done(read);
      read.bind(1, row.at_s);
      read.bind(2, row.sensor);
      const int code = read.step();
      if (code != SQLITE_ROW && code != SQLITE_DONE) return code;
      if (code == SQLITE_ROW && !decode_services(read.blob(0), row_)) return SQLITE_CORRUPT;
    }
    merge_services(row.sums, row_);
    encode_services(row_, bytes_);
    write_[tier].bind(1, row.at_s);
    write_[tier].bind(2, row.sensor);
    write_[tier].bind_blob(3, bytes_);
    if (const int code = write_[tier].run(); code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

int ServiceRollup::flush() {
  if (fresh_.empty()) return SQLITE_OK;
  const auto in_order = [](const Fresh& a, const Fresh& b) {
    return std::tie(a.at_s, a.sensor, a.sum.key) < std::tie(b.at_s, b.sensor, b.sum.key);
  };
  // Sensors report bucket after bucket: often there is nothing to sort.
  if (!std::ranges::is_sorted(fresh_, in_order)) std::ranges::sort(fresh_, in_order);
  std::vector<Row> rows;
  for (const Fresh& one : fresh_) {
    if (rows.empty() || rows.back().at_s != one.at_s || rows.back().sensor != one.sensor)
      rows.push_back({one.at_s, one.sensor, {}});
    rows.back().sums.push_back(one.sum);
  }
  for (size_t tier = 0; tier < kTiers.size(); ++tier) {
    if (tier > 0) rows = coarser(rows, kTiers[tier].seconds);
    if (const int code = write(tier, rows); code != SQLITE_OK) return code;
  }
  clear();
  return SQLITE_OK;
}

}  // namespace rs::store::sqlite
