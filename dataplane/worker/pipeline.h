// SPDX-License-Identifier: Apache-2.0
//
// The packet's way through one worker. Worker thread; no allocation, lock, system call or exception.
#pragma once

#include "dataplane/worker/worker.h"

namespace rs::worker {

// One burst, start to end. A frame handed to another worker loses its mbuf: it is not this worker's to release.
void process(Worker& w, capture::Burst& burst);

// Captures: the input's clock had come to `reached` and starts anew at `now`.
void restart(Worker& w, TimeNs reached, TimeNs now);

// End of input: settles what is pending, puts everything out, and the end mark. False when the export core left early.
bool finish(Worker& w);

}  // namespace rs::worker
