// SPDX-License-Identifier: Apache-2.0
//
// Configuration of resetscope-control: plain data, and the one table that reads, explains and prints each key. A
// test compares reader, --help and the sample in deploy/. Read once at start.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.h"

namespace rs::control {

struct Config {
  // unix:/path or a loopback host:port; each serves sensors and clients alike.
  std::vector<std::string> listen = {"unix:/run/resetscope/control.sock", "unix:/run/resetscope/ingest.sock"};
  std::string store = "/var/lib/resetscope/events.db";  // or ":memory:"
  uint32_t retention_days = 30;                         // 0-36500; 0: for ever
  uint64_t max_store_mib = 20480;  // 0-1073741824 MiB; 0: no limit. 20 GiB hold about 40 million events
  std::string names;               // path of the names file; empty: none
  std::string web;                 // loopback host:port of the web page; empty: none
  std::string log_level = "info";  // debug, info, warn or error
  bool operator==(const Config&) const = default;
};

using Values = std::span<const std::string>;

struct Key {
  std::string_view name;  // section.field in YAML
  std::string_view flag;  // on the command line
  bool list;              // takes any number of values; others exactly one
  Result<void> (*parse)(const Key&, Config&, Values);
  std::string (*show)(const Config&);  // as it stands in YAML
  std::string_view help;
};

std::span<const Key> keys();

// Errors name file, line and reason; an unknown key or a bad value refuses the whole file.
Result<Config> load(const std::string& path);
// The same from a text already read; `name` stands in the errors.
Result<Config> parse(const std::string& name, const std::string& text);

// The sample file: every key with its help and default.
std::string sample();

}  // namespace rs::control
