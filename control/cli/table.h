// SPDX-License-Identifier: Apache-2.0
//
// Aligned columns that fit the terminal, and the few colours there are. Texts are made safe for the terminal here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/cli/words.h"

namespace rs::cli {

// What the output device can do; decided once in terminal.cc.
struct Style {
  bool color = false;
  bool unicode = false;  // arrows and bars may be drawn
  size_t width = 0;      // columns; 0: no limit
};

// Colours by meaning. Told apart by people who see red and green alike (after Okabe and Ito), and never the only sign.
enum class Paint : uint8_t { kNone, kBold, kDim, kBenign, kNotice, kProblem, kHostile };
Paint paint_of(v1::Severity severity);
std::string painted(std::string_view text, Paint paint, const Style& style);

struct Column {
  std::string_view title;
  bool right = false;  // numbers
  size_t least = 0;    // may be narrowed to this when the terminal is narrow; 0: never narrowed
  size_t preset = 0;   // width before any row is known, for output that streams
};

struct Cell {
  std::string text;
  Paint paint = Paint::kNone;
};

class Table {
 public:
  Table(std::vector<Column> columns, const Style& style) : columns_(std::move(columns)), style_(style) {}
  void add(std::vector<Cell> row);
  // Appends what was added since the last call, the header first. The first call fixes the widths.
  void render(std::string& out);
  // Header at once with preset widths.
  void start(std::string& out);

 private:
  void fix_widths();
  void append_row(std::string& out, const std::vector<Cell>& row) const;
  void append_header(std::string& out) const;

  std::vector<Column> columns_;
  Style style_;
  std::vector<std::vector<Cell>> rows_;
  std::vector<size_t> widths_;  // empty until fixed
};

// Text wrapped to the style's width (100 at most, 80 when unlimited), each line after `indent` blanks.
void append_wrapped(std::string& out, std::string_view text, size_t indent, const Style& style);

}  // namespace rs::cli
