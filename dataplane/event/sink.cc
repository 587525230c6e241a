// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/sink.h"

#include <immintrin.h>

#include <chrono>
#include <thread>

namespace rs::event {
namespace {

// Our choice: the export core frees a slot in about a microsecond while it is busy; after some of those it is waiting
// for the disk or the network, and the processor is better used by whoever it waits for.
constexpr int kSpins = 256;
constexpr std::chrono::microseconds kNap{50};

}  // namespace

// Only with file input or at its end: the one place where a worker may sleep.
Item* Sink::wait() {
  counters_.waits.add(1);
  for (int i = 0;; ++i) {
    if (Item* item = ring_.reserve()) return item;
    if (ring_.closed()) return nullptr;
    if (i < kSpins) {
      _mm_pause();
    } else {
      std::this_thread::sleep_for(kNap);
    }
  }
}

}  // namespace rs::event
