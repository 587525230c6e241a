// SPDX-License-Identifier: Apache-2.0
//
// Zeroed memory for tables: from EAL's hugepages when it has them and enough of them, else an anonymous mapping that
// costs nothing until it is touched, with transparent hugepages asked for. Control thread, but for clear_now().
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "proto/result.h"

namespace rs::capture {

class ZeroedMemory {
 public:
  ZeroedMemory() = default;
  ~ZeroedMemory();
  ZeroedMemory(ZeroedMemory&& o) noexcept
      : data_(std::exchange(o.data_, nullptr)), bytes_(std::exchange(o.bytes_, 0)), hugepages_(o.hugepages_) {}
  ZeroedMemory& operator=(ZeroedMemory&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(bytes_, o.bytes_);
    std::swap(hugepages_, o.hugepages_);
    return *this;
  }

  [[nodiscard]] std::span<std::byte> bytes() const { return {static_cast<std::byte*>(data_), bytes_}; }
  [[nodiscard]] bool hugepages() const { return hugepages_; }

 private:
  friend Result<ZeroedMemory> alloc_zeroed(size_t bytes, int socket);
  friend Result<ZeroedMemory> map_zeroed(size_t bytes, int socket);
  void* data_ = nullptr;
  size_t bytes_ = 0;
  bool hugepages_ = false;
};

// At least 64-byte aligned. `socket`: NUMA node to prefer, negative for any. Must be freed before EAL is.
Result<ZeroedMemory> alloc_zeroed(size_t bytes, int socket);

// The same without EAL's hugepages, so it may be had before EAL starts.
Result<ZeroedMemory> map_zeroed(size_t bytes, int socket);

// Has the kernel clear these pages now, and not when a worker first touches them, which is slow where a virtual machine
// gets them from its host first. Any thread, also while others use the memory.
void clear_now(std::span<std::byte> bytes);

// While it lives, memory this thread touches first comes from `socket` if it can (negative: wherever). For what is made
// with new for a worker: large allocations are fresh pages.
class NearNode {
 public:
  explicit NearNode(int socket);
  ~NearNode();
  NearNode(const NearNode&) = delete;
  NearNode& operator=(const NearNode&) = delete;

 private:
  bool set_ = false;
};

}  // namespace rs::capture
