// SPDX-License-Identifier: Apache-2.0
//
// Addresses and networks as the control plane holds them. IPv4 lives inside IPv6 as ::ffff:a.b.c.d; a network is
// of one family: 0.0.0.0/0 is all of IPv4, ::/0 all of IPv6. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "control/model/event.h"

namespace rs::model {

// Bits of the ::ffff:0:0/96 prefix that marks IPv4.
inline constexpr unsigned kMappedBits = 96;

struct Prefix {
  Ip ip{};
  uint8_t bits = 128;  // over all 128 bits: 10.0.0.0/8 has 104
  bool operator==(const Prefix&) const = default;
};

bool is_v4(const Ip& ip);
inline bool is_v4(const Prefix& prefix) { return prefix.bits >= kMappedBits && is_v4(prefix.ip); }

// The 32 bits of an IPv4 address, host order.
uint32_t v4_of(const Ip& ip);
Ip from_v4(uint32_t address);

// "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1". No brackets, no zone.
std::optional<Ip> parse_ip(std::string_view text);
// An address, or a network such as "10.0.0.0/8"; bits beyond the prefix are cleared.
std::optional<Prefix> parse_prefix(std::string_view text);
// "10.0.0.1", "10.0.0.1:80", "[2001:db8::1]:80", "2001:db8::1"; port 0 when none is given.
std::optional<Endpoint> parse_endpoint(std::string_view text);

bool contains(const Prefix& prefix, const Ip& ip);
Ip first_of(const Prefix& prefix);
Ip last_of(const Prefix& prefix);

}  // namespace rs::model
