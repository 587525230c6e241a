// SPDX-License-Identifier: Apache-2.0
//
// A worker's loop over any packet source, and over what other workers hand it. Runs until the source ends, and the
// others with it.
#pragma once

#include <algorithm>

#include "dataplane/capture/source.h"
#include "dataplane/worker/pipeline.h"

namespace rs::worker {

// What other workers have handed over, a burst of each. True: there was something.
template <capture::Source S>
bool take_handed(Worker& w, S& source, capture::Burst& burst) {
  bool any = false;
  for (Lane* lane : w.handover->in()) {
    if (!lane->take(burst)) continue;
    // Live workers have clocks of their own; a capture's time is the giver's.
    if (!w.setup.captures) burst.now = std::max(burst.now, w.counters.now.load(std::memory_order_relaxed));
    any = any || burst.count != 0;
    process(w, burst);
    source.release(burst);
  }
  burst.handed = false;
  return any;
}

// The source has ended: tells the others, and takes what they still have.
template <capture::Source S>
void end_handover(Worker& w, S& source, capture::Burst& burst) {
  w.handover->end();
  for (uint32_t idle = 0; !w.handover->ended();) {
    idle = take_handed(w, source, burst) ? 0 : idle + 1;
    if (idle != 0) w.handover->rest(idle);
  }
  if (!w.setup.captures || w.handover->in().empty()) return;
  if (const TimeNs from = w.handover->last_restart(); from != 0) restart(w, from, w.handover->reached());
  burst.count = 0;
  burst.now = w.handover->reached();
  process(w, burst);
}

// worker thread. False when the export core left before everything was put out.
template <capture::Source S>
bool run(Worker& w, S& source) {
  capture::Burst burst;
  while (source.receive(burst)) {
    process(w, burst);
    source.release(burst);
    if (w.handover == nullptr || !take_handed(w, source, burst)) continue;
    if constexpr (requires { source.stay_awake(); }) source.stay_awake();
  }
  if (w.handover != nullptr) end_handover(w, source, burst);
  return finish(w);
}

}  // namespace rs::worker
