// SPDX-License-Identifier: Apache-2.0
//
// The web page and its JSON API over HTTP:
//
//   GET  /                          the page; also under the paths of its views
//   GET  /FILE                      its files, compressed, with strong entity tags
//   POST /api/v1/CALL               a call of query.proto; body and answer in protobuf's JSON mapping
//   GET  /api/v1/WatchX?request=    a stream of query.proto as server-sent events
//
// It only reads. Threads of its own: one accepts, a bounded number serve. What it does not do: decide who may ask
// what. It asks `authorise`, and on plaintext insists on the loopback.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "proto/result.h"

namespace httplib {
class Server;
}

namespace rs::web {

// Who asks for which call ("Heatmap"; "page" for the page's files).
struct Caller {
  std::string peer;  // address
  std::string_view call;
};

struct Options {
  std::string host = "127.0.0.1";  // literal address or "localhost"
  uint16_t port = 0;               // 0: any free one
  // Asked before each request is served, on a serving thread; an error's text goes to the caller. Empty: all may.
  std::function<Result<void>(const Caller&)> authorise;
};

class Server {
 public:
  // `channel` leads to the gRPC service inside this process.
  Server(std::shared_ptr<grpc::Channel> channel, Options options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // control thread
  // Listens when it returns.
  Result<void> start();
  [[nodiscard]] uint16_t port() const { return port_; }
  // Ends when the requests under way have ended: the gRPC service must have ended its streams before.
  void stop();

 private:
  class Pages;

  Options options_;
  std::unique_ptr<Pages> pages_;
  std::unique_ptr<httplib::Server> http_;
  std::thread thread_;
  uint16_t port_ = 0;
};

}  // namespace rs::web
