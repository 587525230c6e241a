// SPDX-License-Identifier: Apache-2.0
//
// Filter flags and the one expression of the control plane's filter language that they become. Values of one flag are
// alternatives, different flags must all hold; `--not` before a flag turns it round. The text:
//
//   --client-ip 10.0.0.0/8 --port 80,443 --not --cause port_scan --filter 'idle > 5m'
//   client_ip in 10.0.0.0/8 and port in (80, 443) and not cause = port_scan and (idle > 5m)
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.h"

namespace rs::cli {

// One row a flag; the order is that of --help and of the expression.
struct FilterFlag {
  enum class Value : uint8_t { kAddress, kPort, kWord, kText };
  std::string_view name;   // without dashes: "client-ip"
  std::string_view field;  // of the filter language: "client_ip"
  Value value;
  const std::vector<std::string>& (*words)();  // kWord: what may stand there
  std::string_view help;
};

std::span<const FilterFlag> filter_flags();
const FilterFlag* find_filter_flag(std::string_view name);

// What the user gave, one list a row of filter_flags().
struct FilterValues {
  std::vector<std::vector<std::string>> wanted;
  std::vector<std::vector<std::string>> unwanted;  // after --not
  std::string raw;                                 // --filter
  FilterValues();
};

// Empty text: everything. An error names the flag and says what would be right.
Result<std::string> filter_text(const FilterValues& values);

// Rewrites "--not --cause X" to "--not-cause X", which the parser knows as a flag of its own. An error when --not
// stands before anything but a filter flag. Arguments after "--" are left alone.
Result<std::vector<std::string>> join_not(std::vector<std::string> args);

// Whether text is an address or, if `network` may be, address/length. Brackets around IPv6 are not part of it.
bool is_address(const std::string& text, bool network);

}  // namespace rs::cli
