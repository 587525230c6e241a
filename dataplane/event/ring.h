// SPDX-License-Identifier: Apache-2.0
//
// Single-producer single-consumer ring with slots written and read in place: an Item is 1.5 KB and crosses from
// worker to export core without a second copy. Lock-free; each side keeps a private copy of the other's index and
// looks at the shared one only when the copy says full or empty. Memory is allocated once, at construction.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "dataplane/event/event.h"

namespace rs::event {

inline constexpr size_t kCacheLine = 64;

template <class T>
class SpscRing {
 public:
  // `capacity` is rounded up to a power of two, at least 2.
  explicit SpscRing(size_t capacity)
      : mask_(std::bit_ceil(capacity < 2 ? size_t{2} : capacity) - 1), slots_(std::make_unique<T[]>(mask_ + 1)) {}
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  [[nodiscard]] size_t capacity() const { return mask_ + 1; }

  // producer thread
  // The next free slot, or null when full. It holds whatever was there before. Asking again without commit() gives
  // the same slot.
  [[nodiscard]] T* reserve() {
    const uint64_t head = producer_.head.load(std::memory_order_relaxed);
    if (head - producer_.tail_seen > mask_) {
      producer_.tail_seen = consumer_.tail.load(std::memory_order_acquire);
      if (head - producer_.tail_seen > mask_) return nullptr;
    }
    return &slots_[head & mask_];
  }
  // Publishes the slot reserve() gave.
  void commit() { producer_.head.store(producer_.head.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  // The consumer has left for good: waiting for room is pointless.
  [[nodiscard]] bool closed() const { return consumer_.closed.load(std::memory_order_acquire); }

  // consumer thread
  // The oldest item, or null when empty; stays valid until pop().
  [[nodiscard]] const T* front() {
    const uint64_t tail = consumer_.tail.load(std::memory_order_relaxed);
    if (tail == consumer_.head_seen) {
      consumer_.head_seen = producer_.head.load(std::memory_order_acquire);
      if (tail == consumer_.head_seen) return nullptr;
    }
    return &slots_[tail & mask_];
  }
  void pop() { consumer_.tail.store(consumer_.tail.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  void close() { consumer_.closed.store(true, std::memory_order_release); }

  // any thread: a moment's fill, for display
  [[nodiscard]] size_t size() const {
    const uint64_t tail = consumer_.tail.load(std::memory_order_acquire);
    return static_cast<size_t>(producer_.head.load(std::memory_order_acquire) - tail);
  }

 private:
  struct alignas(kCacheLine) Producer {
    std::atomic<uint64_t> head{0};  // w: producer, r: consumer
    uint64_t tail_seen = 0;         // producer's own
  };
  struct alignas(kCacheLine) Consumer {
    std::atomic<uint64_t> tail{0};    // w: consumer, r: producer
    std::atomic<bool> closed{false};  // w: consumer, r: producer
    uint64_t head_seen = 0;           // consumer's own
  };
  static_assert(sizeof(Producer) == kCacheLine && sizeof(Consumer) == kCacheLine);

  const size_t mask_;
  const std::unique_ptr<T[]> slots_;
  Producer producer_;
  Consumer consumer_;
};

using Ring = SpscRing<Item>;

}  // namespace rs::event
