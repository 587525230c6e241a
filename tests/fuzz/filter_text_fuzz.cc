// SPDX-License-Identifier: Apache-2.0
//
// Any text as a filter: a tree or an error that says where, never a crash, never endless depth.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/query/filter_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto filter = rs::query::parse_filter(text);
  if (!filter && filter.error().text.empty()) std::abort();
  return 0;
}
