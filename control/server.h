// SPDX-License-Identifier: Apache-2.0
//
// The gRPC server with its listeners, limits, reflection and health. Control thread, at start.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <vector>

#include "control/config.h"
#include "proto/result.h"

namespace rs::control {

// Unix sockets speak plaintext; ports TLS when the configuration has it.
Result<std::unique_ptr<grpc::Server>> start_server(const Config& config, const std::vector<grpc::Service*>& services);

}  // namespace rs::control
