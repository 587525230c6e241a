// SPDX-License-Identifier: Apache-2.0
//
// The web page and its JSON API over HTTP, with TLS wherever another machine can reach it:
//
//   GET  /                          the page; also under the paths of its views
//   GET  /FILE                      its files, compressed, with strong entity tags; they say nothing of the network
//   POST /api/v1/CALL               a call of query.proto; body and answer in protobuf's JSON mapping
//   GET  /api/v1/WatchX?request=    a stream of query.proto as server-sent events
//   GET, POST, DELETE /session      who is signed in; sign in with {"token": ...}; sign out
//
// It only reads. Threads of its own: one accepts, a bounded number serve. Who asks is known by door.h, and may do what
// the gate says.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "control/access/gate.h"
#include "control/access/tokens.h"
#include "proto/result.h"
#include "proto/tls_handshakes.h"

namespace httplib {
class Server;
}

namespace rs::web {

struct Options {
  std::string host = "127.0.0.1";  // literal address or "localhost"
  uint16_t port = 0;               // 0: any free one
  // Null: plaintext, which is for the loopback only.
  std::unique_ptr<tls::Handshakes> handshakes;
  access::Tokens* tokens = nullptr;  // null: nobody has one
  int64_t session_s = 12 * 3600;     // the longest that a sign-in lasts
};

class Server {
 public:
  // `channel` leads to the gRPC service inside this process, which takes the page's calls for local ones: they have
  // passed `gate` here.
  Server(std::shared_ptr<grpc::Channel> channel, access::Gate& gate, Options options);
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
