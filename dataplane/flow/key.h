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
  bool operator==(const FlowKey& other) const { return std::memcmp(this, &other, sizeof(FlowKey)) == 0; }
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

inline End make_key(const IpAddr& src, uint16_t src_port, const IpAddr& dst, uint16_t dst_port, uint32_t tag,
                    FlowKey& key) {
  const int order = std::memcmp(src.bytes.data(), dst.bytes.data(), 16);
  const bool src_is_lo = order < 0 || (order == 0 && src_port <= dst_port);
  key.lo = src_is_lo ? src : dst;
  key.hi = src_is_lo ? dst : src;
  key.lo_port = src_is_lo ? src_port : dst_port;
  key.hi_port = src_is_lo ? dst_port : src_port;
  key.tag = tag;
  return src_is_lo ? End::kLo : End::kHi;
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
