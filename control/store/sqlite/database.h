// SPDX-License-Identifier: Apache-2.0
//
// Thin owner types over SQLite's C interface: a connection, a prepared statement, and errors with SQLite's own
// words. Each object is used by one thread at a time. No SQL lives here.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "control/model/event.h"
#include "proto/result.h"

namespace rs::store::sqlite {

struct CloseConnection {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};

// SQLite's newest error on this connection; the code says whether trying again can help.
Error error_of(sqlite3* db, std::string_view doing);
// The disk is full, away or refusing: the same write may succeed later.
bool may_pass(int sqlite_code);

class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}

  // Binding; indices count from 1.
  void bind(int i, int64_t v) { sqlite3_bind_int64(handle_.get(), i, v); }
  void bind(int i, uint64_t v) { bind(i, v > INT64_MAX ? INT64_MAX : static_cast<int64_t>(v)); }  // saturates
  void bind_bits(int i, uint64_t v) { bind(i, static_cast<int64_t>(v)); }                         // all 64 bits: ids
  void bind(int i, double v) { sqlite3_bind_double(handle_.get(), i, v); }
  // Not copied: the text has to live until the statement is reset or bound again.
  void bind(int i, std::string_view v) {
    sqlite3_bind_text(handle_.get(), i, v.data(), static_cast<int>(v.size()), SQLITE_STATIC);
  }
  void bind_copy(int i, std::string_view v) {
    sqlite3_bind_text(handle_.get(), i, v.data(), static_cast<int>(v.size()), SQLITE_TRANSIENT);
  }
  void bind_blob(int i, std::string_view v) {
    sqlite3_bind_blob(handle_.get(), i, v.data(), static_cast<int>(v.size()), SQLITE_STATIC);
  }
  void bind_null(int i) { sqlite3_bind_null(handle_.get(), i); }
  // IPv4 as an integer, IPv6 as a blob of 16 bytes: small rows, and ranges of one family never meet the other's.
  void bind_ip(int i, const model::Ip& ip);
  void bind_raw_ip(int i, const model::Ip& ip);  // always 16 bytes

  // SQLITE_ROW, SQLITE_DONE or an error code.
  int step() { return sqlite3_step(handle_.get()); }
  void reset() { sqlite3_reset(handle_.get()); }
  // Runs a statement without rows to its end and resets it; SQLITE_OK or an error code.
  int run();

  // Columns count from 0.
  [[nodiscard]] int64_t integer(int i) const { return sqlite3_column_int64(handle_.get(), i); }
  [[nodiscard]] uint64_t natural(int i) const {
    const int64_t v = integer(i);
    return v < 0 ? 0 : static_cast<uint64_t>(v);
  }
  [[nodiscard]] uint64_t bits(int i) const { return static_cast<uint64_t>(integer(i)); }
  [[nodiscard]] double real(int i) const { return sqlite3_column_double(handle_.get(), i); }
  [[nodiscard]] bool is_null(int i) const { return sqlite3_column_type(handle_.get(), i) == SQLITE_NULL; }
  // Valid until the next step or reset.
  [[nodiscard]] std::string_view text(int i) const;
  [[nodiscard]] std::string_view blob(int i) const;
  [[nodiscard]] model::Ip ip(int i) const;

  [[nodiscard]] sqlite3* database() const { return sqlite3_db_handle(handle_.get()); }
  explicit operator bool() const { return handle_ != nullptr; }

 private:
  std::unique_ptr<sqlite3_stmt, FinalizeStatement> handle_;
};

// Resets a statement that is kept when its reading ends, however it ends.
class Reading {
 public:
  explicit Reading(Statement& s) : s_(s) {}
  ~Reading() { s_.reset(); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  Statement& s_;
};

class Connection {
 public:
  // `flags` as for sqlite3_open_v2; the caller sees to it that one thread at a time uses the connection.
  static Result<Connection> open(const std::string& path, int flags);

  Result<void> execute(const std::string& sql);
  Result<Statement> prepare(std::string_view sql, bool kept = true);
  // First column of the first row; 0 when there is none.
  Result<int64_t> scalar(std::string_view sql);

  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }
  // SQLITE_BUSY is waited out this long: only a foreign program can hold the lock.
  static constexpr int kBusyMs = 5000;

 private:
  std::unique_ptr<sqlite3, CloseConnection> handle_;
};

}  // namespace rs::store::sqlite
