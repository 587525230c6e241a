// SPDX-License-Identifier: Apache-2.0
//
// The client's manual page, made from the very commands and flags the parser knows, in the man macros (groff_man(7)).
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace rs::cli {

std::string man_page(const CLI::App& app);

}  // namespace rs::cli
