// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/target.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <charconv>
#include <string_view>

namespace rs::event {
namespace {

enum class Host : uint8_t { kLoopback, kAddress, kName };

Host kind_of(const std::string& host) {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1)
    return (ntohl(v4.s_addr) >> 24) == 127 ? Host::kLoopback : Host::kAddress;
  in6_addr v6{};
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6) ? Host::kLoopback : Host::kAddress;
  return Host::kName;
}

}  // namespace

Result<Target> target_of(const std::string& address, bool tls) {
  const std::string_view view = address;
  if (view.starts_with("unix:") || view.starts_with("unix-abstract:")) {
    const std::string_view path = view.substr(view.find(':') + 1);
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
      return Error{Code::kInvalid, "control plane address \"" + address + "\": the socket's path must have 1 to " +
                                       std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " characters"};
    }
    return Target{address, false};
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
  const Host kind = host == "localhost" ? Host::kLoopback : kind_of(host);
  if (kind != Host::kLoopback && !tls) {
    return Error{Code::kInvalid,
                 "control plane address \"" + address +
                     "\" is on another machine, and without TLS events would cross the network in plaintext: set "
                     "export.tls_ca, export.tls_cert and export.tls_key"};
  }
  if (host.empty()) return Error{Code::kInvalid, "control plane address \"" + address + "\" has no host"};
  if (host == "localhost" || kind == Host::kName) return Target{"dns:" + address, tls};
  const bool v6 = host.find(':') != std::string::npos;
  return Target{(v6 ? "ipv6:[" + host + "]:" : "ipv4:" + host + ":") + std::string(port), tls};
}

}  // namespace rs::event
