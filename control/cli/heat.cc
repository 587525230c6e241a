// SPDX-License-Identifier: Apache-2.0
#include "control/cli/heat.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace rs::cli {
namespace {

// From dark blue to yellow, growing in brightness alone as well: reads the same with every kind of colour blindness
// (after the cividis map, in the terminal's 256 colours).
constexpr std::array<int, HeatScale::kLevels> kColors = {24, 60, 66, 102, 108, 143, 179, 227};
constexpr std::array<std::string_view, HeatScale::kLevels> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::string_view kInk = ".:-=+*#@";

// Where level `i` of `n` is drawn: fewer levels spread over the whole range of marks.
size_t place(size_t i, size_t n) {
  return n <= 1 ? HeatScale::kLevels - 1 : (i - 1) * (HeatScale::kLevels - 1) / (n - 1);
}

}  // namespace

HeatScale::HeatScale(const std::vector<double>& values, bool whole) : whole_(whole) {
  double most = 0;
  for (const double value : values) {
    if (!(value > 0) || !std::isfinite(value)) continue;
    least_ = least_ == 0 ? value : std::min(least_, value);
    most = std::max(most, value);
  }
  if (most == 0) return;
  for (size_t i = 1; i <= kLevels; ++i) {
    double bound = most * std::pow(least_ / most, static_cast<double>(kLevels - i) / (kLevels - 1));
    if (i == kLevels) bound = most;
    if (whole_) bound = std::floor(bound);
    bound = std::max(bound, least_);
    if (bounds_.empty() || bound > bounds_.back()) bounds_.push_back(bound);
  }
}

size_t HeatScale::level(double value) const {
  if (!(value > 0)) return 0;
  const auto found = std::ranges::lower_bound(bounds_, value);
  return std::min(static_cast<size_t>(found - bounds_.begin()) + 1, bounds_.size());
}

double HeatScale::least(size_t level) const {
  if (level <= 1) return least_;
  return bounds_[level - 2] + (whole_ ? 1 : 0);
}

std::string HeatScale::mark(size_t level, const Style& style) const {
  if (level == 0) return painted(style.unicode ? "·" : " ", Paint::kDim, style);
  const size_t at = place(level, levels());
  const std::string_view text = style.unicode ? kBlocks[at] : kInk.substr(at, 1);
  if (!style.color) return std::string(text);
  return "\x1b[38;5;" + std::to_string(kColors[at]) + "m" + std::string(text) + "\x1b[0m";
}

std::string no_data_mark(const Style& style) { return style.unicode ? "╱" : "/"; }
std::string_view incomplete_mark() { return "!"; }

}  // namespace rs::cli
