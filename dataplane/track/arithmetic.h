// SPDX-License-Identifier: Apache-2.0
//
// Small arithmetic of the tracker: saturating counters and times that never run backwards.
#pragma once

#include <cstdint>
#include <limits>

#include "dataplane/base/types.h"

namespace rs::track {

template <class T>
constexpr T saturate(uint64_t v) {
  return v > std::numeric_limits<T>::max() ? std::numeric_limits<T>::max() : static_cast<T>(v);
}
template <class T>
constexpr void bump(T& v) {
  if (v != std::numeric_limits<T>::max()) ++v;
}
constexpr TimeNs later(TimeNs a, TimeNs b) { return a > b ? a : b; }
constexpr DurationNs since(TimeNs now, TimeNs then) { return now > then ? now - then : 0; }

}  // namespace rs::track
