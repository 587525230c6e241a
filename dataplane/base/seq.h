// SPDX-License-Identifier: Apache-2.0
//
// TCP sequence space arithmetic modulo 2^32 (RFC 9293 3.4).
#pragma once

#include <cstdint>

namespace rs {

// Signed distance from b to a: positive when a is after b.
constexpr int32_t seq_diff(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b); }
constexpr bool seq_after(uint32_t a, uint32_t b) { return seq_diff(a, b) > 0; }
constexpr bool seq_before(uint32_t a, uint32_t b) { return seq_diff(a, b) < 0; }
constexpr uint32_t seq_max(uint32_t a, uint32_t b) { return seq_after(a, b) ? a : b; }

}  // namespace rs
