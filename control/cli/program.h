// SPDX-License-Identifier: Apache-2.0
//
// The whole client as a function, so that tests run commands as users do.
#pragma once

#include <string>
#include <vector>

namespace rs::cli {

// `args` without the program's name. Writes data to `out_fd`, everything else to `err_fd`; returns the exit status.
int run_program(std::vector<std::string> args, int out_fd, int err_fd);

}  // namespace rs::cli
