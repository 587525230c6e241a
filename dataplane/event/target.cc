// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/target.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <charconv>
#include <string_view>

namespace rs::event {
namespace {

bool is_loopback(const std::string& host) {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return false;
}

}  // namespace

Result<std::string> local_target(const std::string& address) {
  const std::string_view view = address;
  if (view.starts_with("unix:") || view.starts_with("unix-abstract:")) {
    const std::string_view path = view.substr(view.find(':') + 1);
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
      return Error{Code::kInvalid, "control plane address \"" + address + "\": the socket's path must have 1 to " +
                                       std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " characters"};
    }
    return address;
  }
  const size_t colon = view.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? "" : view.substr(colon + 1);
  uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number == 0) {
    return Error{Code::kInvalid, "control plane address \"" + address +
                                     "\" is neither unix:/path nor host:port with a port from 1 to 65535"};
  }
  std::string host(view.substr(0, colon));
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  if (host == "localhost") return "dns:" + address;
  if (!is_loopback(host)) {
    return Error{Code::kInvalid,
                 "control plane address \"" + address +
                     "\" is on another machine, and this version has no TLS: events would cross the network in "
                     "plaintext. Use unix:/path, 127.0.0.1:port or [::1]:port, with a tunnel (ssh -L, stunnel) where "
                     "the control plane runs elsewhere"};
  }
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? "ipv6:[" + host + "]:" + std::string(port) : "ipv4:" + host + ":" + std::string(port);
}

}  // namespace rs::event
