// SPDX-License-Identifier: Apache-2.0
//
// One connection ending as the data plane produces it: the plain struct that attribute() fills, condense folds,
// the ring carries and encode turns into a FlatBuffer. Trivially copyable, no pointers; field meanings and units
// are those of proto/event.fbs.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "dataplane/base/types.h"
#include "proto/vocabulary.h"

namespace rs::event {

struct Endpoint {
  IpAddr ip;
  uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
};
static_assert(sizeof(Endpoint) == 18);

struct Fact {
  int64_t value = 0;
  FactId id = FactId::kNone;
  int16_t weight = 0;  // 1/100 log-odds for the published cause
};

struct Step {
  int64_t at_ns = 0;  // from start_ns
  uint32_t value = 0;
  StepKind kind = StepKind::kNone;
  Side side = Side::kUnknown;
};

struct Exemplar {
  TimeNs time_ns = 0;
  Endpoint client;
};

inline constexpr size_t kMaxFacts = 40;
inline constexpr size_t kMaxSteps = 20;
inline constexpr size_t kMaxExemplars = 4;
inline constexpr size_t kMaxMeanings = 4;
inline constexpr size_t kMeaningBytes = 48;  // NUL-terminated, e.g. "tls.alert=unknown_ca"
inline constexpr size_t kServerNameBytes = 64;

struct Event {
  uint64_t id = 0;
  TimeNs time_ns = 0;
  TimeNs start_ns = 0;
  uint64_t count = 1;
  DurationNs idle_ns = 0;
  DurationNs rtt_client_ns = 0;
  DurationNs rtt_server_ns = 0;
  uint64_t client_bytes = 0;
  uint64_t server_bytes = 0;
  uint32_t client_pkts = 0;
  uint32_t server_pkts = 0;
  uint32_t lost_bytes = 0;
  uint32_t network_tag = 0;
  Endpoint client;
  Endpoint server;
  float confidence = 0;
  float second_confidence = 0;
  Cause cause = Cause::kUnknown;
  Cause second_cause = Cause::kUnknown;
  Origin origin = Origin::kUnknown;
  Stage stage = Stage::kUnknown;
  Ending ending = Ending::kUnknown;
  Side claimed_sender = Side::kUnknown;
  Severity severity = Severity::kUnknown;
  ZeekState zeek_state = ZeekState::kOth;
  CloudflareStage cloudflare_stage = CloudflareStage::kNoMatch;
  LinuxReason linux_reason = LinuxReason::kNone;
  uint16_t flags = 0;  // OR of rs::Flag
  uint16_t rst_count = 0;
  uint8_t fact_count = 0;
  uint8_t step_count = 0;
  uint8_t exemplar_count = 0;
  uint8_t meaning_count = 0;
  std::array<Fact, kMaxFacts> facts;
  std::array<Step, kMaxSteps> steps;
  std::array<Exemplar, kMaxExemplars> exemplars;
  std::array<std::array<char, kMeaningBytes>, kMaxMeanings> meanings;
  std::array<char, kServerNameBytes> server_name;
};
static_assert(std::is_trivially_copyable_v<Event>);

// Denominators of one service over one interval of packet time on one worker; see event.fbs ServiceStats.
struct ServiceStats {
  Endpoint server;
  uint32_t network_tag = 0;
  TimeNs from_ns = 0;
  TimeNs to_ns = 0;
  uint64_t attempted = 0;
  uint64_t established = 0;
  uint64_t closed_cleanly = 0;
  uint64_t refused = 0;
  uint64_t reset = 0;
  uint64_t timed_out = 0;
  uint64_t client_bytes = 0;
  uint64_t server_bytes = 0;
  uint64_t lost_bytes = 0;
  uint16_t worker = 0;
  std::array<uint32_t, kCauseCount> by_cause{};
};
static_assert(std::is_trivially_copyable_v<ServiceStats>);

// What the worker puts on its ring to the export core.
enum class ItemKind : uint8_t { kNone = 0, kEvent, kService, kEndOfInput };
struct Item {
  ItemKind kind = ItemKind::kNone;
  uint16_t worker = 0;
  TimeNs now = 0;  // packet time when it was put
  union {
    Event event;
    ServiceStats service;
  };
  Item() : event() {}
};
static_assert(std::is_trivially_copyable_v<Item>);

}  // namespace rs::event
