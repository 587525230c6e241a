// SPDX-License-Identifier: Apache-2.0
//
// Which CPU each worker runs on. Control thread, before EAL starts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proto/result.h"

namespace rs::capture {

struct Cpu {
  uint32_t id = 0;
  uint32_t core = 0;  // the same for hardware threads that share one
  int node = 0;       // NUMA
};

// CPUs this process may run on, by number.
std::vector<Cpu> allowed_cpus();

// One CPU a worker. `wanted` (configuration) is used in turn; when empty, distinct cores near `node` (negative: any)
// come first, and the first allowed CPU stays free for control and export when there are more CPUs than workers.
// More workers than CPUs share them: enough_cpus() says whether that will do.
Result<std::vector<uint32_t>> pick_cpus(const std::vector<Cpu>& allowed, const std::vector<uint32_t>& wanted,
                                        uint32_t workers, int node);

// Whether every worker has a CPU of its own, which those that poll a NIC without rest need: two of them on one CPU lose
// packets whenever one waits for the other. The error says what to change.
Result<void> enough_cpus(const std::vector<uint32_t>& worker_cpus);

// EAL's --lcores: lcore 0 is the main thread, lcore i + 1 is worker i on its CPU. The main thread, and every thread it
// starts (export, health, gRPC), runs on the CPUs that workers leave; anywhere when they leave none.
std::string lcore_map(const std::vector<Cpu>& allowed, const std::vector<uint32_t>& worker_cpus);

}  // namespace rs::capture
