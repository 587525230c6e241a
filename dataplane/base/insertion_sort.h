// SPDX-License-Identifier: Apache-2.0
//
// Stable sort of a handful of elements in place: std::stable_sort allocates, which the worker loop must not.
#pragma once

#include <utility>

namespace rs {

template <class It, class Less>
void insertion_sort(It first, It last, Less less) {
  for (It i = first; i != last; ++i)
    for (It j = i; j != first && less(*j, *(j - 1)); --j) std::swap(*j, *(j - 1));
}

}  // namespace rs
