// SPDX-License-Identifier: Apache-2.0
//
// Hash of a few words, for the sums of rollups and aggregates: multiply and fold, enough against accidents.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rs::store::sqlite {

class Mixer {
 public:
  void add(uint64_t word) {
    const auto product = static_cast<Wide>(state_ ^ word) * 0x9e3779b97f4a7c15ull;  // 2^64 / golden ratio
    state_ = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  [[nodiscard]] size_t value() const { return state_; }

 private:
  __extension__ using Wide = unsigned __int128;
  uint64_t state_ = 0x243f6a8885a308d3ull;  // digits of pi
};

}  // namespace rs::store::sqlite
