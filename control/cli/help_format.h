// SPDX-License-Identifier: Apache-2.0
//
// How --help looks: usage, commands, the command's own flags, then the common ones, then examples.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace rs::cli {

inline constexpr char kCommonGroup[] = "Common flags";

class HelpFormatter : public CLI::FormatterBase {
 public:
  // `name` is not used: the path of commands says it better ("resetscope resets list").
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
};

// "resetscope resets list"
std::string path_of(const CLI::App* app);

}  // namespace rs::cli
