// SPDX-License-Identifier: Apache-2.0
//
// Connections for reading. With a file each reading thread leases its own of a small pool and sees one snapshot;
// with memory there is one connection for all, writer included, under one mutex.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/store/sqlite/database.h"
#include "control/store/sqlite/event_row.h"
#include "control/store/store.h"

namespace rs::store::sqlite {

class ColumnTail;
class LookupTail;
class ReaderPool;

// One connection for the time of one read, inside one read transaction; gives up when patience ends.
class Lease {
 public:
  Lease(ReaderPool& pool, Connection* connection, std::unique_lock<std::mutex> shared, const Patience* patience);
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  Connection& operator*() { return *connection_; }
  Connection* operator->() { return connection_; }
  // Names of the sensors, read in this transaction.
  Result<SensorNames> sensor_names();
  // Keys of the newest events; nullptr when none are kept.
  [[nodiscard]] const LookupTail* lookup_tail() const;
  [[nodiscard]] const ColumnTail* column_tail() const;
  // Whether patience has ended, for work that SQLite does not see; and the error to give up with.
  [[nodiscard]] bool is_over() const;
  [[nodiscard]] static Error over(std::string_view doing);
  // The connection's newest error; an interrupted read says that patience ended.
  [[nodiscard]] Error error(std::string_view doing) const;

 private:
  ReaderPool* pool_;
  Connection* connection_;
  std::unique_lock<std::mutex> shared_;
  std::unique_ptr<Patience> patience_;  // stable address for SQLite's progress callback
};

class ReaderPool {
 public:
  // Readers at once; more wait. Each costs a page cache of up to 16 MiB.
  static constexpr size_t kMaxReaders = 8;

  void open_file(std::string path, const LookupTail* lookup_tail, const ColumnTail* column_tail) {
    path_ = std::move(path);
    lookup_tail_ = lookup_tail;
    column_tail_ = column_tail;
  }
  void share(Connection* connection, std::mutex* mutex);

  Result<Lease> lease(const Patience& patience);

 private:
  friend class Lease;
  void give_back(Connection* connection);

  std::string path_;
  const LookupTail* lookup_tail_ = nullptr;
  const ColumnTail* column_tail_ = nullptr;
  Connection* shared_ = nullptr;
  std::mutex* shared_mutex_ = nullptr;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;  // under mutex_
  size_t leased_ = 0;                              // under mutex_
};

}  // namespace rs::store::sqlite
