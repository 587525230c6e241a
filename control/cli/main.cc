// SPDX-License-Identifier: Apache-2.0
//
// resetscope: the ops team's client. Speaks query.proto to a control plane and nothing else.
#include <unistd.h>

#include "control/cli/program.h"

int main(int argc, char** argv) { return rs::cli::run_program({argv + 1, argv + argc}, STDOUT_FILENO, STDERR_FILENO); }
