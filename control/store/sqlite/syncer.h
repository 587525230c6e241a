// SPDX-License-Identifier: Apache-2.0
//
// Makes commits durable, then answers for them, on a thread of its own, so that the writer works on the next ones
// meanwhile. The database commits into its log without waiting for the disk (WAL, synchronous = NORMAL); nothing is
// acknowledged before that log is synced here. One sync serves all commits that wait.
//
// A sync that fails may have lost what the kernel held for the log, and a second one would not say so (the error is
// reported once). What is in doubt is then copied into the database itself and synced there, until that succeeds.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "proto/result.h"

namespace rs::store::sqlite {

class Syncer {
 public:
  // On the syncer's thread, in the order of push(): true: durable; false: given up, the store is closing.
  using Answer = std::function<void(bool durable)>;
  using NoteTrouble = std::function<void(const std::string& text)>;  // empty: it is over

  ~Syncer() { stop(); }
  // The writer has made the log.
  Result<void> start(const std::string& path, NoteTrouble note_trouble);
  // Syncs and answers what waits, ends the thread.
  void stop();

  // writer thread: what was just committed. Returns when at most this one waits beside those being synced: the commits
  // gather in groups as large as the disk is slow.
  void push(Answer answer);
  // Whether a commit is on its way to the disk or not answered yet.
  [[nodiscard]] bool busy() const { return busy_.load(std::memory_order_relaxed); }

 private:
  void run();
  bool sync();
  bool save_elsewhere();

  std::string path_;
  NoteTrouble note_trouble_;
  int log_ = -1;  // never closed while the database is open
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_, taken_;
  std::atomic<bool> busy_ = false;
  std::deque<Answer> waiting_;  // under mutex_
  bool stopping_ = false;       // under mutex_
};

}  // namespace rs::store::sqlite
