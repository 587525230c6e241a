// SPDX-License-Identifier: Apache-2.0
//
// From measurements to named facts: what an Ending and its last messages show, each fact with its value, and nothing
// that depends on anything else. Gaps (no baseline, one-sided, midstream) are facts too, so that rules can tell "no"
// from "cannot know". Pure, worker thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "dataplane/context/meaning.h"
#include "dataplane/track/ending.h"
#include "proto/vocabulary.h"

namespace rs::attribute {

// A set of facts, to be compared word by word: a hundred rules are asked for each ending.
struct FactSet {
  std::array<uint64_t, (kFactIdCount + 63) / 64> words{};

  constexpr void add(FactId id) { words[static_cast<size_t>(id) / 64] |= uint64_t{1} << static_cast<size_t>(id) % 64; }
  [[nodiscard]] constexpr bool has(FactId id) const {
    return (words[static_cast<size_t>(id) / 64] >> static_cast<size_t>(id) % 64 & 1U) != 0;
  }
  // Calls act(FactId) for each member in order, until it says false.
  template <class Act>
  constexpr void each(Act&& act) const {
    for (size_t i = 0; i < words.size(); ++i)
      for (uint64_t left = words[i]; left != 0; left &= left - 1)
        if (!act(static_cast<FactId>(64 * i + static_cast<size_t>(std::countr_zero(left))))) return;
  }
  [[nodiscard]] constexpr bool has_all(const FactSet& other) const {
    uint64_t missing = 0;
    for (size_t i = 0; i < words.size(); ++i) missing |= other.words[i] & ~words[i];
    return missing == 0;
  }
  [[nodiscard]] constexpr bool has_any(const FactSet& other) const {
    uint64_t common = 0;
    for (size_t i = 0; i < words.size(); ++i) common |= other.words[i] & words[i];
    return common != 0;
  }
  bool operator==(const FactSet&) const = default;
};

// All that a verdict depends on: which facts there are, not their values.
class Shape {
 public:
  [[nodiscard]] bool has(FactId id) const { return seen_.has(id); }
  [[nodiscard]] const FactSet& seen() const { return seen_; }
  bool operator==(const Shape&) const = default;

  Stage stage = Stage::kUnknown;
  Ending ending = Ending::kUnknown;
  Side sender = Side::kUnknown;  // claimed sender of the RST, or who fell silent is the other one

 protected:
  FactSet seen_;
};

class Facts : public Shape {
 public:
  void set(FactId id, int64_t value = 1) {
    seen_.add(id);
    values_[static_cast<size_t>(id)] = value;
  }
  [[nodiscard]] int64_t value(FactId id) const { return has(id) ? values_[static_cast<size_t>(id)] : 0; }

 private:
  // Not cleared, for speed: read behind has() only.
  std::array<int64_t, kFactIdCount> values_;
};

Facts gather(const track::Ending& ending, const context::Context& context);

}  // namespace rs::attribute
