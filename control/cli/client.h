// SPDX-License-Identifier: Apache-2.0
//
// The gRPC side of every command: a channel to one control plane, deadlines, and errors in plain words.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "proto/operation.grpc.pb.h"
#include "proto/query.grpc.pb.h"
#include "proto/result.h"
#include "proto/tls.h"

namespace rs::cli {

namespace v1 = resetscope::v1;

class Client {
 public:
  // A Unix socket is spoken to in plaintext, host:port with TLS if there are files for it; without them it must be
  // this machine. What is wrong with that is the error of every call.
  Client(std::string server, std::chrono::nanoseconds timeout, const tls::Files& tls = {},
         const std::string& tls_server_name = {});

  using Stub = v1::Resetscope::Stub;
  // One unary call within the timeout.
  template <class Request, class Response>
  Result<void> call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(deadline());
    const grpc::Status status = (*stub_.*method)(&context, request, response);
    if (!status.ok()) return error_of(status);
    return {};
  }

  using OperationStub = v1::Operation::Stub;
  template <class Request, class Response>
  Result<void> call(grpc::Status (OperationStub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(deadline());
    const grpc::Status status = (*operation_.*method)(&context, request, response);
    if (!status.ok()) return error_of(status);
    return {};
  }

  Stub& stub() { return *stub_; }
  // Waits until the channel is up; false after the timeout or at once when the address refuses.
  bool connected();
  [[nodiscard]] const std::string& server() const { return server_; }
  [[nodiscard]] std::chrono::system_clock::time_point deadline() const;
  // Code::kInvalid means that the request was wrong (exit status 2).
  [[nodiscard]] Error error_of(const grpc::Status& status) const;

 private:
  std::string server_;
  std::chrono::nanoseconds timeout_;
  bool secure_ = false;
  std::optional<Error> fault_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Stub> stub_;
  std::unique_ptr<OperationStub> operation_;
};

}  // namespace rs::cli
