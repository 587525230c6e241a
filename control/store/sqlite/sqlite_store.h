// SPDX-License-Identifier: Apache-2.0
//
// The embedded store: SQLite in a file or in memory. One writer thread, any number of reading threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "control/store/store.h"

namespace rs::store::sqlite {

inline constexpr std::string_view kMemory = ":memory:";

struct Options {
  std::string path;           // or ":memory:": gone with the process; no rollups, fewer indices, no retention
  uint64_t retention_ns = 0;  // 0: keep for ever
  uint64_t max_bytes = 0;     // 0: no limit
};

// The writer thread runs when this returns. Destroying the store stores what waits and closes in order.
Result<std::unique_ptr<Store>> open(const Options& options);

}  // namespace rs::store::sqlite
