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

#include "control/access/gate.h"
#include "proto/result.h"
#include "proto/tls.h"

namespace rs::control {

enum class AlertFormat : uint8_t { kAlertmanager, kWebhook };

struct Config {
  // unix:/path or host:port; each serves sensors and clients alike. Ports need `tls` unless they are on the loopback.
  std::vector<std::string> listen = {"unix:/run/resetscope/control.sock", "unix:/run/resetscope/ingest.sock"};
  std::string store = "/var/lib/resetscope/events.db";  // or ":memory:"
  uint32_t retention_days = 30;                         // 0-36500; 0: for ever
  uint64_t max_store_mib = 20480;   // 0-1073741824 MiB; 0: no limit. 20 GiB hold about 40 million events
  std::string names;                // path of the names file; empty: none
  std::string web;                  // host:port of the web page; empty: none. Needs `tls` unless on the loopback
  std::string web_tokens;           // file of access::Tokens, absolute; empty: nobody has a token
  uint32_t web_session_hours = 12;  // 1-720: the longest that a sign-in with a token lasts
  tls::Files tls;                   // all three or none; Unix sockets stay plaintext
  access::Policy access;            // see gate.h
  std::string audit;                // file of changes, absolute; empty: memory and log only
  std::string metrics_listen;       // host:port of Prometheus' endpoint; empty: none
  std::string alerts_url;           // where incidents are posted; empty: nowhere
  AlertFormat alerts_format = AlertFormat::kAlertmanager;
  std::string log_level = "info";  // debug, info, warn or error
  bool log_json = false;           // one JSON object a line
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

// Values that must fit together, after file and flags. Does not open any file.
Result<void> check(const Config& config);

// The sample file: every key with its help and default.
std::string sample();

}  // namespace rs::control
