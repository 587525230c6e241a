// SPDX-License-Identifier: Apache-2.0
//
// The calls of query.proto as JSON: a request in protobuf's JSON mapping becomes the gRPC call of the same name, its
// answer goes back the same way. Knows the service only as a client does, over a channel inside the process, so that
// deadlines, limits and rights are those of every client. Runs on the HTTP server's threads.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "proto/query.grpc.pb.h"

namespace rs::web {

namespace v1 = resetscope::v1;

// What an HTTP request gets back: a status of RFC 9110 and a JSON text.
struct Answer {
  int status = 200;
  std::string json;
};

// One item of a stream. False: whoever reads has gone.
using Send = std::function<bool(std::string_view id, std::string_view event, std::string_view json)>;

class Api {
 public:
  explicit Api(const std::shared_ptr<grpc::Channel>& channel) : stub_(v1::Resetscope::NewStub(channel)) {}

  // Whether query.proto has a call of this name that answers once, or one that answers with a stream.
  [[nodiscard]] static bool has_call(std::string_view name);
  [[nodiscard]] static bool has_stream(std::string_view name);

  // `name` is a call's, e.g. "Heatmap"; an empty request is the default one. Errors are JSON too:
  // {"code": "INVALID_ARGUMENT", "message": "..."}.
  [[nodiscard]] Answer call(std::string_view name, const std::string& request) const;

  // Sends until the reader has gone or the call ends; then once an event "failed" with the error, unless it went well.
  // `resume`, when not empty, is the id of the last item the reader got.
  void stream(std::string_view name, const std::string& request, const std::string& resume, const Send& send) const;

 private:
  std::unique_ptr<v1::Resetscope::Stub> stub_;
};

}  // namespace rs::web
