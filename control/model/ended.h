// SPDX-License-Identifier: Apache-2.0
//
// What correlation needs of one stored ending: of fixed size, so that hundreds of thousands a second can be handed on.
#pragma once

#include <cstdint>

#include "control/model/event.h"

namespace rs::model {

// A sensor's number within this run of the program, given out by SensorNumbers.
using SensorNumber = uint16_t;

// Facts of the event that correlation asks for.
enum Mark : uint16_t {
  kIdleSpontaneous = 1 << 0,  // ended in the middle of a silence
  kDrawnAfterIdle = 1 << 1,   // the first packet after a silence drew it
  kSynRetried = 1 << 2,
  kScannerSyn = 1 << 3,
  kFinBefore = 1 << 4,     // of either side
  kBothReset = 1 << 5,     // both directions were reset
  kTtlOfSender = 1 << 6,   // the RST's TTL is in the claimed sender's range
  kGatewayError = 1 << 7,  // the server's last message was 502, 503 or 504
  kStateless = 1 << 8,     // the RST has the shape of "no such socket"
  kPeerWentOn = 1 << 9,    // the other side went on as if it had not seen it
};

struct Ended {
  uint64_t id = 0;
  uint64_t cursor = 0;
  uint64_t time_ns = 0;
  uint64_t start_ns = 0;
  uint64_t idle_ns = 0;
  uint64_t rtt_client_ns = 0;
  uint64_t rtt_server_ns = 0;
  uint64_t count = 1;
  Endpoint client;
  Endpoint server;
  float confidence = 0;
  SensorNumber sensor = 0;
  uint16_t marks = 0;   // OR of Mark
  uint16_t flags = 0;   // OR of rs::Flag
  uint8_t rst_ttl = 0;  // 0: unknown
  Side claimed_sender = Side::kUnknown;
  Origin origin = Origin::kUnknown;
  Stage stage = Stage::kUnknown;
  Ending ending = Ending::kUnknown;
  Cause cause = Cause::kUnknown;
  Severity severity = Severity::kUnknown;

  [[nodiscard]] bool has(Mark mark) const { return (marks & mark) != 0; }
  [[nodiscard]] bool has(Flag flag) const { return (flags & static_cast<uint16_t>(flag)) != 0; }
};

Ended ended(const Event& event, SensorNumber sensor);

// The sum of one service's connections over one interval, from one sensor.
struct Served {
  Endpoint server;
  uint64_t from_ns = 0;
  uint64_t to_ns = 0;
  uint64_t attempted = 0;
  uint64_t established = 0;
  SensorNumber sensor = 0;
};

}  // namespace rs::model
