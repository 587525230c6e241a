// SPDX-License-Identifier: Apache-2.0
//
// Whether a file is still the one that was read: what stat() says of it. Any thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace rs {

// As made: of a file that is not there.
struct FileStamp {
  int64_t changed_ns = 0;
  int64_t size = -1;
  uint64_t inode = 0;
  bool operator==(const FileStamp&) const = default;
};

inline FileStamp stamp_of(const std::string& path) {
  struct stat now {};
  if (stat(path.c_str(), &now) != 0) return {};
  return {now.st_mtim.tv_sec * 1'000'000'000 + now.st_mtim.tv_nsec, now.st_size, now.st_ino};
}

}  // namespace rs
