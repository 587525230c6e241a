// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/syncer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "control/store/sqlite/database.h"

namespace rs::store::sqlite {
namespace {

constexpr auto kRetryEvery = std::chrono::seconds(1);

}  // namespace

Result<void> Syncer::start(const std::string& path, NoteTrouble note_trouble) {
  path_ = path;
  note_trouble_ = std::move(note_trouble);
  const std::string log = path + "-wal";
  log_ = open(log.c_str(), O_RDONLY | O_CLOEXEC);
  if (log_ < 0) return Error{Code::kInternal, "cannot open the database's log " + log + ": " + std::strerror(errno)};
  thread_ = std::thread([this] { run(); });
  return {};
}

void Syncer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (log_ >= 0) close(std::exchange(log_, -1));
}

void Syncer::push(Answer answer) {
  std::unique_lock lock(mutex_);
  taken_.wait(lock, [this] { return waiting_.empty(); });
  waiting_.push_back(std::move(answer));
  busy_ = true;
  wake_.notify_one();
}

void Syncer::run() {
  for (;;) {
    std::deque<Answer> group;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      group.swap(waiting_);
      taken_.notify_one();
    }
    const bool durable = sync();
    for (const Answer& answer : group) answer(durable);
    const std::lock_guard lock(mutex_);
    busy_ = !waiting_.empty();
  }
}

bool Syncer::sync() {
  if (fdatasync(log_) == 0) return true;
  const std::string why = std::strerror(errno);
  note_trouble_("cannot write to " + path_ + ": its log cannot be synced: " + why);
  std::unique_lock lock(mutex_);
  while (!save_elsewhere())
    if (wake_.wait_for(lock, kRetryEvery, [this] { return stopping_; })) return false;
  lock.unlock();
  note_trouble_({});
  return true;
}

// A whole checkpoint: pages from the log into the database, synced there.
bool Syncer::save_elsewhere() {
  auto db = Connection::open(path_, SQLITE_OPEN_READWRITE);
  if (!db || !db->execute("PRAGMA synchronous = FULL")) return false;
  int in_log = 0, copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(db->handle(), nullptr, SQLITE_CHECKPOINT_FULL, &in_log, &copied);
  return code == SQLITE_OK && in_log == copied;
}

}  // namespace rs::store::sqlite
