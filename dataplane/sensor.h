// SPDX-License-Identifier: Apache-2.0
//
// One sensor put together: EAL, sources, workers, export core; run until the input ends or somebody asks to stop,
// then drained. Control thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "dataplane/config/config.h"
#include "proto/result.h"

namespace rs {

struct RunOptions {
  double speed = 0;       // capture files: 0 as fast as possible, 1 as captured
  int progress_fd = -1;   // lines "<bytes read> <bytes in all> <packets>", ten a second
  bool counters = false;  // print every counter to standard output at the end, and check their sum
  uint32_t drain_s = 10;  // wait for acknowledgements when a live sensor stops; 0: do not wait. Files: no limit
  // The configuration as it is now, checked. Called on the control thread after `reload` was set.
  std::function<Result<config::Config>()> read_again;
};

// Asked for by signal handlers.
struct Requests {
  std::atomic<bool> stop{false};    // drain and return
  std::atomic<bool> reload{false};  // read the configuration again
};

// Blocks until done.
Result<void> run_sensor(config::Config config, const RunOptions& options, Requests& requests);

}  // namespace rs
