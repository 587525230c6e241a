// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/checkpointer.h"

#include <utility>

namespace rs::store::sqlite {

Result<void> Checkpointer::start(const std::string& path, Connection& writer) {
  auto db = Connection::open(path, SQLITE_OPEN_READWRITE);
  if (!db) return db.error();
  db_ = std::move(*db);
  if (auto set = db_.execute("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024"); !set) return set;
  writer_ = writer.handle();
  sqlite3_wal_hook(writer_, committed, this);
  thread_ = std::thread([this] { run(); });
  return {};
}

void Checkpointer::stop() {
  if (!thread_.joinable()) return;
  sqlite3_wal_hook(writer_, nullptr, nullptr);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  db_ = {};
}

// A copy that fails is no harm: the pages stay in the log, and the next one tries again.
int Checkpointer::committed(void* self, sqlite3* writer, const char*, int frames) {
  auto& it = *static_cast<Checkpointer*>(self);
  if (frames < it.begun_at_) it.begun_at_ = 0;  // the log began anew
  if (frames >= kMostFrames) {
    sqlite3_wal_checkpoint_v2(writer, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  } else if (frames >= it.begun_at_ + kWorthIt) {
    it.begun_at_ = frames;
    const std::lock_guard lock(it.mutex_);
    it.due_ = true;
    it.wake_.notify_one();
  }
  return SQLITE_OK;
}

void Checkpointer::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || due_; });
      if (stopping_) return;
      due_ = false;
    }
    sqlite3_wal_checkpoint_v2(db_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    // Of a copy that is not whole SQLite leaves the sync to the one that will be: the writer's, which then would wait.
    sqlite3_file* file = nullptr;
    if (sqlite3_file_control(db_.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK && file != nullptr &&
        file->pMethods != nullptr)
      (void)file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  }
}

}  // namespace rs::store::sqlite
