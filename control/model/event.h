// SPDX-License-Identifier: Apache-2.0
//
// One connection ending as the control plane holds it: decoded from a sensor's batch, stored, merged and
// answered. Field meanings and units are those of proto/event.fbs.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "proto/vocabulary.h"

namespace rs::model {

// IPv4 as ::ffff:a.b.c.d.
using Ip = std::array<uint8_t, 16>;

struct Endpoint {
  Ip ip{};
  uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
  // Bytewise, in words: the compiler's own calls memcmp for each address, and keys of sums and maps are sorted by it.
  std::strong_ordering operator<=>(const Endpoint& other) const {
    const auto half = [](const Ip& from, size_t at) {
      uint64_t word = 0;
      std::memcpy(&word, from.data() + at, sizeof word);
      return __builtin_bswap64(word);
    };
    for (const size_t at : {size_t{0}, sizeof(uint64_t)})
      if (const auto order = half(ip, at) <=> half(other.ip, at); order != 0) return order;
    return port <=> other.port;
  }
};

struct Fact {
  FactId id = FactId::kNone;  // may be newer than this program: name() is then empty
  int16_t weight = 0;         // 1/100 log-odds for the published cause
  int64_t value = 0;
};

struct Step {
  int64_t at_ns = 0;  // from start_ns
  uint32_t value = 0;
  StepKind kind = StepKind::kNone;
  Side side = Side::kUnknown;
};

struct Exemplar {
  uint64_t time_ns = 0;
  Endpoint client;
};

struct Event {
  uint64_t id = 0;
  uint64_t time_ns = 0;
  uint64_t start_ns = 0;
  Endpoint client;
  Endpoint server;
  uint32_t network_tag = 0;
  Side claimed_sender = Side::kUnknown;
  Origin origin = Origin::kUnknown;
  Stage stage = Stage::kUnknown;
  Ending ending = Ending::kUnknown;
  Cause cause = Cause::kUnknown;
  Cause second_cause = Cause::kUnknown;
  Severity severity = Severity::kUnknown;
  double confidence = 0;
  double second_confidence = 0;
  std::vector<Fact> evidence;
  std::vector<std::string> meanings;
  std::string server_name;
  uint64_t idle_ns = 0;
  uint64_t rtt_client_ns = 0;
  uint64_t rtt_server_ns = 0;
  uint64_t client_bytes = 0;
  uint64_t server_bytes = 0;
  uint64_t client_pkts = 0;
  uint64_t server_pkts = 0;
  uint64_t lost_bytes = 0;
  uint32_t rst_count = 0;
  uint64_t count = 1;
  std::vector<Exemplar> exemplars;
  std::vector<Step> timeline;
  uint16_t flags = 0;  // OR of rs::Flag
  ZeekState zeek_state = ZeekState::kOth;
  CloudflareStage cloudflare_stage = CloudflareStage::kNoMatch;
  LinuxReason linux_reason = LinuxReason::kNone;
  std::string sensor;
  uint64_t cursor = 0;  // row in the store

  [[nodiscard]] bool has(Flag f) const { return (flags & static_cast<uint16_t>(f)) != 0; }
};

struct CauseCount {
  Cause cause = Cause::kUnknown;
  uint64_t count = 0;
};

// Denominators; see event.fbs ServiceStats.
struct ServiceStats {
  Endpoint server;
  uint32_t network_tag = 0;
  uint64_t from_ns = 0;
  uint64_t to_ns = 0;
  uint16_t worker = 0;
  uint64_t attempted = 0;
  uint64_t established = 0;
  uint64_t closed_cleanly = 0;
  uint64_t refused = 0;
  uint64_t reset = 0;
  uint64_t timed_out = 0;
  uint64_t client_bytes = 0;
  uint64_t server_bytes = 0;
  uint64_t lost_bytes = 0;
  std::vector<CauseCount> by_cause;
};

}  // namespace rs::model
