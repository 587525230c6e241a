// SPDX-License-Identifier: Apache-2.0
//
// The one table of configuration keys. It drives the YAML reader, command-line flags, --help and the sample file in
// deploy/; a test compares the three.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/config/config.h"

namespace rs::config {

using Values = std::span<const std::string>;

struct Key {
  std::string_view name;  // section.field
  bool list;              // takes any number of values; others exactly one
  uint64_t min;           // numbers only, both inclusive
  uint64_t max;
  std::span<const std::string_view> choices;  // enumerations only, in the enumerators' order
  Result<void> (*parse)(const Key&, Config&, Values);
  std::string (*show)(const Key&, const Config&);  // as it stands in YAML
  std::string_view example;  // stands in the sample in place of the default; empty: the default stands
  std::string_view help;
  // Changes while the sensor runs when the file is read again (SIGHUP); config::take_live() copies exactly these.
  bool live = false;
};

std::span<const Key> keys();
const Key* find_key(std::string_view name);

// Sets one key from text values. The error names the key and what is allowed, not the place.
Result<void> set(Config& config, std::string_view key, Values values);

// The same from one string, for command-line flags. A list is split at commas; a piece NAME=VALUE that is no path stays
// with the piece before it, so that "eth1,net_null0,size=64" is two ports.
Result<void> set(Config& config, std::string_view key, const std::string& value);

// Keys by name whose values differ.
std::vector<const Key*> changed(const Config& a, const Config& b);

std::string help();
std::string sample();

}  // namespace rs::config
