// SPDX-License-Identifier: Apache-2.0
//
// Copies the log's pages into the database while the writer goes on, on a thread of its own. What a busy writer adds
// meanwhile stays, so the log only becomes free for reuse when the writer itself copies the little that is left
// (kMostFrames); when it is quiet the copy here is whole.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "control/store/sqlite/database.h"

namespace rs::store::sqlite {

class Checkpointer {
 public:
  // Pages of the log, 8 KiB each: 64 MiB before a copy is worth its sync, 256 MiB before the writer has to help.
  static constexpr int kWorthIt = 8192;
  static constexpr int kMostFrames = 32'768;

  ~Checkpointer() { stop(); }
  // From now on follows the commits of `writer`, whose thread calls back.
  Result<void> start(const std::string& path, Connection& writer);
  void stop();

 private:
  static int committed(void* self, sqlite3* writer, const char* database, int frames);
  void run();

  Connection db_;
  sqlite3* writer_ = nullptr;
  int begun_at_ = 0;  // frames at the newest copy begun; writer thread
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool due_ = false;       // under mutex_
  bool stopping_ = false;  // under mutex_
};

}  // namespace rs::store::sqlite
