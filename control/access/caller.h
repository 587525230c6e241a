// SPDX-License-Identifier: Apache-2.0
//
// Who is behind a gRPC call, and the status for a call that may not go on. Any thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include "control/access/gate.h"
#include "proto/tls.h"

namespace rs::access {

Caller caller_of(const grpc::ServerContextBase& context);
// Whoever shows this certificate, which has been verified, from this address.
Caller caller_of(tls::Certificate certificate, std::string address);

// PERMISSION_DENIED or RESOURCE_EXHAUSTED with the error's text.
grpc::Status refusal(const Error& error);

}  // namespace rs::access
