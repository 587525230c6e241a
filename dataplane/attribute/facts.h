// SPDX-License-Identifier: Apache-2.0
//
// From measurements to named facts: what an Ending and its last messages show, each fact with its value, and nothing
// that depends on anything else. Gaps (no baseline, one-sided, midstream) are facts too, so that rules can tell "no"
// from "cannot know". Pure, worker thread.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>

#include "dataplane/context/meaning.h"
#include "dataplane/track/ending.h"
#include "proto/vocabulary.h"

namespace rs::attribute {

class Facts {
 public:
  void set(FactId id, int64_t value = 1) {
    bits_.set(static_cast<size_t>(id));
    values_[static_cast<size_t>(id)] = value;
  }
  [[nodiscard]] bool has(FactId id) const { return bits_.test(static_cast<size_t>(id)); }
  [[nodiscard]] int64_t value(FactId id) const { return has(id) ? values_[static_cast<size_t>(id)] : 0; }

  Stage stage = Stage::kUnknown;
  Ending ending = Ending::kUnknown;
  Side sender = Side::kUnknown;  // claimed sender of the RST, or who fell silent is the other one

 private:
  std::bitset<kFactIdCount> bits_;
  std::array<int64_t, kFactIdCount> values_{};
};

Facts gather(const track::Ending& ending, const context::Context& context);

}  // namespace rs::attribute
