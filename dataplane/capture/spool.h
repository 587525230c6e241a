// SPDX-License-Identifier: Apache-2.0
//
// Copies an input that cannot be mapped (pipe, gzip) to an unlinked temporary file. Control thread, at opening.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/base/bytes.h"
#include "proto/result.h"

namespace rs::capture {

struct Spooled {
  int fd = -1;  // the caller closes it
  uint64_t size_bytes = 0;
  std::string warning;  // gzip data that ends early or is damaged: what came before it is kept
};

inline bool is_gzip(Bytes head) { return head.has(0, 2) && head.u8(0) == 0x1f && head.u8(1) == 0x8b; }

// `head`: bytes already read from `fd`. Unpacks when they are gzip's.
Result<Spooled> spool(const std::string& name, int fd, Bytes head);

}  // namespace rs::capture
