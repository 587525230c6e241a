// SPDX-License-Identifier: Apache-2.0
//
// Facts to verdict: who, why, how sure, and which facts decided. A pure function of the facts and the rule table;
// no state, no clock, no allocation. Worker thread.
//
// Each rule that is not ruled out scores its prior, its weights, and what the facts say about the host against the
// path. "Unknown" competes with score 0. Confidences are the scores' shares (softmax), so they add up to at most 1.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/attribute/facts.h"
#include "proto/vocabulary.h"

namespace rs::attribute {

inline constexpr size_t kMaxDeciding = 16;

struct Deciding {
  FactId fact = FactId::kNone;
  int16_t points = 0;  // for the published cause, 1/100 log-odds
};

struct Verdict {
  Cause cause = Cause::kUnknown;
  Cause second = Cause::kUnknown;
  Origin origin = Origin::kUnknown;
  Severity severity = Severity::kNotice;
  float confidence = 0;
  float second_confidence = 0;
  LinuxReason linux_reason = LinuxReason::kNone;
  std::array<Deciding, kMaxDeciding> deciding{};
  uint8_t deciding_count = 0;
};

// What a point of score is worth in confidence. The table's weights are guesses, each cautious for itself, and what
// they add up to was right more often than they say: the one number that brings both together on the lab's recordings,
// and rounded down, for their networks are few. docs/accuracy.md has the table it was read from.
inline constexpr double kSharpness = 1.8;
// Published only at or above this confidence and margin; below, the cause is unknown and the best guess is second.
inline constexpr float kThreshold = 0.4F;
inline constexpr float kMargin = 0.1F;
// No more than this when only one direction was seen.
inline constexpr float kOneSidedCap = 0.75F;
// … or when an end's last words, which might have told, were not captured and nothing else was said.
inline constexpr float kUnreadCap = 0.65F;
inline constexpr float kCap = 0.98F;  // nothing on a wire is surer
inline constexpr float kLossyShare =
    0.87F;  // of the confidence, where packets of the connection were lost to the sensor

// `icmp_from_server`: the ICMP error of a rejected connection came from the server's own address.
Verdict attribute(const Shape& facts, bool icmp_from_server);

}  // namespace rs::attribute
