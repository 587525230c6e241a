// SPDX-License-Identifier: Apache-2.0
//
// The program's log on standard error, as text or JSON, and gRPC's own messages in it. Any thread after set_up_log().
#pragma once

#include <string>

#include "proto/result.h"

namespace rs::control {

// Once, before anything else logs.
void set_up_log(const std::string& level, bool json);

// debug, info, warn or error; gives the one before.
Result<std::string> set_log_level(const std::string& level);

}  // namespace rs::control
