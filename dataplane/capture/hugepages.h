// SPDX-License-Identifier: Apache-2.0
//
// Whether hugepages can be had. Control thread, before EAL starts.
#pragma once

#include <cstdint>

namespace rs::capture {

// Free hugepages of all sizes, as the kernel reports them.
uint64_t free_hugepage_mib();

// Reserves and gives back: free pages alone do not tell what a container's limits allow.
bool can_reserve_hugepages(uint64_t mib);

}  // namespace rs::capture
