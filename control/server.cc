// SPDX-License-Identifier: Apache-2.0
#include "control/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <spdlog/spdlog.h>

#include "control/ingest/decode.h"
#include "control/listen.h"

namespace rs::control {
namespace {

constexpr int kMaxMessageBytes =
    static_cast<int>(ingest::kMaxBatchBytes) + (1 << 20);  // so that decode() says what is too large
constexpr int kMaxMetadataBytes = 16 << 10;                // ours have a few hundred bytes
constexpr int kMaxStreams = 256;                           // calls under way on one connection
constexpr int kMaxThreads = 512;                           // 256 watches, and room for the other calls
constexpr int kKeepaliveMs = 30'000;                       // a dead peer is noticed within a minute
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kHandshakeMs = 10'000;  // a peer that connects and says nothing holds a descriptor no longer

}  // namespace

Result<std::unique_ptr<grpc::Server>> start_server(const Config& config, const std::vector<grpc::Service*>& services) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  std::shared_ptr<grpc::ServerCredentials> secure;
  if (config.tls.any()) {
    auto made = tls::server_credentials(config.tls);
    if (!made) return made.error();
    secure = std::move(*made);
  }
  grpc::ServerBuilder builder;
  grpc::ResourceQuota quota("resetscope-control");
  quota.SetMaxThreads(kMaxThreads);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second program on our port is an error, not a lottery
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::vector<int> ports(config.listen.size(), -1);
  std::vector<bool> plaintext(config.listen.size(), true);
  for (size_t i = 0; i < config.listen.size(); ++i) {
    const auto address = parse_address(config.listen[i]);
    if (!address) return address.error();
    if (auto way = make_way(*address); !way) return way.error();
    plaintext[i] = secure == nullptr || !address->path.empty();
    if (plaintext[i] && address->leaves_machine())  // check() refuses it before; this is the place it must not pass
      return Error{Code::kInternal, "plaintext on " + config.listen[i]};
    builder.AddListeningPort(address->target(), plaintext[i] ? grpc::InsecureServerCredentials() : secure, &ports[i]);
  }
  auto server = builder.BuildAndStart();
  if (!server) {
    std::string text = "cannot listen on";
    for (const std::string& address : config.listen) text += " " + address;
    return Error{Code::kUnavailable, text + ": an address is in use, or this user may not use it"};
  }
  for (size_t i = 0; i < ports.size(); ++i)
    spdlog::info("listening on {}{}{}", config.listen[i],
                 config.listen[i].ends_with(":0") ? " (port " + std::to_string(ports[i]) + ")" : "",
                 plaintext[i] ? "" : " with TLS");
  return server;
}

}  // namespace rs::control
