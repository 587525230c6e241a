// SPDX-License-Identifier: Apache-2.0
//
// Lazy timer wheel over flow indices, driven by packet time. Worker thread only. A flow has one place in the wheel
// from insertion until its owner lets it go; when its slot comes up the owner looks at the flow and says when to
// look again. Deadlines are therefore never moved on the hot path, and exact to kTickNs at best: what must be exact
// is decided from packet times, not from when the wheel comes round.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/flow/record.h"

namespace rs::flow {

class Wheel {
 public:
  // Our choice: 62.5 ms ticks keep a give-up within a packet's noise; 512 slots span 32 s, longer waits come
  // round more than once.
  static constexpr DurationNs kTickNs = 62'500'000;
  static constexpr uint32_t kSlots = 512;

  Wheel() { heads_.fill(kNone); }

  // Puts a flow at `when`, or at the wheel's horizon if that is nearer. `link(index)` gives its list link.
  template <class Link>
  void add(uint32_t index, TimeNs when, Link&& link);

  // Time starts anew at `now`, perhaps earlier. Flows stay in their slots and are visited early rather than late.
  void restart(TimeNs now) { tick_ = now / kTickNs; }

  // Visits at most `budget` flows whose slot lies before `now`: due(index) returns the time to look again, or 0 to
  // let the flow go. The rest is visited by later calls.
  template <class Link, class Due>
  void advance(TimeNs now, uint32_t budget, Link&& link, Due&& due);

 private:
  std::array<uint32_t, kSlots> heads_;
  uint64_t tick_ = 0;  // everything before it was visited
  bool started_ = false;
};

// --- inline ---

template <class Link>
void Wheel::add(uint32_t index, TimeNs when, Link&& link) {
  uint64_t t = when / kTickNs;
  if (!started_) {
    started_ = true;
    tick_ = t;
  }
  if (t < tick_) t = tick_;
  if (t >= tick_ + kSlots) t = tick_ + kSlots - 1;
  uint32_t& head = heads_[t % kSlots];
  link(index) = head;
  head = index;
}

template <class Link, class Due>
void Wheel::advance(TimeNs now, uint32_t budget, Link&& link, Due&& due) {
  if (!started_) return;
  const uint64_t target = now / kTickNs;
  // A clock that jumps far ahead needs each slot once only.
  if (target > tick_ + kSlots) tick_ = target - kSlots;
  while (tick_ < target) {
    uint32_t& head = heads_[tick_ % kSlots];
    while (head != kNone) {
      if (budget-- == 0) return;
      const uint32_t index = head;
      head = link(index);
      const TimeNs again = due(index);
      if (again != 0) {
        // Never back into the slot being emptied.
        const TimeNs floor = (tick_ + 1) * kTickNs;
        add(index, again > floor ? again : floor, link);
      }
    }
    ++tick_;
  }
}

}  // namespace rs::flow
