// SPDX-License-Identifier: Apache-2.0
//
// The capture files `analyze` was given, as paths the sensor takes for files whatever they are called.
#pragma once

#include <string>
#include <vector>

#include "proto/result.h"

namespace rs::cli {

// Names in the order given, patterns that the shell left alone spelled out, each file once. "-" is standard input. The
// error names the first that cannot be read.
Result<std::vector<std::string>> input_files(const std::vector<std::string>& given, bool stdin_is_terminal);

}  // namespace rs::cli
