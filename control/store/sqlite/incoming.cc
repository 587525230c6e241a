// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/incoming.h"

#include <algorithm>
#include <limits>

#include "control/model/filter.h"
#include "control/model/ip.h"
#include "control/store/sqlite/body.h"
#include "control/store/sqlite/event_row.h"

namespace rs::store::sqlite {
namespace {

void give(sqlite3_context* context, uint64_t v) {
  sqlite3_result_int64(context, static_cast<int64_t>(std::min<uint64_t>(v, std::numeric_limits<int64_t>::max())));
}
// As Statement::bind_ip().
void give(sqlite3_context* context, const model::Ip& ip) {
  if (model::is_v4(ip))
    sqlite3_result_int64(context, static_cast<int64_t>(model::v4_of(ip)));
  else
    sqlite3_result_blob(context, ip.data(), static_cast<int>(ip.size()), SQLITE_STATIC);
}

}  // namespace

struct Incoming::Table : sqlite3_vtab {
  Incoming* rows = nullptr;
};
struct Incoming::Cursor : sqlite3_vtab_cursor {
  size_t at = 0;
};

Result<void> Incoming::prepare(Connection& db) {
  static constexpr sqlite3_module kModule = [] {
    sqlite3_module module{};
    module.xConnect = connect;  // without xCreate: it is there by its name alone
    module.xBestIndex = best_index;
    module.xDisconnect = disconnect;
    module.xOpen = open;
    module.xClose = close;
    module.xFilter = filter;
    module.xNext = next;
    module.xEof = eof;
    module.xColumn = column;
    module.xRowid = rowid;
    return module;
  }();
  if (sqlite3_create_module(db.handle(), "incoming", &kModule, this) != SQLITE_OK)
    return error_of(db.handle(), "database");
  auto insert = db.prepare("INSERT INTO event SELECT * FROM incoming");
  if (!insert) return insert.error();
  insert_ = std::move(*insert);
  return {};
}

int Incoming::insert(const std::vector<model::Event>& events, const std::vector<uint32_t>& which, int64_t sensor) {
  events_ = &events;
  which_ = &which;
  sensor_ = sensor;
  return insert_.run();
}

int Incoming::connect(sqlite3* db, void* self, int, const char* const*, sqlite3_vtab** table, char**) {
  const int code = sqlite3_declare_vtab(db, ("CREATE TABLE incoming(" + std::string(kEventColumns) + ")").c_str());
  if (code != SQLITE_OK) return code;
  auto made = std::make_unique<Table>();
  made->rows = static_cast<Incoming*>(self);
  *table = made.release();  // until disconnect()
  return SQLITE_OK;
}

int Incoming::best_index(sqlite3_vtab*, sqlite3_index_info* info) {
  info->estimatedCost = 1000;
  return SQLITE_OK;
}

int Incoming::disconnect(sqlite3_vtab* table) {
  const std::unique_ptr<Table> gone(static_cast<Table*>(table));
  return SQLITE_OK;
}

int Incoming::open(sqlite3_vtab*, sqlite3_vtab_cursor** cursor) {
  *cursor = std::make_unique<Cursor>().release();  // until close()
  return SQLITE_OK;
}

int Incoming::close(sqlite3_vtab_cursor* cursor) {
  const std::unique_ptr<Cursor> gone(static_cast<Cursor*>(cursor));
  return SQLITE_OK;
}

int Incoming::filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**) {
  static_cast<Cursor*>(cursor)->at = 0;
  return SQLITE_OK;
}

int Incoming::next(sqlite3_vtab_cursor* cursor) {
  ++static_cast<Cursor*>(cursor)->at;
  return SQLITE_OK;
}

int Incoming::eof(sqlite3_vtab_cursor* cursor) {
  const Incoming& in = *static_cast<Table*>(cursor->pVtab)->rows;
  return static_cast<Cursor*>(cursor)->at >= in.which_->size() ? 1 : 0;
}

int Incoming::rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
  *id = static_cast<sqlite3_int64>(static_cast<Cursor*>(cursor)->at);
  return SQLITE_OK;
}

// What is given out by its place stays until the row is stored: the next one is asked for only then.
int Incoming::column(sqlite3_vtab_cursor* cursor, sqlite3_context* to, int column) {
  Incoming& in = *static_cast<Table*>(cursor->pVtab)->rows;
  const model::Event& e = (*in.events_)[(*in.which_)[static_cast<Cursor*>(cursor)->at]];
  switch (column) {
    case 0:
      give(to, e.cursor);
      break;
    case 1:
      sqlite3_result_int64(to, static_cast<int64_t>(e.id));  // all 64 bits
      break;
    case 2:
      give(to, e.time_ns);
      break;
    case 3:
      sqlite3_result_int64(to, in.sensor_);
      break;
    case 4:
      give(to, e.client.ip);
      break;
    case 5:
      give(to, uint64_t{e.client.port});
      break;
    case 6:
      give(to, e.server.ip);
      break;
    case 7:
      give(to, uint64_t{e.server.port});
      break;
    case 8:
      give(to, uint64_t{e.network_tag});
      break;
    case 9:
      give(to, static_cast<uint64_t>(e.cause));
      break;
    case 10:
      give(to, static_cast<uint64_t>(e.second_cause));
      break;
    case 11:
      give(to, static_cast<uint64_t>(e.origin));
      break;
    case 12:
      give(to, static_cast<uint64_t>(e.stage));
      break;
    case 13:
      give(to, static_cast<uint64_t>(e.ending));
      break;
    case 14:
      give(to, static_cast<uint64_t>(e.severity));
      break;
    case 15:
      give(to, static_cast<uint64_t>(e.claimed_sender));
      break;
    case 16:
      sqlite3_result_int64(to, model::share_units(e.confidence));
      break;
    case 17:
      give(to, e.count);
      break;
    case 18:
      give(to, e.idle_ns);
      break;
    case 19:
      give(to, uint64_t{e.flags});
      break;
    case 20:
      give(to, e.lost_bytes);
      break;
    case 21:
      sqlite3_result_text(to, e.server_name.data(), static_cast<int>(e.server_name.size()), SQLITE_STATIC);
      break;
    default:
      encode_body(e, in.body_);
      sqlite3_result_blob(to, in.body_.data(), static_cast<int>(in.body_.size()), SQLITE_STATIC);
  }
  return SQLITE_OK;
}

}  // namespace rs::store::sqlite
