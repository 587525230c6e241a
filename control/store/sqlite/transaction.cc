// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/transaction.h"

#include <algorithm>

#include "control/store/sqlite/health_blob.h"

namespace rs::store::sqlite {
namespace {

// Finest resolution at which a sensor's reports are kept: that of the finest rollup.
constexpr uint64_t kHealthSeconds = kTiers[0].seconds;
constexpr uint64_t kHourSeconds = 3600;
constexpr uint64_t kNsPerHour = kHourSeconds * kNsPerS;

}  // namespace

Result<void> Transaction::prepare(Connection& db, Options options) {
  db_ = db.handle();
  options_ = options;
  const std::pair<Statement*, std::string> statements[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&roll_back_, "ROLLBACK"},
      {&find_event_, "SELECT 1 FROM event WHERE time_ns = ? AND id = ?"},
      {&insert_service_, "INSERT OR IGNORE INTO service_raw VALUES(?,?,?,?,?,?,?,?)"},
      {&find_sensor_, "SELECT id FROM sensor WHERE name = ?"},
      {&add_sensor_, "INSERT INTO sensor(name, boot, last_seen_ns) VALUES(?, 0, 0)"},
      {&update_sensor_,
       "UPDATE sensor SET boot = ?2, last_seen_ns = max(last_seen_ns, ?3), ended = ?4, events = events + ?5,"
       " missing_batches = max(0, missing_batches + ?6) WHERE id = ?1"},
      {&save_health_, "UPDATE sensor SET health = ?2 WHERE id = ?1"},
      {&save_report_, "INSERT OR REPLACE INTO health VALUES(?,?,?,?,?,?)"},
      {&save_hour_,
       "INSERT INTO hour VALUES(?, ?) ON CONFLICT DO UPDATE SET last_arrival_ns = max(last_arrival_ns, "
       "excluded.last_arrival_ns)"},
      {&save_watched_,
       "INSERT INTO watched VALUES(?,?,?,?) ON CONFLICT DO UPDATE SET first_ns = min(first_ns, excluded.first_ns),"
       " last_ns = max(last_ns, excluded.last_ns)"},
      {&save_counts_,
       "UPDATE meta SET value = CASE key WHEN 'next_cursor' THEN ?1 WHEN 'events' THEN value + ?2 ELSE value + ?3 END"
       " WHERE key IN ('next_cursor', 'events', 'endings')"},
  };
  for (const auto& [statement, sql] : statements) {
    auto prepared = db.prepare(sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  if (auto ready = incoming_.prepare(db); !ready) return ready;
  if (auto ready = rollup_.prepare(db); !ready) return ready;
  if (auto rebuilt = rollup_.rebuild(db); !rebuilt) return rebuilt;
  if (auto ready = service_rollup_.prepare(db); !ready) return ready;
  if (auto ready = lookup_.prepare(db, options.lookup_tail); !ready) return ready;
  if (auto ready = columns_.prepare(db, options.column_tail); !ready) return ready;
  if (auto ready = sequences_.prepare(db); !ready) return ready;
  if (auto ready = findings_.prepare(db); !ready) return ready;
  const auto next = db.scalar("SELECT value FROM meta WHERE key = 'next_cursor'");
  if (!next) return next.error();
  next_cursor_ = committed_cursor_ = static_cast<uint64_t>(std::max<int64_t>(*next, 1));
  return {};
}

int Transaction::begin() {
  new_rows_ = new_endings_ = arrival_ns_ = 0;
  hours_.clear();
  return begin_.run();
}

int Transaction::sensor_id(const std::string& name, int64_t& id) {
  if (const auto found = sensor_ids_.find(name); found != sensor_ids_.end()) {
    id = found->second;
    return SQLITE_OK;
  }
  const Reading done(find_sensor_);
  find_sensor_.bind(1, std::string_view(name));
  const int found = find_sensor_.step();
  if (found == SQLITE_ROW) {
    id = find_sensor_.integer(0);
  } else if (found == SQLITE_DONE) {
    add_sensor_.bind(1, std::string_view(name));
    if (const int code = add_sensor_.run(); code != SQLITE_OK) return code;
    id = sqlite3_last_insert_rowid(db_);
  } else {
    return found;
  }
  sensor_ids_.emplace(name, id);
  return SQLITE_OK;
}

int Transaction::judge_event(model::Event& event, const model::Batch& batch, int64_t sensor, bool& counts) {
  counts = true;
  if (judge_ == nullptr) return SQLITE_OK;
  // Live input comes once, its batches are told apart by number; a capture may be read again.
  if (batch.input != batch.boot) {
    bool known = false;
    if (const int code = findings_.was_sighting(event.id, known); code != SQLITE_OK) return code;
    if (known) {
      counts = false;
      return SQLITE_OK;
    }
  }
  const auto sighting = judge_->judge(event, batch.sensor);
  if (!sighting) return SQLITE_OK;
  const int64_t other = lookup_.sensor_of(sighting->event_id);
  if (other == 0) return SQLITE_OK;  // its transaction failed: this one counts
  if (const int code = findings_.save(*sighting, sensor, other, event.server); code != SQLITE_OK) return code;
  sightings_.push_back(*sighting);
  // Set, not subtracted: the transaction may be tried again with this very event.
  counts = sighting->count < sighting->total;
  if (counts) event.count = sighting->total - sighting->count;
  return SQLITE_OK;
}

int Transaction::is_stored(const model::Event& event, bool& stored) {
  const Reading done(find_event_);
  find_event_.bind(1, event.time_ns);
  find_event_.bind_bits(2, event.id);
  const int code = find_event_.step();
  stored = code == SQLITE_ROW;
  return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

int Transaction::insert_events(model::Batch& batch, int64_t sensor) {
  const bool capture = batch.input != batch.boot;
  for (uint32_t i = 0; i < batch.events.size(); ++i) {
    model::Event& event = batch.events[i];
    bool counts = true;
    if (const int code = judge_event(event, batch, sensor, counts); code != SQLITE_OK) return code;
    if (!counts) continue;
    if (capture) {
      bool stored = false;
      if (const int code = is_stored(event, stored); code != SQLITE_OK) return code;
      if (stored) continue;
    }
    event.cursor = next_cursor_++;
    fresh_.push_back(i);
    // The next one of a capture may be this one again: it is looked for in the table.
    if (capture)
      if (const int code = incoming_.insert(batch.events, {i}, sensor); code != SQLITE_OK) return code;
    lookup_.add(event, sensor);
    columns_.add(event, sensor);
    new_endings_ += event.count;
    hours_.insert(event.time_ns / kNsPerHour);
    if (options_.rollups) rollup_.add(event, sensor);
  }
  new_rows_ += fresh_.size();
  return capture || fresh_.empty() ? SQLITE_OK : incoming_.insert(batch.events, fresh_, sensor);
}

int Transaction::insert_services(const model::Batch& batch, int64_t sensor) {
  for (const model::ServiceStats& s : batch.services) {
    if (batch.input != batch.boot) {  // a capture may be read again: its rows are told apart one by one
      encode_causes(s.by_cause, scratch_);
      insert_service_.bind(1, sensor);
      insert_service_.bind_bits(2, batch.input);
      insert_service_.bind(3, static_cast<int64_t>(s.worker));
      insert_service_.bind(4, s.from_ns);
      insert_service_.bind_ip(5, s.server.ip);
      insert_service_.bind(6, static_cast<int64_t>(s.server.port));
      insert_service_.bind(7, static_cast<int64_t>(s.network_tag));
      insert_service_.bind_blob(8, scratch_);
      if (const int code = insert_service_.run(); code != SQLITE_OK) return code;
      if (sqlite3_changes(db_) == 0) continue;
    }
    hours_.insert(s.from_ns / kNsPerHour);
    service_rollup_.add(s, sensor);
  }
  return SQLITE_OK;
}

// Everything between the first and the last packet time of a run was watched: what the sensor missed in between is in
// its reports.
int Transaction::save_watched(const model::Batch& batch, int64_t sensor) {
  uint64_t first = UINT64_MAX;
  uint64_t last = 0;
  const auto add = [&](uint64_t from, uint64_t to) {
    if (from == 0 && to == 0) return;
    first = std::min(first, from);
    last = std::max(last, to);
  };
  for (const model::Event& event : batch.events) add(event.time_ns, event.time_ns);
  for (const model::ServiceStats& stats : batch.services) add(stats.from_ns, stats.to_ns);
  if (batch.health) add(batch.health->time_ns, batch.health->time_ns);
  if (first > last) return SQLITE_OK;
  save_watched_.bind(1, sensor);
  save_watched_.bind_bits(2, batch.boot);
  save_watched_.bind(3, first);
  save_watched_.bind(4, last);
  return save_watched_.run();
}

int Transaction::update_sensor(const model::Batch& batch, int64_t sensor, const Sequences::Verdict& verdict,
                               uint64_t new_events) {
  update_sensor_.bind(1, sensor);
  update_sensor_.bind_bits(2, batch.boot);
  update_sensor_.bind(3, batch.received_ns);
  update_sensor_.bind(4, static_cast<int64_t>(batch.last));
  update_sensor_.bind(5, new_events);
  update_sensor_.bind(
      6, static_cast<int64_t>(std::min<uint64_t>(verdict.opened, INT64_MAX / 2)) - (verdict.filled ? 1 : 0));
  if (const int code = update_sensor_.run(); code != SQLITE_OK) return code;
  if (!batch.health) return SQLITE_OK;

  encode_health(*batch.health, scratch_);
  save_health_.bind(1, sensor);
  save_health_.bind_blob(2, scratch_);
  if (const int code = save_health_.run(); code != SQLITE_OK) return code;
  hours_.insert(batch.health->time_ns / kNsPerHour);
  const uint64_t seconds = batch.health->time_ns / kNsPerS;
  save_report_.bind(1, sensor);
  save_report_.bind_bits(2, batch.boot);
  save_report_.bind(3, seconds - seconds % kHealthSeconds);
  save_report_.bind(4, batch.health->rx_pkts);
  save_report_.bind(5, batch.health->missed_pkts);
  save_report_.bind(6, batch.health->ring_dropped_events + batch.health->lost_events);
  return save_report_.run();
}

int Transaction::apply(model::Batch& batch, Written& written) {
  fresh_.clear();
  sightings_.clear();
  arrival_ns_ = std::max(arrival_ns_, batch.received_ns);
  int64_t sensor = 0;
  if (const int code = sensor_id(batch.sensor, sensor); code != SQLITE_OK) return code;
  const Sequences::Verdict verdict = sequences_.arrive(sensor, batch.boot, batch.sequence, batch.received_ns);
  if (verdict.code != SQLITE_OK) return verdict.code;
  if (verdict.duplicate) {
    written.outcome = Outcome::kDuplicate;
    return SQLITE_OK;
  }
  if (const int code = insert_events(batch, sensor); code != SQLITE_OK) return code;
  if (const int code = insert_services(batch, sensor); code != SQLITE_OK) return code;
  if (const int code = save_watched(batch, sensor); code != SQLITE_OK) return code;
  if (const int code = update_sensor(batch, sensor, verdict, fresh_.size()); code != SQLITE_OK) return code;
  written.outcome = Outcome::kStored;
  written.new_events = fresh_.size();
  written.gap_batches = verdict.opened;
  return SQLITE_OK;
}

int Transaction::flush_hours() {
  for (const uint64_t hour : hours_) {
    save_hour_.bind(1, hour * kHourSeconds);
    save_hour_.bind(2, arrival_ns_);
    if (const int code = save_hour_.run(); code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

int Transaction::commit() {
  if (const int code = rollup_.flush(); code != SQLITE_OK) return code;
  if (const int code = service_rollup_.flush(); code != SQLITE_OK) return code;
  if (const int code = lookup_.flush(); code != SQLITE_OK) return code;
  if (const int code = columns_.flush(); code != SQLITE_OK) return code;
  if (const int code = flush_hours(); code != SQLITE_OK) return code;
  save_counts_.bind(1, next_cursor_);
  save_counts_.bind(2, new_rows_);
  save_counts_.bind(3, new_endings_);
  if (const int code = save_counts_.run(); code != SQLITE_OK) return code;
  if (const int code = commit_.run(); code != SQLITE_OK) return code;
  committed_cursor_ = next_cursor_;
  return SQLITE_OK;
}

void Transaction::roll_back() {
  // Fails when SQLite has rolled back on its own, which is as good.
  (void)roll_back_.run();
  rollup_.clear();
  service_rollup_.clear();
  sequences_.forget();
  sensor_ids_.clear();
  fresh_.clear();
  next_cursor_ = committed_cursor_;
  // When even reading fails, the next transaction fails, too, and comes here again.
  (void)lookup_.roll_back();
  (void)columns_.roll_back();
}

}  // namespace rs::store::sqlite
