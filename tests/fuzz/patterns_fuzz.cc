// SPDX-License-Identifier: Apache-2.0
//
// Any text as a pattern file: taken whole or refused with a reason that names the file. Not compiled here: Hyperscan's
// own parser is not ours to fuzz.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "dataplane/context/patterns.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto set = rs::context::parse_patterns(std::string(data, data + size), "p.yaml");
  if (set) {
    if (set->patterns.empty() || set->version.empty()) std::abort();
  } else if (!set.error().text.starts_with("p.yaml")) {
    std::abort();
  }
  return 0;
}
