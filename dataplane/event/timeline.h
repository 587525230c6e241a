// SPDX-License-Identifier: Apache-2.0
//
// The moments of a connection that its record still knows, in order: what `why` shows as its timeline. A moment whose
// time the record does not hold is left out or told by number; probes, repeats and a closed window, which last until
// the ending, bear the time of their end's latest packet. Worker thread; pure; no allocation.
#pragma once

#include "dataplane/event/event.h"
#include "dataplane/track/ending.h"

namespace rs::event {

// Fills `out.steps` and `out.step_count`.
void timeline(const track::Ending& ending, Event& out);

}  // namespace rs::event
