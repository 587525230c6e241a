// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/schema.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <filesystem>
#include <span>
#include <system_error>

#include "control/store/sqlite/sqlite_store.h"

namespace rs::store::sqlite {
namespace {

// "RSCP" in ASCII: tells our files from other programs' databases.
constexpr int64_t kApplicationId = 0x52534350;

constexpr uintmax_t kAlwaysCheckedBytes = 64ull << 20;     // quick_check reads about 1 GiB/s: below 100 ms
constexpr uintmax_t kUncleanCheckedBytes = 4096ull << 20;  // after a crash: a few seconds are well spent

// One entry a schema version, applied in order, never edited once released.
// rowid is the cursor: order of arrival. The only index of `event` is by time (every list, an ending counts once); by
// id, server and client the table `lookup` leads to it (lookup.h).
constexpr std::string_view kMigrations[] = {
    R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES('clean', 1), ('next_cursor', 1), ('events', 0), ('endings', 0);

CREATE TABLE sensor(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, boot INTEGER NOT NULL, last_seen_ns INTEGER NOT NULL,
  ended INTEGER NOT NULL DEFAULT 0, events INTEGER NOT NULL DEFAULT 0, missing_batches INTEGER NOT NULL DEFAULT 0,
  health BLOB);
CREATE TABLE boot(
  sensor INTEGER NOT NULL, boot INTEGER NOT NULL, last_sequence INTEGER NOT NULL, first_seen_ns INTEGER NOT NULL,
  last_seen_ns INTEGER NOT NULL, PRIMARY KEY(sensor, boot)) WITHOUT ROWID;
CREATE TABLE sequence_gap(
  sensor INTEGER NOT NULL, boot INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY(sensor, boot, first)) WITHOUT ROWID;
CREATE TABLE health(
  sensor INTEGER NOT NULL, boot INTEGER NOT NULL, at_s INTEGER NOT NULL, rx_pkts INTEGER NOT NULL,
  missed_pkts INTEGER NOT NULL, lost_events INTEGER NOT NULL, PRIMARY KEY(sensor, boot, at_s)) WITHOUT ROWID;

CREATE TABLE event(
  cursor INTEGER PRIMARY KEY, id INTEGER NOT NULL, time_ns INTEGER NOT NULL, sensor INTEGER NOT NULL,
  client_ip BLOB NOT NULL, client_port INTEGER NOT NULL, server_ip BLOB NOT NULL, server_port INTEGER NOT NULL,
  tag INTEGER NOT NULL, cause INTEGER NOT NULL, second_cause INTEGER NOT NULL, origin INTEGER NOT NULL,
  stage INTEGER NOT NULL, ending INTEGER NOT NULL, severity INTEGER NOT NULL, claimed_sender INTEGER NOT NULL,
  confidence INTEGER NOT NULL, count INTEGER NOT NULL, idle_ns INTEGER NOT NULL, flags INTEGER NOT NULL,
  lost_bytes INTEGER NOT NULL, server_name TEXT NOT NULL, body BLOB NOT NULL);
CREATE UNIQUE INDEX event_id ON event(id);
CREATE INDEX event_time ON event(time_ns);
CREATE INDEX event_server ON event(server_ip, time_ns);
CREATE INDEX event_client ON event(client_ip, time_ns);

CREATE TABLE hour(at_s INTEGER PRIMARY KEY, last_arrival_ns INTEGER NOT NULL);

CREATE TABLE service_raw(
  sensor INTEGER NOT NULL, input INTEGER NOT NULL, worker INTEGER NOT NULL, from_ns INTEGER NOT NULL,
  server_ip BLOB NOT NULL, server_port INTEGER NOT NULL, tag INTEGER NOT NULL, by_cause BLOB NOT NULL,
  PRIMARY KEY(from_ns, server_ip, server_port, tag, worker, sensor, input)) WITHOUT ROWID;
)sql",
    R"sql(
CREATE TABLE watched(
  sensor INTEGER NOT NULL, boot INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
  PRIMARY KEY(sensor, boot)) WITHOUT ROWID;
CREATE TABLE finding(
  kind INTEGER NOT NULL, key BLOB NOT NULL, time_ns INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY(kind, key))
  WITHOUT ROWID;
CREATE TABLE sighting(
  event INTEGER NOT NULL, sensor INTEGER NOT NULL, id INTEGER NOT NULL, time_ns INTEGER NOT NULL,
  count INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(event, sensor, id)) WITHOUT ROWID;
CREATE INDEX sighting_id ON sighting(id);
CREATE INDEX sighting_time ON sighting(time_ns);
CREATE TABLE overlap(
  server_ip BLOB NOT NULL, server_port INTEGER NOT NULL, one INTEGER NOT NULL, other INTEGER NOT NULL,
  sightings INTEGER NOT NULL, PRIMARY KEY(server_ip, server_port, one, other)) WITHOUT ROWID;
INSERT INTO meta VALUES('correlated', (SELECT value - 1 FROM meta WHERE key = 'next_cursor'));
INSERT INTO watched SELECT sensor, boot, min(at_s) * 1000000000, max(at_s) * 1000000000 FROM health
  GROUP BY sensor, boot;
)sql",
    // The sums of endings are written anew from the events (rollup.h).
    R"sql(
DROP INDEX event_id;
DROP INDEX event_server;
DROP INDEX event_client;
CREATE TABLE segment(number INTEGER PRIMARY KEY, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL);
CREATE TABLE lookup(
  segment INTEGER NOT NULL, slot INTEGER NOT NULL, cursors BLOB NOT NULL, PRIMARY KEY(segment, slot)) WITHOUT ROWID;
DROP TABLE rollup_10s;
DROP TABLE rollup_1m;
DROP TABLE rollup_1h;
CREATE TABLE rollup_10s(
  at_s INTEGER NOT NULL, server_ip BLOB NOT NULL, server_port INTEGER NOT NULL, tag INTEGER NOT NULL,
  sums BLOB NOT NULL, PRIMARY KEY(at_s, server_ip, server_port, tag)) WITHOUT ROWID;
CREATE TABLE rollup_1m(
  at_s INTEGER NOT NULL, server_ip BLOB NOT NULL, server_port INTEGER NOT NULL, tag INTEGER NOT NULL,
  sums BLOB NOT NULL, PRIMARY KEY(at_s, server_ip, server_port, tag)) WITHOUT ROWID;
CREATE TABLE rollup_1h(
  at_s INTEGER NOT NULL, server_ip BLOB NOT NULL, server_port INTEGER NOT NULL, tag INTEGER NOT NULL,
  sums BLOB NOT NULL, PRIMARY KEY(at_s, server_ip, server_port, tag)) WITHOUT ROWID;
CREATE TABLE total_10s(at_s INTEGER PRIMARY KEY, sums BLOB NOT NULL);
CREATE TABLE total_1m(at_s INTEGER PRIMARY KEY, sums BLOB NOT NULL);
CREATE TABLE total_1h(at_s INTEGER PRIMARY KEY, sums BLOB NOT NULL);
INSERT INTO meta VALUES('sums_missing', (SELECT count(*) > 0 FROM event));
)sql",
    // id: segment * 8 + column (columns.h). What is stored gets its columns once the lookup is complete
    // (column_store.h); service statistics are taken over at start, then their tables go (service_rollup.h).
    R"sql(
CREATE TABLE column_data(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE served_10s(at_s INTEGER NOT NULL, sensor INTEGER NOT NULL, sums BLOB NOT NULL, PRIMARY KEY(at_s, sensor))
  WITHOUT ROWID;
CREATE TABLE served_1m(at_s INTEGER NOT NULL, sensor INTEGER NOT NULL, sums BLOB NOT NULL, PRIMARY KEY(at_s, sensor))
  WITHOUT ROWID;
CREATE TABLE served_1h(at_s INTEGER NOT NULL, sensor INTEGER NOT NULL, sums BLOB NOT NULL, PRIMARY KEY(at_s, sensor))
  WITHOUT ROWID;
)sql",
    // Fewer and longer rows a segment, and rows for 64 segments together (lookup_block.h); id: block * 16384 + slot.
    // What is stored is taken up at start.
    R"sql(
DELETE FROM segment;
DELETE FROM lookup;
CREATE TABLE lookup_block(id INTEGER PRIMARY KEY, cursors BLOB NOT NULL);
)sql",
};

std::string tier_tables() {
  std::string sql;
  for (const Tier& tier : kTiers) {
    sql += "CREATE TABLE " + std::string(tier.table) +
           "(at_s INTEGER NOT NULL, server_ip BLOB NOT NULL, server_port INTEGER NOT NULL, tag INTEGER NOT NULL,"
           " cause INTEGER NOT NULL, origin INTEGER NOT NULL, stage INTEGER NOT NULL, ending INTEGER NOT NULL,"
           " severity INTEGER NOT NULL, sensor INTEGER NOT NULL, endings INTEGER NOT NULL, lost_bytes INTEGER NOT NULL,"
           " last_ns INTEGER NOT NULL,"
           " PRIMARY KEY(at_s, server_ip, server_port, tag, cause, origin, stage, ending, severity, sensor)) WITHOUT "
           "ROWID;\n";
    sql += "CREATE TABLE " + std::string(tier.service_by_row) +
           "(at_s INTEGER NOT NULL, server_ip BLOB NOT NULL, server_port INTEGER NOT NULL, tag INTEGER NOT NULL,"
           " sensor INTEGER NOT NULL, attempted INTEGER NOT NULL, established INTEGER NOT NULL,"
           " closed_cleanly INTEGER NOT NULL, refused INTEGER NOT NULL, reset INTEGER NOT NULL,"
           " timed_out INTEGER NOT NULL, client_bytes INTEGER NOT NULL, server_bytes INTEGER NOT NULL,"
           " lost_bytes INTEGER NOT NULL, PRIMARY KEY(at_s, server_ip, server_port, tag, sensor)) WITHOUT ROWID;\n";
  }
  return sql;
}

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

Result<void> migrate(Connection& db, const std::string& path) {
  const auto version = db.scalar("PRAGMA user_version");
  if (!version) return version.error();
  constexpr auto kNewest = static_cast<int64_t>(std::size(kMigrations));
  if (*version > kNewest)
    return Error{Code::kInvalid, path + " has schema version " + std::to_string(*version) +
                                     ", newer than this program's " + std::to_string(kNewest) +
                                     ": start the newer resetscope-control, or use another --store"};
  for (int64_t next = *version + 1; next <= kNewest; ++next) {
    std::string sql = "BEGIN IMMEDIATE;\n";
    if (next == 1) {
      sql +=
          "CREATE TABLE migration(version INTEGER PRIMARY KEY, applied_ns INTEGER NOT NULL, program TEXT NOT NULL);\n" +
          tier_tables();
    }
    sql += std::string(kMigrations[next - 1]);
    sql += "INSERT INTO migration VALUES(" + std::to_string(next) + ", " + std::to_string(now_ns()) +
           ", '" RS_VERSION "');\n";
    sql += "PRAGMA user_version = " + std::to_string(next) +
           ";\nPRAGMA application_id = " + std::to_string(kApplicationId) + ";\nCOMMIT;";
    if (auto done = db.execute(sql); !done) {
      (void)db.execute("ROLLBACK");
      return Error{done.error().code,
                   path + ": schema version " + std::to_string(next) + " cannot be applied: " + done.error().text};
    }
  }
  return {};
}

// Whether the file is a database of ours, or new.
Result<void> identify(Connection& db, const std::string& path) {
  const auto tables = db.scalar("SELECT count(*) FROM sqlite_schema");
  if (!tables) {
    Error error = tables.error();
    error.text = path + " is no usable database: " + error.text + damage_advice(path);
    return error;
  }
  const auto id = db.scalar("PRAGMA application_id");
  if (!id) return id.error();
  if (*tables > 0 && *id != kApplicationId)
    return Error{Code::kInvalid, path + " is a database of another program: give --store another path"};
  return {};
}

Result<void> check_integrity(Connection& db, const std::string& path) {
  const auto clean = db.scalar("SELECT value FROM meta WHERE key = 'clean'");
  std::error_code ignored;
  const uintmax_t bytes = std::filesystem::file_size(path, ignored);
  if (clean && !ignored) {
    if (bytes > (*clean == 1 ? kAlwaysCheckedBytes : kUncleanCheckedBytes)) {
      if (*clean != 1)
        spdlog::warn(
            "store: {} was not closed in order and is too large to check at start; SQLite has replayed its log", path);
      return {};
    }
    if (*clean != 1 && bytes > kAlwaysCheckedBytes)
      spdlog::info("store: {} was not closed in order: checking it", path);
  }
  auto check = clean ? db.prepare("PRAGMA quick_check(1)", false) : Result<Statement>(clean.error());
  if (check && check->step() == SQLITE_ROW) {
    if (check->text(0) == "ok") return {};
    return Error{Code::kCorrupt, path + " is damaged: " + std::string(check->text(0)) + damage_advice(path)};
  }
  const std::string why = check ? error_of(db.handle(), "check").text : check.error().text;
  return Error{Code::kCorrupt, path + " is damaged: " + why + damage_advice(path)};
}

}  // namespace

std::string damage_advice(const std::string& path) {
  return ". Move it away and start again with a new one; what can be saved: sqlite3 '" + path +
         "' .recover | sqlite3 saved.db";
}

Result<Connection> open_writer(const std::string& path) {
  const bool memory = path == kMemory;
  if (!memory) {
    const auto folder = std::filesystem::path(path).parent_path();
    std::error_code error;
    if (!folder.empty() && !std::filesystem::is_directory(folder, error))
      return Error{Code::kNotFound, "cannot open the database " + path + ": the folder " + folder.string() +
                                        " does not exist; create it or give --store another path"};
  }
  auto db = Connection::open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!db) return db.error();
  // Reading comes first: it tells a foreign or damaged file before anything is written to it.
  if (auto known = identify(*db, path); !known) return known.error();
  // Pages of 8 KiB (of new files): rows of 300 bytes fill them better. WAL with NORMAL: a commit survives the end of
  // the process, but a power cut only when it is synced, which syncer.h does before it is acknowledged; the file is
  // sound after either. Checkpoints of 64 MiB (checkpointer.h, once it runs) spread the cost of the database's own
  // fsync over many commits. Sorting in memory: no files in /tmp.
  std::string pragmas = "PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536;";
  if (memory)
    pragmas += "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;";
  else
    pragmas +=
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = "
        "8192; PRAGMA "
        "journal_size_limit = 268435456;";
  if (auto set = db->execute(pragmas); !set)
    return Error{set.error().code, "cannot write to " + path + ": " + set.error().text +
                                       "; check the rights of the file and of its folder"};
  if (auto done = migrate(*db, path); !done) return done.error();
  if (!memory) {
    if (auto sound = check_integrity(*db, path); !sound) return sound.error();
    if (auto marked = db->execute("UPDATE meta SET value = 0 WHERE key = 'clean'"); !marked) return marked.error();
  }
  return db;
}

Result<Connection> open_reader(const std::string& path) {
  auto db = Connection::open(path, SQLITE_OPEN_READONLY);
  if (!db) return db.error();
  if (auto set = db->execute("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; PRAGMA query_only = ON"); !set)
    return set.error();
  return db;
}

Result<void> mark_closed(Connection& db) {
  if (auto marked = db.execute("UPDATE meta SET value = 1 WHERE key = 'clean'"); !marked) return marked.error();
  return db.execute("PRAGMA wal_checkpoint(TRUNCATE)");
}

}  // namespace rs::store::sqlite
