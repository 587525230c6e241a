// SPDX-License-Identifier: Apache-2.0
//
// A count with a single relaxed writer: no locked instruction on the hot path, any thread may read.
#pragma once

#include <atomic>
#include <cstdint>

namespace rs::capture {

class Counter {
 public:
  // the one writing thread
  void add(uint64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  // any thread
  [[nodiscard]] uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

}  // namespace rs::capture
