// SPDX-License-Identifier: Apache-2.0
//
// Settings that change while workers run, as immutable snapshots. The control thread publishes a new one by swapping a
// pointer; each worker looks at the pointer once a burst, takes the values over and says so. A snapshot is freed when
// every worker has taken over a newer one (quiescent-state reclamation, one epoch a worker), so no worker ever waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "dataplane/event/ring.h"
#include "dataplane/track/tracker.h"

namespace rs::worker {

struct Live {
  track::Settings track;
  bool fold = true;
  DurationNs linger_ns = 1500 * kMs;  // see event::CondenserConfig
  uint64_t version = 0;               // set by publish(): 1, 2, 3 …
};

class LiveSettings;

// A worker's end.
class LiveReader {
 public:
  // worker thread, once a burst. The newest settings when they are not what was taken over last, else null. Valid until
  // taken(), which must follow.
  [[nodiscard]] const Live* news() const {
    if (from_ == nullptr) return nullptr;
    const Live* now = from_->load(std::memory_order_acquire);
    return now == seen_ ? nullptr : now;
  }
  void taken(const Live* settings) {
    seen_ = settings;
    epoch_->store(settings->version, std::memory_order_release);
  }

 private:
  friend class LiveSettings;
  const std::atomic<const Live*>* from_ = nullptr;
  std::atomic<uint64_t>* epoch_ = nullptr;
  const Live* seen_ = nullptr;
};

class LiveSettings {
 public:
  LiveSettings(const Live& first, uint32_t workers);
  LiveSettings(const LiveSettings&) = delete;
  LiveSettings& operator=(const LiveSettings&) = delete;

  // control thread
  [[nodiscard]] LiveReader reader(uint32_t worker);
  // Returns the version by which applied() can be asked.
  uint64_t publish(const Live& settings);
  // Every worker runs on `version` or a newer one.
  [[nodiscard]] bool applied(uint64_t version) const;
  // Snapshots still held, the current one included.
  [[nodiscard]] size_t held() const { return snapshots_.size(); }

 private:
  struct alignas(event::kCacheLine) Epoch {
    std::atomic<uint64_t> seen{0};  // w: worker, r: control. Version taken over last
  };

  void free_unused();

  std::atomic<const Live*> current_{nullptr};  // w: control, r: workers
  std::deque<std::unique_ptr<const Live>> snapshots_;
  std::vector<Epoch> epochs_;
};

}  // namespace rs::worker
