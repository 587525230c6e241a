// SPDX-License-Identifier: Apache-2.0
//
// Canonical flow key and its keyed hash: both directions of a connection give the same key and hash. The hash is
// keyed with a random seed so that nobody outside can aim connections at one bucket.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "dataplane/base/types.h"

namespace rs::flow {

// The two ends in bytewise order; `tag` keeps overlapping address spaces apart (tunnel id), else 0.
struct FlowKey {
  IpAddr lo;
  IpAddr hi;
  uint16_t lo_port = 0;
  uint16_t hi_port = 0;
  uint32_t tag = 0;
  bool operator==(const FlowKey& other) const;
};
static_assert(sizeof(FlowKey) == 40 && std::has_unique_object_representations_v<FlowKey>);

// Which end of the key a packet came from.
enum class End : uint8_t { kLo = 0, kHi = 1 };
constexpr End other(End e) { return e == End::kLo ? End::kHi : End::kLo; }

struct Seed {
  uint64_t a = 0x9e3779b97f4a7c15;
  uint64_t b = 0xbf58476d1ce4e5b9;
};

// worker thread. Key of a packet from src to dst and the end it came from.
End make_key(const IpAddr& src, uint16_t src_port, const IpAddr& dst, uint16_t dst_port, uint32_t tag, FlowKey& key);

// --- inline ---

// Without branches: which of ten fields differs is not for the branch predictor to learn.
inline bool FlowKey::operator==(const FlowKey& other) const {
  uint64_t a[5];
  uint64_t b[5];
  std::memcpy(a, this, sizeof(a));
  std::memcpy(b, &other, sizeof(b));
  return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4])) == 0;
}

inline End make_key(const IpAddr& src, uint16_t src_port, const IpAddr& dst, uint16_t dst_port, uint32_t tag,
                    FlowKey& key) {
  // Bytewise order of 16 bytes is the order of two big-endian words.
  uint64_t s[2];
  uint64_t d[2];
  std::memcpy(s, src.bytes.data(), sizeof(s));
  std::memcpy(d, dst.bytes.data(), sizeof(d));
  __extension__ using Wide = unsigned __int128;
  const auto wide = [](const uint64_t* w) {
    return static_cast<Wide>(__builtin_bswap64(w[0])) << 64 | __builtin_bswap64(w[1]);
  };
  const Wide a = wide(s);
  const Wide b = wide(d);
  const bool src_is_lo = a < b || (a == b && src_port <= dst_port);
  // Chosen by index, not by a branch: which end sent a packet is a coin toss to the predictor.
  const IpAddr* const ends[2] = {&src, &dst};
  const uint16_t ports[2] = {src_port, dst_port};
  const auto lo = static_cast<size_t>(!src_is_lo);
  key.lo = *ends[lo];
  key.hi = *ends[1 - lo];
  key.lo_port = ports[lo];
  key.hi_port = ports[1 - lo];
  key.tag = tag;
  return static_cast<End>(lo);
}

// 64x64 -> 128 bit multiply folded by xor: the mixing step of wyhash and its kin.
inline uint64_t fold_multiply(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash(const FlowKey& key, const Seed& seed) {
  uint64_t w[5];
  std::memcpy(w, &key, sizeof(w));
  const uint64_t x = fold_multiply(w[0] ^ seed.a, w[1] ^ seed.b);
  const uint64_t y = fold_multiply(w[2] ^ seed.b, w[3] ^ seed.a);
  return fold_multiply(x ^ w[4], y ^ seed.a ^ 0x2d358dccaa6c78a5);
}

}  // namespace rs::flow
