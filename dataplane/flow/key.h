// SPDX-License-Identifier: Apache-2.0
//
// Canonical flow key and its keyed hash: both directions of a connection give the same key and hash. The hash is
// keyed with a random seed so that nobody outside can aim connections at one bucket.
#pragma once

#include <immintrin.h>

#include <bit>
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

// Without branches: which of ten fields differs is not for the branch predictor to learn. Sixteen bytes at a time, in
// registers: of an array of words the compiler makes copies on the stack.
inline bool FlowKey::operator==(const FlowKey& other) const {
  const auto load = [](const IpAddr& a) {
    __m128i v;
    std::memcpy(&v, a.bytes.data(), sizeof(v));
    return v;
  };
  const auto rest = [](const FlowKey& k) {
    uint64_t v = 0;
    std::memcpy(&v, &k.lo_port, sizeof(v));
    return v;
  };
  const __m128i differ = _mm_or_si128(_mm_xor_si128(load(lo), load(other.lo)), _mm_xor_si128(load(hi), load(other.hi)));
  return (static_cast<unsigned>(_mm_test_all_zeros(differ, differ)) &
          static_cast<unsigned>(rest(*this) == rest(other))) != 0;
}

// Without branches: which end sent a packet is a coin toss to the predictor. Whole words, also for the ports: a load of
// eight bytes that were stored in parts waits until all of them have left the core's store queue.
inline End make_key(const IpAddr& src, uint16_t src_port, const IpAddr& dst, uint16_t dst_port, uint32_t tag,
                    FlowKey& key) {
  uint64_t s[2];
  uint64_t d[2];
  std::memcpy(s, src.bytes.data(), sizeof(s));
  std::memcpy(d, dst.bytes.data(), sizeof(d));
  // dst - src, borrowing from word to word; bytewise order is that of big-endian words. A borrow at the end: src is hi.
  unsigned long long unused = 0;
  unsigned char borrow = _subborrow_u64(0, dst_port, src_port, &unused);
  borrow = _subborrow_u64(borrow, __builtin_bswap64(d[1]), __builtin_bswap64(s[1]), &unused);
  borrow = _subborrow_u64(borrow, __builtin_bswap64(d[0]), __builtin_bswap64(s[0]), &unused);
  const uint64_t swap = uint64_t{0} - borrow;
  const uint64_t x0 = (s[0] ^ d[0]) & swap;
  const uint64_t x1 = (s[1] ^ d[1]) & swap;
  const uint32_t ports = std::rotl(uint32_t{src_port} | uint32_t{dst_port} << 16, 16 * borrow);
  const auto store = [](void* to, uint64_t word) { std::memcpy(to, &word, sizeof(word)); };
  store(&key.lo.bytes[0], s[0] ^ x0);
  store(&key.lo.bytes[8], s[1] ^ x1);
  store(&key.hi.bytes[0], d[0] ^ x0);
  store(&key.hi.bytes[8], d[1] ^ x1);
  store(&key.lo_port, ports | uint64_t{tag} << 32);
  return static_cast<End>(borrow);
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
