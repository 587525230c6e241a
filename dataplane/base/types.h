// SPDX-License-Identifier: Apache-2.0
//
// Strong types shared by every stage: network byte order in the type system, time in nanoseconds, addresses.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace rs {

// Nanoseconds since the Unix epoch in packet time: the NIC's, the file's, or one clock read a burst.
using TimeNs = uint64_t;
using DurationNs = uint64_t;

// Sources give nothing later: 2116. What claims to be is a broken clock, and deadlines reckoned from it would wrap.
inline constexpr TimeNs kLatestTime = uint64_t{1} << 62;

inline constexpr DurationNs kUs = 1'000;
inline constexpr DurationNs kMs = 1'000'000;
inline constexpr DurationNs kSecond = 1'000'000'000;

static_assert(std::endian::native == std::endian::little, "byte order conversions below assume little endian");

// A 16 or 32 bit field as it stands in a packet. Converting is always explicit.
struct Be16 {
  uint16_t raw = 0;
  [[nodiscard]] constexpr uint16_t host() const { return __builtin_bswap16(raw); }
  static constexpr Be16 from_host(uint16_t v) { return {__builtin_bswap16(v)}; }
  constexpr bool operator==(const Be16&) const = default;
};
struct Be32 {
  uint32_t raw = 0;
  [[nodiscard]] constexpr uint32_t host() const { return __builtin_bswap32(raw); }
  static constexpr Be32 from_host(uint32_t v) { return {__builtin_bswap32(v)}; }
  constexpr bool operator==(const Be32&) const = default;
};
static_assert(sizeof(Be16) == 2 && sizeof(Be32) == 4);

// An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d (RFC 4291 2.5.5.2). Ordered bytewise.
struct IpAddr {
  std::array<uint8_t, 16> bytes{};

  static IpAddr v4(const uint8_t* four) {
    uint32_t address = 0;
    std::memcpy(&address, four, 4);
    // Whole words, as they are read: parts of words still on their way to the cache would make the reader wait.
    const uint64_t words[2] = {0, 0xffff0000U | uint64_t{address} << 32};
    IpAddr a;
    std::memcpy(a.bytes.data(), words, sizeof(words));
    return a;
  }
  static IpAddr v6(const uint8_t* sixteen) {
    IpAddr a;
    std::memcpy(a.bytes.data(), sixteen, 16);
    return a;
  }
  [[nodiscard]] bool is_v4() const {
    static constexpr uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::memcmp(bytes.data(), kPrefix, 12) == 0;
  }
  auto operator<=>(const IpAddr&) const = default;
  // As two words: of an array of bytes the compiler makes a call.
  bool operator==(const IpAddr& other) const {
    uint64_t a[2];
    uint64_t b[2];
    std::memcpy(a, bytes.data(), sizeof(a));
    std::memcpy(b, other.bytes.data(), sizeof(b));
    return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
  }
};
static_assert(sizeof(IpAddr) == 16);

}  // namespace rs
