// SPDX-License-Identifier: Apache-2.0
//
// 64-bit mixing for the tables and ids of this folder. Not cryptographic: tables are indexed through chains whose
// order never shows in the output, ids only need to be unlikely to meet.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>

namespace rs::event {

// splitmix64's finaliser (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
constexpr uint64_t mix64(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9U;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

// 64 x 64 -> 128 bit product, folded: one multiplication a word, enough for table indices.
inline uint64_t fold_multiply(uint64_t a, uint64_t b) {
  // __int128 is a GCC and Clang extension.
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// For construction time: makes a table's collisions unpredictable.
inline uint64_t random_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

inline uint64_t load64(const void* p) {
  uint64_t v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

}  // namespace rs::event
