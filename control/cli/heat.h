// SPDX-License-Identifier: Apache-2.0
//
// The colours and blocks of a heatmap: which level a value has, how a level is drawn, and a legend made from the very
// same bounds. Levels are steps of equal ratio, since endings span decades. Height tells the level and colour repeats
// it, so that it reads without colour; without Unicode, characters of growing ink take the blocks' place. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "control/cli/table.h"

namespace rs::cli {

class HeatScale {
 public:
  static constexpr size_t kLevels = 8;  // as many as there are heights of a Unicode block

  // `values` greater than 0 set the scale; `whole`: bounds are whole numbers, as counts are.
  HeatScale(const std::vector<double>& values, bool whole);

  // 0: the value is 0; else 1 (least) to levels().
  [[nodiscard]] size_t level(double value) const;
  [[nodiscard]] size_t levels() const { return bounds_.size(); }
  // Greatest value of a level, from 1 on.
  [[nodiscard]] double bound(size_t level) const { return bounds_[level - 1]; }
  // Least value of a level for the legend: that of the data, or just above the level below.
  [[nodiscard]] double least(size_t level) const;

  // One column wide, painted.
  [[nodiscard]] std::string mark(size_t level, const Style& style) const;

 private:
  std::vector<double> bounds_;
  double least_ = 0;
  bool whole_;
};

// One column wide: a cell that nobody watched, and one that was watched with a gap.
std::string no_data_mark(const Style& style);
std::string_view incomplete_mark();

}  // namespace rs::cli
