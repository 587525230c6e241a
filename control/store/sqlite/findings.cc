// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/findings.h"

#include <utility>

#include "control/model/filter.h"
#include "control/store/sqlite/body.h"

namespace rs::store::sqlite {
namespace {

constexpr uint64_t kFormat = 1;

void encode(const model::Sighting& s, std::string& out) {
  out.clear();
  put_varint(out, kFormat);
  model::put_zigzag(out, s.skew_ns);
  for (const uint64_t n :
       {uint64_t{static_cast<uint8_t>(s.origin)}, uint64_t{static_cast<uint8_t>(s.cause)},
        static_cast<uint64_t>(model::share_units(s.confidence)), uint64_t{s.rst_ttl}, s.rtt_client_ns, s.rtt_server_ns})
    put_varint(out, n);
}

bool decode(std::string_view body, model::Sighting& s) {
  BodyReader in(body);
  if (in.varint() != kFormat) return false;
  s.skew_ns = in.zigzag();
  const uint64_t origin = in.varint();
  s.origin = origin < kOriginCount ? static_cast<Origin>(origin) : Origin::kUnknown;
  const uint64_t cause = in.varint();
  s.cause = cause < kCauseCount ? static_cast<Cause>(cause) : Cause::kUnknown;
  s.confidence = static_cast<double>(in.varint()) / model::kShareUnits;
  s.rst_ttl = static_cast<uint8_t>(in.varint());
  s.rtt_client_ns = in.varint();
  s.rtt_server_ns = in.varint();
  return in.ok();
}

}  // namespace

Result<void> FindingsWriter::prepare(Connection& db) {
  const std::pair<Statement*, const char*> statements[] = {
      {&save_finding_, "INSERT OR REPLACE INTO finding VALUES(?1, ?2, ?3, ?4)"},
      {&drop_finding_, "DELETE FROM finding WHERE kind = ? AND key = ?"},
      {&save_cursor_, "UPDATE meta SET value = max(value, ?) WHERE key = 'correlated'"},
      {&save_sighting_, "INSERT OR IGNORE INTO sighting VALUES(?,?,?,?,?,?)"},
      {&save_overlap_, "INSERT INTO overlap VALUES(?,?,?,?,1) ON CONFLICT DO UPDATE SET sightings = sightings + 1"},
      {&find_sighting_, "SELECT 1 FROM sighting WHERE id = ?"},
  };
  for (const auto& [statement, sql] : statements) {
    auto prepared = db.prepare(sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  return {};
}

int FindingsWriter::save(const model::Findings& findings) {
  for (const model::Finding& one : findings.rows) {
    Statement& s = one.erased ? drop_finding_ : save_finding_;
    s.bind(1, static_cast<int64_t>(one.kind));
    s.bind_blob(2, one.key);
    if (!one.erased) {
      s.bind(3, one.time_ns);
      s.bind_blob(4, one.value);
    }
    if (const int code = s.run(); code != SQLITE_OK) return code;
  }
  save_cursor_.bind(1, findings.cursor);
  return save_cursor_.run();
}

int FindingsWriter::save(const model::Sighting& sighting, int64_t sensor_id, int64_t other_sensor_id,
                         const model::Endpoint& server) {
  encode(sighting, body_);
  save_sighting_.bind_bits(1, sighting.event_id);
  save_sighting_.bind(2, sensor_id);
  save_sighting_.bind_bits(3, sighting.id);
  save_sighting_.bind(4, sighting.time_ns);
  save_sighting_.bind(5, sighting.count);
  save_sighting_.bind_blob(6, body_);
  if (const int code = save_sighting_.run(); code != SQLITE_OK) return code;
  if (other_sensor_id == 0) return SQLITE_OK;
  save_overlap_.bind_ip(1, server.ip);
  save_overlap_.bind(2, static_cast<int64_t>(server.port));
  save_overlap_.bind(3, std::min(sensor_id, other_sensor_id));
  save_overlap_.bind(4, std::max(sensor_id, other_sensor_id));
  return save_overlap_.run();
}

int FindingsWriter::was_sighting(uint64_t id, bool& known) {
  const Reading done(find_sighting_);
  find_sighting_.bind_bits(1, id);
  const int code = find_sighting_.step();
  known = code == SQLITE_ROW;
  return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

Result<void> findings(Lease& db, uint8_t kind, const std::function<void(const model::Finding&)>& each) {
  auto row = db->prepare("SELECT key, time_ns, value FROM finding WHERE kind = ? ORDER BY key", false);
  if (!row) return row.error();
  row->bind(1, static_cast<int64_t>(kind));
  int code = SQLITE_OK;
  while ((code = row->step()) == SQLITE_ROW)
    each({kind, std::string(row->blob(0)), std::string(row->blob(2)), row->natural(1), false});
  if (code != SQLITE_DONE) return db.error("findings");
  return {};
}

Result<std::optional<model::Finding>> finding(Lease& db, uint8_t kind, const std::string& key) {
  auto row = db->prepare("SELECT time_ns, value FROM finding WHERE kind = ? AND key = ?", false);
  if (!row) return row.error();
  row->bind(1, static_cast<int64_t>(kind));
  row->bind_blob(2, key);
  const int code = row->step();
  if (code == SQLITE_DONE) return std::optional<model::Finding>{};
  if (code != SQLITE_ROW) return db.error("findings");
  return std::optional(model::Finding{kind, key, std::string(row->blob(1)), row->natural(0), false});
}

Result<uint64_t> findings_cursor(Lease& db) {
  const auto value = db->scalar("SELECT value FROM meta WHERE key = 'correlated'");
  if (!value) return value.error();
  return static_cast<uint64_t>(std::max<int64_t>(*value, 0));
}

Result<std::vector<model::Sighting>> sightings(Lease& db, uint64_t event_id) {
  auto row = db->prepare(
      "SELECT s.id, n.name, s.time_ns, s.count, s.body FROM sighting s JOIN sensor n ON n.id = s.sensor"
      " WHERE s.event = ? ORDER BY s.time_ns, n.name",
      false);
  if (!row) return row.error();
  row->bind_bits(1, event_id);
  std::vector<model::Sighting> out;
  int code = SQLITE_OK;
  while ((code = row->step()) == SQLITE_ROW) {
    model::Sighting one;
    one.event_id = event_id;
    one.id = row->bits(0);
    one.sensor = row->text(1);
    one.time_ns = row->natural(2);
    one.count = row->natural(3);
    if (decode(row->blob(4), one)) out.push_back(std::move(one));
  }
  if (code != SQLITE_DONE) return db.error("sightings");
  return out;
}

Result<std::vector<Overlap>> overlaps(Lease& db) {
  const auto names = db.sensor_names();
  if (!names) return names.error();
  auto row = db->prepare("SELECT server_ip, server_port, one, other, sightings FROM overlap", false);
  if (!row) return row.error();
  const auto name = [&](int64_t id) {
    const auto found = names->find(id);
    return found == names->end() ? std::string() : found->second;
  };
  std::vector<Overlap> out;
  int code = SQLITE_OK;
  while ((code = row->step()) == SQLITE_ROW)
    out.push_back({{row->ip(0), static_cast<uint16_t>(row->natural(1))},
                   name(row->integer(2)),
                   name(row->integer(3)),
                   row->natural(4)});
  if (code != SQLITE_DONE) return db.error("overlaps");
  return out;
}

}  // namespace rs::store::sqlite
