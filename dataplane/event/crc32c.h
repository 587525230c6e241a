// SPDX-License-Identifier: Apache-2.0
//
// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of what stands on disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace rs::event {

// Bit by bit: the reference, and the code for processors without the instruction.
inline uint32_t crc32c_plain(const void* data, size_t size, uint32_t crc = 0) {
  const auto* p = static_cast<const uint8_t*>(data);
  crc = ~crc;
  for (size_t i = 0; i < size; ++i) {
    crc ^= p[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82f63b78U & (0U - (crc & 1U)));
  }
  return ~crc;
}

// `crc`: the result for the bytes before these, 0 for none.
inline uint32_t crc32c(const void* data, size_t size, uint32_t crc = 0) {
#ifdef __SSE4_2__
  const auto* p = static_cast<const uint8_t*>(data);
  uint64_t state = ~crc;
  for (; size >= 8; p += 8, size -= 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    state = _mm_crc32_u64(state, word);
  }
  auto rest = static_cast<uint32_t>(state);
  for (; size > 0; ++p, --size) rest = _mm_crc32_u8(rest, *p);
  return ~rest;
#else
  return crc32c_plain(data, size, crc);
#endif
}

}  // namespace rs::event
