// SPDX-License-Identifier: Apache-2.0
//
// Addresses to listen on. Plaintext is for this machine only: a Unix socket or the loopback; check() in config.h sees
// to it. Control thread, at start.
#pragma once

#include <cstdint>
#include <string>

#include "proto/result.h"

namespace rs::control {

struct Address {
  std::string path;  // of a Unix socket; else empty
  std::string host;  // literal address or "localhost"
  uint16_t port = 0;

  // Whether what is said there can be heard elsewhere.
  [[nodiscard]] bool leaves_machine() const;
  // As gRPC takes it.
  [[nodiscard]] std::string target() const;
};

// "unix:/path", "127.0.0.1:50061", "[::]:50061", "localhost:50061"; other names are not taken.
Result<Address> parse_address(const std::string& text);

// Makes way for a Unix socket: removes the file that a dead process left. An error when someone answers there, when
// the file is no socket, or when the folder is missing.
Result<void> make_way(const Address& address);

}  // namespace rs::control
