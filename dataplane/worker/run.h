// SPDX-License-Identifier: Apache-2.0
//
// A worker's loop over any packet source. Runs until the source ends.
#pragma once

#include "dataplane/capture/source.h"
#include "dataplane/worker/pipeline.h"

namespace rs::worker {

// worker thread. False when the export core left before everything was put out.
template <capture::Source S>
bool run(Worker& w, S& source) {
  capture::Burst burst;
  while (source.receive(burst)) {
    process(w, burst);
    source.release(burst);
  }
  return finish(w);
}

}  // namespace rs::worker
