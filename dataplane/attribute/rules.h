// SPDX-License-Identifier: Apache-2.0
//
// The table of causes: for each way a cause shows on the wire, what must be seen, what rules it out, and what speaks
// for and against, as natural log-odds in hundredths. A cause may have several rows. To change a weight or add a
// cause: this table (rules.cc), its text (control/correlate/knowledge), a test.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/attribute/facts.h"
#include "proto/vocabulary.h"

namespace rs::attribute {

// Who sends what this row describes.
enum class Who : uint8_t {
  kSender,      // the host whose address the RST bears
  kMiddlebox,   // a device on the path
  kOffPath,     // somebody who cannot see the connection
  kIcmpSender,  // whose ICMP error it was
  kNobody,      // silence: nobody sent anything
};

struct Weight {
  FactId fact = FactId::kNone;
  int16_t points = 0;  // 1/100 log-odds
};

inline constexpr size_t kMaxNeeds = 4;
inline constexpr size_t kMaxWeights = 12;

struct Rule {
  Cause cause;
  Who who;
  Side sender;      // claimed sender this row is about; kUnknown: either
  uint16_t stages;  // bits 1 << Stage
  uint8_t endings;  // bits 1 << Ending
  Severity severity;
  int16_t prior;                       // 1/100 log-odds against "unknown" when all that is needed is seen
  std::array<FactId, kMaxNeeds> all;   // each must be seen
  std::array<FactId, kMaxNeeds> any;   // one of these must be seen, unless empty
  std::array<FactId, kMaxNeeds> none;  // none of these may be seen
  std::array<Weight, kMaxWeights> weights;
  std::string_view source;
};

// The source of rows that rest on what an end said.
inline constexpr std::string_view kWords = "its own words: context/patterns names each pattern's source; lab";

std::span<const Rule> rules();

// What each row of rules() needs, as sets, in the same order.
struct Needs {
  FactSet all;
  FactSet any;
  FactSet none;
  bool any_is_empty = true;
};
std::span<const Needs> needs();

// What tells a device on the path from the host itself, whatever the cause: points for "not the host".
std::span<const Weight> origin_weights();

}  // namespace rs::attribute
