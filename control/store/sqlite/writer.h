// SPDX-License-Identifier: Apache-2.0
//
// The only thread that writes: takes whatever batches wait, from all sensors, into one commit, hands that on to be made
// durable and answered (syncer.h), and lets retention work in between. A write that fails for want of space or of a
// healthy disk is tried again until it succeeds; the senders' patience is the back-pressure.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/store/sqlite/checkpointer.h"
#include "control/store/sqlite/database.h"
#include "control/store/sqlite/retention.h"
#include "control/store/sqlite/syncer.h"
#include "control/store/sqlite/transaction.h"
#include "control/store/store.h"

namespace rs::store::sqlite {

class Writer {
 public:
  struct Options {
    std::string path;
    Transaction::Options transaction;
    Retention::Limits limits;
    // In memory: held while writing, since readers use the same connection; nothing has to be made durable.
    std::mutex* shared = nullptr;
  };

  // Before start.
  Result<void> prepare(Connection& db, Options options);
  Result<void> start();
  // Stores what waits, answers all, ends the thread.
  void stop();

  // Any thread.
  void write(model::Batch batch, Done done);
  void listen(CommitListener* listener);
  void observe(BatchObserver* observer);
  void judge_by(model::SightingJudge* judge) { transaction_.judge_by(judge); }
  void save(model::Findings findings, Done done);
  [[nodiscard]] std::string trouble() const;
  [[nodiscard]] uint64_t newest_cursor() const { return newest_cursor_.load(std::memory_order_acquire); }

 private:
  struct Job {
    model::Batch batch;
    Done done;
    Written written;
    std::vector<uint32_t> fresh;
    std::vector<model::Sighting> sightings;
    std::optional<model::Findings> findings;  // instead of the batch
  };
  using Group = std::vector<Job>;

  void run();
  void enqueue(Job job);
  bool take_group(Group& group);  // false: stopping and nothing waits
  void store(Group& group);
  int try_group(Group& group);
  void hand_on(Group group);
  // Either thread: the writer's of memory, else the syncer's.
  void announce(Group& group, uint64_t newest_cursor);
  void tell_listener(Group& group);
  bool wait_to_retry();  // false: stopping
  enum class Work : uint8_t { kWrite, kSync };
  void note_trouble(Work work, const std::string& text);  // empty: it works
  void forget_old();

  Options options_;
  Connection* db_ = nullptr;
  Transaction transaction_;
  Retention retention_;
  Checkpointer checkpointer_;
  Syncer syncer_;
  std::thread thread_;
  bool retention_due_ = true;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;               // under mutex_
  size_t queued_rows_ = 0;              // in it; under mutex_
  std::array<std::string, 2> trouble_;  // by Work; under mutex_
  bool stopping_ = false;               // under mutex_
  std::atomic<CommitListener*> listener_ = nullptr;
  std::atomic<BatchObserver*> observer_ = nullptr;
  std::atomic<uint64_t> newest_cursor_ = 0;
};

}  // namespace rs::store::sqlite
