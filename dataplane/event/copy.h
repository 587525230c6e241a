// SPDX-License-Identifier: Apache-2.0
//
// Copies an Event without the unused ends of its arrays: most events fill a third of their 1.5 KB. What lies beyond
// the counts in the destination is left as it was, so readers go by the counts only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "dataplane/event/event.h"

namespace rs::event {

inline void copy_event(Event& to, const Event& from) {
  static_assert(offsetof(Event, facts) < 256, "the fixed part is copied whole");
  // std::memcpy through void*: Event has default member initialisers but is trivially copyable (event.h).
  std::memcpy(static_cast<void*>(&to), &from, offsetof(Event, facts));
  to.fact_count = static_cast<uint8_t>(std::min<size_t>(from.fact_count, kMaxFacts));
  to.step_count = static_cast<uint8_t>(std::min<size_t>(from.step_count, kMaxSteps));
  to.exemplar_count = static_cast<uint8_t>(std::min<size_t>(from.exemplar_count, kMaxExemplars));
  to.meaning_count = static_cast<uint8_t>(std::min<size_t>(from.meaning_count, kMaxMeanings));
  std::memcpy(static_cast<void*>(to.facts.data()), from.facts.data(), to.fact_count * sizeof(Fact));
  std::memcpy(static_cast<void*>(to.steps.data()), from.steps.data(), to.step_count * sizeof(Step));
  std::memcpy(static_cast<void*>(to.exemplars.data()), from.exemplars.data(), to.exemplar_count * sizeof(Exemplar));
  std::memcpy(to.meanings.data(), from.meanings.data(), to.meaning_count * kMeaningBytes);
  to.server_name = from.server_name;
}

}  // namespace rs::event
