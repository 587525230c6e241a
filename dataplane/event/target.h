// SPDX-License-Identifier: Apache-2.0
//
// Where the control plane may be: this version speaks plaintext, and plaintext stays on the machine.
#pragma once

#include <string>

#include "proto/result.h"

namespace rs::event {

// The gRPC target for a configured address: unix:/path, unix-abstract:name, 127.x.y.z:port, [::1]:port or
// localhost:port. Anything else is an error that says why and what to write instead.
Result<std::string> local_target(const std::string& address);

}  // namespace rs::event
