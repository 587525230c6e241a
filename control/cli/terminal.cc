// SPDX-License-Identifier: Apache-2.0
#include "control/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace rs::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool utf8_locale() {
  std::string locale = variable("LC_ALL");
  if (locale.empty()) locale = variable("LC_CTYPE");
  if (locale.empty()) locale = variable("LANG");
  std::ranges::transform(locale, locale.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
}

// Too narrow to be true is taken for unknown.
constexpr int kLeastWidth = 20, kMostWidth = 1000;

size_t terminal_width(int fd) {
  int width = std::atoi(variable("COLUMNS").c_str());
  winsize size{};
  if (width <= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0) width = size.ws_col;
  return width < kLeastWidth || width > kMostWidth ? 0 : static_cast<size_t>(width);
}

}  // namespace

bool use_color(ColorMode mode, bool terminal, bool no_color, std::string_view term) {
  if (mode != ColorMode::kAuto) return mode == ColorMode::kAlways;
  return terminal && !no_color && term != "dumb";
}

Style style_of(int fd, ColorMode mode) {
  const bool terminal = isatty(fd) == 1;
  Style style;
  style.color = use_color(mode, terminal, !variable("NO_COLOR").empty(), variable("TERM"));
  style.unicode = utf8_locale();
  style.width = terminal ? terminal_width(fd) : 0;
  return style;
}

}  // namespace rs::cli
