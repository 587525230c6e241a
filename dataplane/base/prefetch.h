// SPDX-License-Identifier: Apache-2.0
//
// Asks for a cache line before it is needed. Not __builtin_prefetch: GCC takes a function that does nothing else for
// one without effect and drops its calls (seen with GCC 12: a lookup stage without its prefetches, half as fast).
#pragma once

namespace rs {

// Of any address: nothing happens where there is no memory.
inline void prefetch(const void* line) { asm volatile("prefetcht0 (%0)" : : "r"(line)); }
inline void prefetch_to_write(const void* line) { asm volatile("prefetchw (%0)" : : "r"(line)); }

}  // namespace rs
