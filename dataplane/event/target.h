// SPDX-License-Identifier: Apache-2.0
//
// Where the control plane may be: anywhere with TLS; plaintext stays on the machine.
#pragma once

#include <string>

#include "proto/result.h"

namespace rs::event {

struct Target {
  std::string text;     // for gRPC
  bool secure = false;  // to be spoken to with TLS
};

// The gRPC target for a configured address: unix:/path, unix-abstract:name, 127.x.y.z:port, [::1]:port or
// localhost:port; with `tls` any host:port, too. Unix sockets are plaintext in any case. Anything else is an error that
// says why and what to write instead.
Result<Target> target_of(const std::string& address, bool tls);

}  // namespace rs::event
