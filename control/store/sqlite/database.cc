// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/database.h"

#include <algorithm>

#include "control/model/ip.h"

namespace rs::store::sqlite {

bool may_pass(int sqlite_code) {
  switch (sqlite_code & 0xff) {  // the primary code
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      return true;
    default:
      return false;
  }
}

Error error_of(sqlite3* db, std::string_view doing) {
  const int code = db == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(db);
  Error error{Code::kInternal, std::string(doing) + ": " + (db == nullptr ? "out of memory" : sqlite3_errmsg(db)) +
                                   " (SQLite code " + std::to_string(code) + ")"};
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      error.code = Code::kCorrupt;
      break;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
      error.code = Code::kPermission;
      break;
    case SQLITE_CANTOPEN:
      error.code = Code::kNotFound;
      break;
    case SQLITE_INTERRUPT:
      error.code = Code::kUnavailable;
      break;
    default:
      if (may_pass(code)) error.code = Code::kResource;
  }
  return error;
}

void Statement::bind_ip(int i, const model::Ip& ip) {
  if (model::is_v4(ip))
    bind(i, static_cast<int64_t>(model::v4_of(ip)));
  else
    bind_raw_ip(i, ip);
}

void Statement::bind_raw_ip(int i, const model::Ip& ip) {
  sqlite3_bind_blob(handle_.get(), i, ip.data(), static_cast<int>(ip.size()), SQLITE_TRANSIENT);
}

int Statement::run() {
  const int code = step();
  reset();
  return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

std::string_view Statement::text(int i) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), i));
  return data == nullptr ? std::string_view{}
                         : std::string_view(data, static_cast<size_t>(sqlite3_column_bytes(handle_.get(), i)));
}

std::string_view Statement::blob(int i) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_.get(), i));
  return data == nullptr ? std::string_view{}
                         : std::string_view(data, static_cast<size_t>(sqlite3_column_bytes(handle_.get(), i)));
}

model::Ip Statement::ip(int i) const {
  if (sqlite3_column_type(handle_.get(), i) == SQLITE_INTEGER) return model::from_v4(static_cast<uint32_t>(integer(i)));
  model::Ip ip{};
  const std::string_view bytes = blob(i);
  if (bytes.size() == ip.size()) std::ranges::copy(bytes, ip.begin());
  return ip;
}

Result<Connection> Connection::open(const std::string& path, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  Connection connection;
  connection.handle_.reset(raw);
  if (code != SQLITE_OK) return error_of(raw, "cannot open the database " + path);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyMs);
  return connection;
}

Result<void> Connection::execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return error_of(handle_.get(), "database");
  return {};
}

Result<Statement> Connection::prepare(std::string_view sql, bool kept) {
  sqlite3_stmt* raw = nullptr;
  const unsigned flags = kept ? SQLITE_PREPARE_PERSISTENT : 0;
  if (sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), flags, &raw, nullptr) != SQLITE_OK)
    return error_of(handle_.get(), "database");
  return Statement(raw);
}

Result<int64_t> Connection::scalar(std::string_view sql) {
  auto statement = prepare(sql, false);
  if (!statement) return statement.error();
  const int code = statement->step();
  if (code == SQLITE_ROW) return statement->integer(0);
  if (code == SQLITE_DONE) return int64_t{0};
  return error_of(handle_.get(), "database");
}

}  // namespace rs::store::sqlite
