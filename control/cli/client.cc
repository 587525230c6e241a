// SPDX-License-Identifier: Apache-2.0
#include "control/cli/client.h"

#include "control/cli/text.h"

namespace rs::cli {
namespace {

// `analyze` connects to a server that is just starting; the default of a second would be felt.
constexpr int kFirstBackoffMs = 20, kLongestBackoffMs = 2000;
// gRPC takes its "minimum reconnect backoff" as the time one attempt may take, handshake included: a busy machine needs
// more than the backoff.
constexpr int kConnectTimeoutMs = 10'000;

bool is_socket(const std::string& server) {
  return server.starts_with("unix:") || server.starts_with("unix-abstract:");
}

// "localhost:50061", "127.0.0.1:50061", "[::1]:50061".
bool is_loopback(const std::string& server) {
  const std::string host = server.substr(0, server.rfind(':'));
  const bool v4 = host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
  return v4 || host == "localhost" || host == "[::1]";
}

std::shared_ptr<grpc::Channel> make_channel(const std::string& server,
                                            const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                                            const std::string& server_name) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstBackoffMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestBackoffMs);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A page of 10,000 endings with all evidence is larger than gRPC's default of 4 MiB; the page size bounds it.
  arguments.SetMaxReceiveMessageSize(-1);
  if (!server_name.empty()) arguments.SetSslTargetNameOverride(server_name);
  return grpc::CreateCustomChannel(server, credentials, arguments);  // without credentials: every call fails
}

}  // namespace

Client::Client(std::string server, std::chrono::nanoseconds timeout, const tls::Files& tls,
               const std::string& tls_server_name)
    : server_(std::move(server)), timeout_(timeout) {
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  secure_ = tls.any() && !is_socket(server_);
  if (secure_) {
    auto made = tls::client_credentials(tls);
    if (made)
      credentials = std::move(*made);
    else
      fault_ = Error{made.error().code == Code::kInvalid ? Code::kPermission : made.error().code, made.error().text};
  } else if (is_socket(server_) || is_loopback(server_)) {
    credentials = grpc::InsecureChannelCredentials();
  } else {
    fault_ = Error{Code::kInvalid, "--server " + server_ +
                                       " is on another machine, where only TLS goes: give --tls-ca, --tls-cert and "
                                       "--tls-key, or a Unix socket, 127.0.0.1:port or [::1]:port"};
  }
  channel_ = make_channel(server_, credentials, secure_ ? tls_server_name : "");
  stub_ = v1::Resetscope::NewStub(channel_);
  operation_ = v1::Operation::NewStub(channel_);
}

std::chrono::system_clock::time_point Client::deadline() const {
  // Beyond a year the sum could leave the clock's range.
  constexpr auto kLongest = std::chrono::hours(24 * 365);
  const auto wait = timeout_ < kLongest ? timeout_ : std::chrono::nanoseconds(kLongest);
  return std::chrono::system_clock::now() + std::chrono::duration_cast<std::chrono::system_clock::duration>(wait);
}

bool Client::connected() {
  const auto until = deadline();
  auto state = channel_->GetState(true);
  while (state != GRPC_CHANNEL_READY) {
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) return false;
    if (!channel_->WaitForStateChange(state, until)) return false;
    state = channel_->GetState(true);
  }
  return true;
}

Error Client::error_of(const grpc::Status& status) const {
  if (fault_) return *fault_;
  const std::string& text = status.error_message();
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      return {Code::kUnavailable,
              "cannot reach the control plane at " + server_ + " (" + text +
                  "). Is resetscope-control running there? --server or RESETSCOPE_SERVER names another." +
                  (secure_ ? " With TLS, both certificates must be valid and of the CA in --tls-ca, and the server's "
                             "must bear its host's name (or --tls-server-name)."
                           : "")};
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return {Code::kUnavailable, "the control plane at " + server_ + " did not answer within " +
                                      duration_text(timeout_.count()) +
                                      "; --timeout allows more time, --since and filters ask for less."};
    case grpc::StatusCode::UNIMPLEMENTED:
      return {Code::kUnavailable,
              "the control plane at " + server_ + " does not serve this call" + (text.empty() ? "" : ": " + text)};
    case grpc::StatusCode::INVALID_ARGUMENT:
      return {Code::kInvalid, text};
    case grpc::StatusCode::FAILED_PRECONDITION:
      return {Code::kUnavailable, "the control plane at " + server_ + " cannot do that: " + text};
    case grpc::StatusCode::NOT_FOUND:
      return {Code::kNotFound, text};
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
      return {Code::kPermission, "the control plane at " + server_ + " refuses: " + text};
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return {Code::kResource, "the control plane at " + server_ + " limits this: " + text};
    default:
      return {Code::kInternal,
              "the control plane at " + server_ + " failed: " + (text.empty() ? "no reason given" : text)};
  }
}

}  // namespace rs::cli
