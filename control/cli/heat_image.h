// SPDX-License-Identifier: Apache-2.0
//
// A heatmap as a picture, SVG or PNG, drawn by cairo: the same scale, steps and signs as in the terminal, a legend made
// from the scale's own bounds. Colours grow in brightness alone as well, so that they read with every kind of colour
// blindness and in print.
#pragma once

#include <string>
#include <vector>

#include "control/cli/heat.h"
#include "proto/result.h"

namespace rs::cli {

struct HeatImage {
  struct Cell {
    bool watched = false;
    bool incomplete = false;
    double value = 0;
  };
  struct Legend {
    size_t level = 0;
    std::string text;  // "10–99"
  };
  std::string title;
  std::vector<std::string> columns;  // labels
  std::vector<std::string> rows;
  std::vector<std::string> ticks;  // under the columns; empty ones are not written. As many as columns
  std::vector<Cell> cells;         // row by row
  std::vector<Legend> legend;
  std::string metric;
};

// Errors: a file that cannot be written.
Result<void> write_svg(const HeatImage& image, const HeatScale& scale, const std::string& path);
Result<void> write_png(const HeatImage& image, const HeatScale& scale, const std::string& path);

}  // namespace rs::cli
