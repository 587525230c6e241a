// SPDX-License-Identifier: Apache-2.0
//
// Takes over DPDK's log: silent unless asked for, but the last warnings are kept so that an error can quote them.
#pragma once

#include <string>

namespace rs::capture {

// Once, before rte_eal_init. `echo`: copy everything to standard error.
void take_over_eal_log(bool echo);

// The warnings since the last call, joined by "; ", newest last. Any thread.
std::string take_eal_warnings();

}  // namespace rs::capture
