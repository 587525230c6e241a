// SPDX-License-Identifier: Apache-2.0
//
// Where the sensor's log goes and how it reads: standard error, text or JSON. Control thread.
#pragma once

#include "dataplane/config/config.h"

namespace rs {

// At start, and again when the configuration changes.
void set_up_log(const config::Log& log);

}  // namespace rs
