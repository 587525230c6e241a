// SPDX-License-Identifier: Apache-2.0
//
// Speeds of many short slices of one bench. The middle one is the figure: a neighbour's burst on a shared machine
// spoils some slices, not the median.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace rs::perf {

using Duration = std::chrono::steady_clock::duration;

class Series {
 public:
  void add(uint64_t packets, Duration spent) {
    add(static_cast<double>(packets) / std::chrono::duration<double, std::micro>(spent).count());
  }
  void add(double value) { values_.push_back(value); }
  [[nodiscard]] double latest() const { return values_.back(); }
  [[nodiscard]] double median() const { return at(0.5); }
  // What nine slices in ten do not reach: the machine at its quietest.
  [[nodiscard]] double best() const { return at(0.9); }

 private:
  [[nodiscard]] double at(double part) const {
    if (values_.empty()) return 0;
    std::vector<double> sorted = values_;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<size_t>(static_cast<double>(sorted.size() - 1) * part)];
  }
  std::vector<double> values_;
};

}  // namespace rs::perf
