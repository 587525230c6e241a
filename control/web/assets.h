// SPDX-License-Identifier: Apache-2.0
//
// The page's files, compressed at build time by embed.py and part of the program. Constant; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace rs::web {

struct Asset {
  std::string_view path;  // "/app.css"
  std::string_view type;  // media type
  std::string_view etag;  // strong, with its quotes (RFC 9110 section 8.8.3)
  std::string_view gzip;  // RFC 1952
  size_t plain_bytes = 0;
};

// All of them, in order of path. Generated.
std::span<const Asset> assets();

// Null when there is none.
const Asset* find_asset(std::string_view path);

// For a client that does not take gzip; empty when the data are damaged, which a test rules out.
std::string unpacked(const Asset& asset);

}  // namespace rs::web
