// SPDX-License-Identifier: Apache-2.0
#include "control/listen.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

namespace rs::control {
namespace {

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

Error malformed(const std::string& text) {
  return {Code::kInvalid, "\"" + text + "\" is no address to listen on: unix:/path, address:port or [IPv6]:port"};
}

bool is_literal(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  return inet_pton(AF_INET, host.c_str(), &v4) == 1 || inet_pton(AF_INET6, host.c_str(), &v6) == 1;
}

}  // namespace

bool Address::leaves_machine() const { return path.empty() && !is_loopback(host); }

std::string Address::target() const {
  if (!path.empty()) return "unix:" + path;
  const std::string bracketed = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return bracketed + ":" + std::to_string(port);
}

Result<Address> parse_address(const std::string& text) {
  Address address;
  if (text.starts_with("unix:")) {
    address.path = text.substr(5);
    if (address.path.empty() || address.path.front() != '/')
      return Error{Code::kInvalid, "\"" + text + "\": a Unix socket needs an absolute path, unix:/path"};
    if (address.path.size() >= sizeof(sockaddr_un::sun_path))
      return Error{Code::kInvalid, "\"" + text + "\": the path of a Unix socket has at most " +
                                       std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes"};
    return address;
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return malformed(text);
  address.host = text.substr(0, colon);
  if (address.host.front() == '[' && address.host.back() == ']')
    address.host = address.host.substr(1, address.host.size() - 2);
  else if (address.host.find(':') != std::string::npos)
    return malformed(text);
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (error != std::errc{} || stop != end) return malformed(text);
  if (address.host != "localhost" && !is_literal(address.host)) return malformed(text);
  return address;
}

Result<void> make_way(const Address& address) {
  if (address.path.empty()) return {};
  const std::string& path = address.path;
  const std::string folder = std::filesystem::path(path).parent_path();
  struct stat status {};
  if (stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    return Error{Code::kNotFound, "cannot listen on unix:" + path + ": the folder " + folder +
                                      " does not exist; create it, or give --listen another path"};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return Error{Code::kPermission, "cannot listen on unix:" + path + ": " + std::strerror(errno)};
  }
  if (!S_ISSOCK(status.st_mode))
    return Error{Code::kInvalid,
                 "cannot listen on unix:" + path + ": the file exists and is no socket; it is left alone"};

  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Error{Code::kResource, std::string("cannot make a socket: ") + std::strerror(errno)};
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
  const bool answered = connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
  const int why = errno;
  close(fd);
  if (answered)
    return Error{Code::kUnavailable, "cannot listen on unix:" + path +
                                         ": another program, perhaps another resetscope-control, is listening there"};
  if (why != ECONNREFUSED) return Error{Code::kPermission, "cannot listen on unix:" + path + ": " + std::strerror(why)};
  if (unlink(path.c_str()) != 0)
    return Error{Code::kPermission,
                 "cannot remove the socket that a dead process left at " + path + ": " + std::strerror(errno)};
  return {};
}

}  // namespace rs::control
