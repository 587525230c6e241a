// SPDX-License-Identifier: Apache-2.0
//
// gRPC service resetscope.v1.Operation: what operators change while the program runs. Each change is written to the
// audit log before it is answered. Runs on gRPC's threads; the hooks are thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "control/access/gate.h"
#include "proto/operation.grpc.pb.h"

namespace rs::query {

namespace v1 = resetscope::v1;

struct Reloaded {
  std::vector<std::string> changed;  // keys
  std::vector<std::string> restart;  // keys that wait for one
};

// "a, b, c"
std::string joined(const std::vector<std::string>& list);

// What the program does when asked.
struct Levers {
  std::function<Result<std::string>(const std::string& level)> set_log_level;  // gives the one before
  std::function<Result<Reloaded>()> reload;
};

class Operation final : public v1::Operation::Service {
 public:
  Operation(access::Gate& gate, Levers levers) : gate_(gate), levers_(std::move(levers)) {}

  grpc::Status SetLogLevel(grpc::ServerContext* context, const v1::SetLogLevelRequest* in,
                           v1::SetLogLevelResponse* out) override;
  grpc::Status Reload(grpc::ServerContext* context, const v1::ReloadRequest* in, v1::ReloadResponse* out) override;
  grpc::Status ListAudit(grpc::ServerContext* context, const v1::ListAuditRequest* in,
                         v1::ListAuditResponse* out) override;

 private:
  access::Gate& gate_;
  const Levers levers_;
};

}  // namespace rs::query
