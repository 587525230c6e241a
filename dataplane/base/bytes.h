// SPDX-License-Identifier: Apache-2.0
//
// The only way to read untrusted bytes: a view whose every access is checked against its end. Out-of-range reads
// return false or an empty view, never touch memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/base/types.h"

namespace rs {

class Bytes {
 public:
  constexpr Bytes() = default;
  constexpr Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  [[nodiscard]] constexpr const uint8_t* data() const { return data_; }
  [[nodiscard]] constexpr size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  [[nodiscard]] constexpr bool has(size_t offset, size_t count) const {
    return offset <= size_ && count <= size_ - offset;
  }

  // Copies a trivially copyable T out of the view; false when it does not fit.
  template <class T>
  [[nodiscard]] bool read(size_t offset, T& out) const {
    static_assert(__is_trivially_copyable(T));
    if (!has(offset, sizeof(T))) return false;
    std::memcpy(&out, data_ + offset, sizeof(T));
    return true;
  }

  // Big-endian field; 0 when out of range (check has() first where 0 is a meaning).
  [[nodiscard]] uint8_t u8(size_t offset) const { return has(offset, 1) ? data_[offset] : uint8_t{0}; }
  [[nodiscard]] uint16_t be16(size_t offset) const {
    Be16 v;
    return read(offset, v) ? v.host() : uint16_t{0};
  }
  [[nodiscard]] uint32_t be32(size_t offset) const {
    Be32 v;
    return read(offset, v) ? v.host() : 0U;
  }

  // The part from `offset`, at most `count` long; empty when offset lies outside.
  [[nodiscard]] constexpr Bytes sub(size_t offset, size_t count = SIZE_MAX) const {
    if (offset > size_) return {};
    const size_t rest = size_ - offset;
    return {data_ + offset, count < rest ? count : rest};
  }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace rs
