// SPDX-License-Identifier: Apache-2.0
//
// What the sensors said of themselves: newest state, and what they saw and missed in a range.
#include <string>
#include <utility>

#include "control/store/sqlite/health_blob.h"
#include "control/store/sqlite/reads.h"
#include "control/store/sqlite/schema.h"

namespace rs::store::sqlite {

Result<std::vector<Sensor>> sensors(Lease& db) {
  auto statement = db->prepare(
      "SELECT name, boot, last_seen_ns, ended, events, missing_batches, health FROM sensor ORDER BY name", false);
  if (!statement) return statement.error();
  std::vector<Sensor> rows;
  int code = SQLITE_OK;
  while ((code = statement->step()) == SQLITE_ROW) {
    Sensor sensor;
    sensor.name = statement->text(0);
    sensor.boot = statement->bits(1);
    sensor.last_seen_ns = statement->natural(2);
    sensor.ended = statement->integer(3) != 0;
    sensor.events = statement->natural(4);
    sensor.missing_batches = statement->natural(5);
    if (!statement->is_null(6)) decode_health(statement->blob(6), sensor.health);
    rows.push_back(std::move(sensor));
  }
  if (code != SQLITE_DONE) return db.error("sensors");
  return rows;
}

Result<std::vector<Coverage>> coverage(Lease& db, const TimeRange& range) {
  auto sensors = db->prepare("SELECT id, name, ended, last_seen_ns, missing_batches FROM sensor ORDER BY name", false);
  if (!sensors) return sensors.error();
  auto boots = db->prepare("SELECT boot FROM boot WHERE sensor = ?", false);
  if (!boots) return boots.error();
  // Counters only grow within a run, so what a range added is the last report in it minus the last one before it.
  auto report = db->prepare(
      "SELECT at_s, rx_pkts, missed_pkts, lost_events FROM health WHERE sensor = ? AND boot = ? AND at_s < ? ORDER BY "
      "at_s DESC LIMIT 1",
      false);
  if (!report) return report.error();
  const uint64_t since_s = range.since_ns / kNsPerS;
  const uint64_t until_s = range.until_ns / kNsPerS + (range.until_ns % kNsPerS > 0 ? 1 : 0);

  std::vector<Coverage> rows;
  int code = SQLITE_OK;
  while ((code = sensors->step()) == SQLITE_ROW) {
    Coverage row;
    row.sensor = sensors->text(1);
    row.ended = sensors->integer(2) != 0;
    row.last_seen_ns = sensors->natural(3);
    row.missing_batches = sensors->natural(4);
    const Reading done_boots(*boots);
    boots->bind(1, sensors->integer(0));
    while (boots->step() == SQLITE_ROW) {
      std::array<uint64_t, 3> before{};
      std::array<uint64_t, 3> at_end{};
      bool in_range = false;
      for (const auto& [limit_s, counters] : {std::pair(until_s, &at_end), std::pair(since_s, &before)}) {
        const Reading done_report(*report);
        report->bind(1, sensors->integer(0));
        report->bind_bits(2, boots->bits(0));
        report->bind(3, limit_s);
        if (report->step() != SQLITE_ROW) continue;
        for (int i = 0; i < 3; ++i) (*counters)[static_cast<size_t>(i)] = report->natural(i + 1);
        if (limit_s == until_s) in_range = report->natural(0) >= since_s;
      }
      if (!in_range) continue;
      row.reported = true;
      row.rx_pkts += at_end[0] - std::min(before[0], at_end[0]);
      row.missed_pkts += at_end[1] - std::min(before[1], at_end[1]);
      row.lost_events += at_end[2] - std::min(before[2], at_end[2]);
    }
    rows.push_back(std::move(row));
  }
  if (code != SQLITE_DONE) return db.error("sensors");
  return rows;
}

}  // namespace rs::store::sqlite
