// SPDX-License-Identifier: Apache-2.0
//
// What the sensors said of themselves: newest state, and what they saw and missed in a range.
#include <algorithm>
#include <array>
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

namespace {

using Counters = std::array<uint64_t, 2>;  // missed packets, lost events

// Adds one run of a sensor. Counters only grow within it: what a step added is the last report in it minus the last
// one before it.
Result<void> add_run(Lease& db, Statement& report, int64_t sensor, uint64_t boot, uint64_t start_ns, uint64_t step_ns,
                     uint64_t first_ns, uint64_t last_ns, std::vector<WatchedStep>& steps) {
  const auto counters_before = [&](uint64_t at_ns, Counters& into) -> Result<void> {
    const Reading done(report);
    report.bind(1, sensor);
    report.bind_bits(2, boot);
    report.bind(3, at_ns / kNsPerS);
    const int code = report.step();
    if (code == SQLITE_ROW)
      into = {report.natural(0), report.natural(1)};
    else if (code != SQLITE_DONE)
      return db.error("sensors");
    return {};
  };
  Counters before{};
  bool known = false;
  for (size_t i = 0; i < steps.size(); ++i) {
    const uint64_t from = start_ns + i * step_ns;
    if (from > last_ns || from + step_ns <= first_ns) continue;
    steps[i].watching = true;
    if (!known)
      if (auto read = counters_before(from, before); !read) return read;
    known = true;
    Counters after = before;
    // A run's last report can be a little younger than its last packet: it belongs to the last step.
    if (auto read = counters_before(from + step_ns > last_ns ? kForever : from + step_ns, after); !read) return read;
    steps[i].missed_pkts += after[0] - std::min(before[0], after[0]);
    steps[i].lost_events += after[1] - std::min(before[1], after[1]);
    before = after;
  }
  return {};
}

}  // namespace

Result<std::vector<Watched>> watched(Lease& db, const TimeRange& range, uint64_t step_ns) {
  auto runs = db->prepare(
      "SELECT s.id, s.name, s.ended, w.boot, w.first_ns, w.last_ns FROM sensor s JOIN watched w ON w.sensor = s.id"
      " ORDER BY s.name, w.first_ns",
      false);
  if (!runs) return runs.error();
  auto report = db->prepare(
      "SELECT missed_pkts, lost_events FROM health WHERE sensor = ? AND boot = ? AND at_s < ? ORDER BY at_s DESC LIMIT "
      "1",
      false);
  if (!report) return report.error();
  const uint64_t start = step_ns > 0 ? range.since_ns - range.since_ns % step_ns : range.since_ns;
  if (step_ns == 0) step_ns = std::max<uint64_t>(range.until_ns - range.since_ns, 1);
  const size_t steps = range.until_ns > start ? (range.until_ns - start + step_ns - 1) / step_ns : 0;
  std::vector<Watched> rows;
  int code = SQLITE_OK;
  while ((code = runs->step()) == SQLITE_ROW) {
    const uint64_t first = runs->natural(4);
    const uint64_t last = runs->natural(5);
    if (rows.empty() || rows.back().sensor != runs->text(1)) {
      rows.push_back({std::string(runs->text(1)), runs->integer(2) != 0, first, last, {}});
      rows.back().steps.resize(steps);
    }
    Watched& row = rows.back();
    row.last_ns = std::max(row.last_ns, last);
    if (last < start || first >= range.until_ns) continue;
    if (auto added = add_run(db, *report, runs->integer(0), runs->bits(3), start, step_ns, first, last, row.steps);
        !added)
      return added.error();
  }
  if (code != SQLITE_DONE) return db.error("sensors");
  return rows;
}

}  // namespace rs::store::sqlite
