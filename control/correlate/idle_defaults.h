// SPDX-License-Identifier: Apache-2.0
//
// Well-known idle timeouts: what limits silence to how long by default, and how it ends a connection then. Data with
// sources; a value learned from traffic stands whether it is listed here or not.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "proto/vocabulary.h"

namespace rs::correlate {

// How a timeout shows: OR of these.
enum Expiry : uint8_t { kSendsReset = 1, kSendsFin = 2, kForgets = 4 };

// On which place of the path it can stand: OR of these.
enum Place : uint8_t { kAtClient = 1, kOnPath = 2, kAtServer = 4 };

struct IdleDefault {
  uint32_t seconds;
  std::string_view device;
  uint8_t expiry;
  uint8_t place;
  bool documented;  // false: common knowledge among operators, not read in the maker's documents
  std::string_view source;
};

std::span<const IdleDefault> idle_defaults();

// The defaults within 1 % (or 0.6 s, for timers that look once a second) of this value which end connections in this
// way at this place; documented ones first, nearest first. 0 of `expiry` or `place`: any.
inline constexpr size_t kMostDefaults = 4;
struct DefaultMatches {
  const IdleDefault* rows[kMostDefaults] = {};
  size_t count = 0;
};
DefaultMatches idle_defaults_near(double seconds, uint8_t expiry, uint8_t place);

}  // namespace rs::correlate
