// SPDX-License-Identifier: Apache-2.0
#include "control/web/hosts.h"

#include <arpa/inet.h>

namespace rs::web {
namespace {

// Without port and brackets.
std::string name_of(const std::string& host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

}  // namespace

bool is_loopback_name(const std::string& host) {
  const std::string name = name_of(host);
  if (name == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, name.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, name.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool same_origin(std::string_view origin, std::string_view scheme, std::string_view host) {
  constexpr std::string_view kSlashes = "://";
  return origin.starts_with(scheme) && origin.substr(scheme.size()).starts_with(kSlashes) &&
         origin.substr(scheme.size() + kSlashes.size()) == host;
}

}  // namespace rs::web
