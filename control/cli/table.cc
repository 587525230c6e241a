// SPDX-License-Identifier: Apache-2.0
#include "control/cli/table.h"

#include <algorithm>
#include <numeric>

#include "control/cli/text.h"

namespace rs::cli {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kProseWidth = 100;  // longer lines are hard to read
constexpr size_t kDefaultWidth = 80;

std::string_view code_of(Paint paint) {
  switch (paint) {
    case Paint::kNone:
      return "";
    case Paint::kBold:
      return "\x1b[1m";
    case Paint::kDim:
    case Paint::kBenign:
      return "\x1b[2m";
    case Paint::kNotice:
      return "\x1b[38;5;74m";  // sky blue
    case Paint::kProblem:
      return "\x1b[38;5;214m";  // orange
    case Paint::kHostile:
      return "\x1b[1;38;5;175m";  // reddish purple
  }
  return "";
}

}  // namespace

Paint paint_of(v1::Severity severity) {
  switch (severity) {
    case v1::SEVERITY_BENIGN:
      return Paint::kBenign;
    case v1::SEVERITY_NOTICE:
      return Paint::kNotice;
    case v1::SEVERITY_PROBLEM:
      return Paint::kProblem;
    case v1::SEVERITY_HOSTILE:
      return Paint::kHostile;
    default:
      return Paint::kNone;
  }
}

std::string painted(std::string_view text, Paint paint, const Style& style) {
  const std::string_view code = code_of(paint);
  if (!style.color || code.empty() || text.empty()) return std::string(text);
  return std::string(code).append(text).append("\x1b[0m");
}

void Table::add(std::vector<Cell> row) {
  for (Cell& cell : row) cell.text = printable(cell.text);
  row.resize(columns_.size());
  rows_.push_back(std::move(row));
}

void Table::fix_widths() {
  widths_.resize(columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    widths_[i] = std::max(columns_[i].preset, display_width(columns_[i].title));
    for (const auto& row : rows_) widths_[i] = std::max(widths_[i], display_width(row[i].text));
  }
  if (style_.width == 0) return;
  const auto total = [&] { return std::accumulate(widths_.begin(), widths_.end(), kGap * (widths_.size() - 1)); };
  // Take from the widest that may still give, one column of text at a time.
  for (size_t excess = total() > style_.width ? total() - style_.width : 0; excess > 0; --excess) {
    size_t widest = widths_.size();
    for (size_t i = 0; i < widths_.size(); ++i)
      if (columns_[i].least != 0 && widths_[i] > columns_[i].least &&
          (widest == widths_.size() || widths_[i] > widths_[widest]))
        widest = i;
    if (widest == widths_.size()) return;
    --widths_[widest];
  }
}

void Table::append_row(std::string& out, const std::vector<Cell>& row) const {
  for (size_t i = 0; i < row.size(); ++i) {
    const bool last = i + 1 == row.size();
    // With no limit a late, longer cell may stand out of its column rather than be cut.
    const std::string text =
        style_.width == 0 || columns_[i].least == 0 ? row[i].text : fitted(row[i].text, widths_[i]);
    const size_t used = display_width(text);
    const size_t pad = widths_[i] > used ? widths_[i] - used : 0;
    if (columns_[i].right) out.append(pad, ' ');
    out += painted(text, row[i].paint, style_);
    if (last) break;
    if (!columns_[i].right) out.append(pad, ' ');
    out.append(kGap, ' ');
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  out += '\n';
}

void Table::append_header(std::string& out) const {
  std::vector<Cell> header;
  for (const Column& column : columns_) header.push_back({std::string(column.title), Paint::kBold});
  append_row(out, header);
}

void Table::start(std::string& out) {
  if (!widths_.empty()) return;
  fix_widths();
  append_header(out);
}

void Table::render(std::string& out) {
  start(out);
  for (const auto& row : rows_) append_row(out, row);
  rows_.clear();
}

void append_wrapped(std::string& out, std::string_view text, size_t indent, const Style& style) {
  const std::string safe = printable(text);
  const size_t width = std::max(std::min(style.width == 0 ? kDefaultWidth : style.width, kProseWidth), indent + 20);
  size_t column = 0;
  for (size_t at = 0; at < safe.size();) {
    const size_t end = std::min(safe.find(' ', at), safe.size());
    const std::string_view word = std::string_view(safe).substr(at, end - at);
    const size_t length = display_width(word);
    if (column > indent && column + 1 + length > width) {
      out += '\n';
      column = 0;
    }
    if (column == 0) {
      out.append(indent, ' ');
      column = indent;
    } else if (!word.empty()) {
      out += ' ';
      ++column;
    }
    out += word;
    column += length;
    at = end + 1;
  }
  out += '\n';
}

}  // namespace rs::cli
