// SPDX-License-Identifier: Apache-2.0
//
// The new events of a batch as a table that SQLite reads (a virtual table of one connection): one INSERT ... SELECT
// stores them all. A statement an event would open two cursors, bind 23 values and close all again for each row, which
// is half of what storing it costs. Writer thread only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/store/sqlite/database.h"

namespace rs::store::sqlite {

class Incoming {
 public:
  // This object outlives the connection's statements and stays where it is.
  Result<void> prepare(Connection& db);
  // Stores these events of the list, whose cursors are set; SQLITE_OK or an error code.
  int insert(const std::vector<model::Event>& events, const std::vector<uint32_t>& which, int64_t sensor);

 private:
  struct Table;
  struct Cursor;
  static int connect(sqlite3* db, void* self, int, const char* const*, sqlite3_vtab** table, char**);
  static int best_index(sqlite3_vtab*, sqlite3_index_info* info);
  static int disconnect(sqlite3_vtab* table);
  static int open(sqlite3_vtab*, sqlite3_vtab_cursor** cursor);
  static int close(sqlite3_vtab_cursor* cursor);
  static int filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**);
  static int next(sqlite3_vtab_cursor* cursor);
  static int eof(sqlite3_vtab_cursor* cursor);
  static int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int column);
  static int rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* id);

  Statement insert_;
  const std::vector<model::Event>* events_ = nullptr;
  const std::vector<uint32_t>* which_ = nullptr;
  int64_t sensor_ = 0;
  std::string body_;  // of the row being read
};

}  // namespace rs::store::sqlite
