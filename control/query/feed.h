// SPDX-License-Identifier: Apache-2.0
//
// Hands newly stored events to watches. The store's writer thread puts them into a ring of bounded size; watching
// threads read on from their own cursor, and from the store when the ring no longer goes back that far. Without
// watches the ring stays empty.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "control/store/store.h"

namespace rs::query {

class Feed final : public store::CommitListener {
 public:
  static constexpr size_t kRingEvents = 8192;  // about 10 MiB
  using Events = std::vector<std::shared_ptr<const model::Event>>;

  // Registered with the store until destroyed.
  explicit Feed(store::Store& store);
  ~Feed() override;

  // writer thread
  [[nodiscard]] bool wants_events() const override { return watchers_.load(std::memory_order_relaxed) > 0; }
  void committed(std::vector<model::Event> fresh, uint64_t newest_cursor) override;

  // watching threads
  // Counts a watch for as long as it lives.
  class Watcher {
   public:
    explicit Watcher(Feed& feed) : feed_(feed) { ++feed_.watchers_; }
    ~Watcher() { --feed_.watchers_; }
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

   private:
    Feed& feed_;
  };
  [[nodiscard]] uint32_t watchers() const { return watchers_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t newest() const;
  // Up to `max` events after the cursor; false when the ring does not go back that far.
  bool read(uint64_t after, size_t max, Events& events) const;
  // Until something is newer than `after`, or the time is over, or stop.
  void wait(uint64_t after, std::chrono::steady_clock::time_point until) const;

  // control thread: wakes all and keeps them from waiting.
  void stop();
  [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

 private:
  store::Store& store_;
  std::atomic<uint32_t> watchers_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  mutable std::condition_variable news_;
  std::deque<std::shared_ptr<const model::Event>> ring_;  // every event with floor_ < cursor <= newest_
  uint64_t floor_ = 0;
  uint64_t newest_ = 0;
};

}  // namespace rs::query
