// SPDX-License-Identifier: Apache-2.0
//
// What kind of place a file descriptor leads to.
#pragma once

#include <string_view>

#include "control/cli/table.h"

namespace rs::cli {

enum class ColorMode : uint8_t { kAuto, kAlways, kNever };

// `no_color`: the NO_COLOR variable is set and not empty (no-color.org); it rules in auto mode only.
bool use_color(ColorMode mode, bool terminal, bool no_color, std::string_view term);
// Style of what is written to `fd`. Reads NO_COLOR, TERM, COLUMNS, LC_ALL, LC_CTYPE and LANG.
Style style_of(int fd, ColorMode mode);

}  // namespace rs::cli
