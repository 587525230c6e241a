// SPDX-License-Identifier: Apache-2.0
//
// The worker's end of the ring to the export core, with what happens when the ring is full: a live port must not wait
// (drop and count), a capture file can (back-pressure). Runs on the worker thread; counters may be read from any.
#pragma once

#include <atomic>
#include <cstdint>

#include "dataplane/event/copy.h"
#include "dataplane/event/event.h"
#include "dataplane/event/ring.h"

namespace rs::event {

enum class WhenFull : uint8_t {
  kDrop,  // live input
  kWait,  // file input
};

// Monotonic counter with one writer.
class Count {
 public:
  void add(uint64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// w: worker, r: any. "Endings" are what events stand for: the sum of their counts.
struct alignas(kCacheLine) SinkCounters {
  Count events;  // put on the ring
  Count endings;
  Count services;
  Count dropped_events;  // ring full (live), or the export core gone
  Count dropped_endings;
  Count dropped_services;
  Count waits;  // times a full ring held the worker up
};

class Sink {
 public:
  Sink(Ring& ring, WhenFull when_full, uint16_t worker) : ring_(ring), when_full_(when_full), worker_(worker) {}

  // worker thread
  // A slot to fill and commit, or null when there is none: at once for kDrop, when the consumer has closed for kWait.
  [[nodiscard]] Item* reserve() {
    Item* item = ring_.reserve();
    if (item == nullptr && when_full_ == WhenFull::kWait) [[unlikely]]
      item = wait();
    return item;
  }
  // As reserve(), but waits whatever the policy: for the end of input, when no packet is held up.
  [[nodiscard]] Item* reserve_waiting() {
    Item* item = ring_.reserve();
    return item != nullptr ? item : wait();
  }
  void commit_event(Item& item, TimeNs now) {
    counters_.events.add(1);
    counters_.endings.add(item.event.count);
    commit(item, ItemKind::kEvent, now);
  }
  void commit_service(Item& item, TimeNs now) {
    counters_.services.add(1);
    commit(item, ItemKind::kService, now);
  }
  void commit_end(Item& item, TimeNs now) { commit(item, ItemKind::kEndOfInput, now); }

  // Copies an event onto the ring; false when there was no room. The caller then folds or counts it: nothing is
  // counted as dropped here.
  bool put(const Event& event, TimeNs now) {
    Item* item = reserve();
    if (item == nullptr) return false;
    copy_event(item->event, event);
    commit_event(*item, now);
    return true;
  }
  void count_dropped_event(uint64_t endings) {
    counters_.dropped_events.add(1);
    counters_.dropped_endings.add(endings);
  }
  void count_dropped_service() { counters_.dropped_services.add(1); }

  [[nodiscard]] uint16_t worker() const { return worker_; }

  // any thread
  [[nodiscard]] const SinkCounters& counters() const { return counters_; }

 private:
  void commit(Item& item, ItemKind kind, TimeNs now) {
    item.kind = kind;
    item.worker = worker_;
    item.now = now;
    ring_.commit();
  }
  Item* wait();

  Ring& ring_;
  const WhenFull when_full_;
  const uint16_t worker_;
  SinkCounters counters_;
};

}  // namespace rs::event
