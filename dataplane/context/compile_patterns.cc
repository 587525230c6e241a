// SPDX-License-Identifier: Apache-2.0
//
// compile_patterns OUTPUT: the built-in patterns, compiled for any CPU; see Database::compile_for_any_cpu(). For the
// build.
#include <cstdio>
#include <fstream>

#include "dataplane/context/database.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: compile_patterns OUTPUT\n", stderr);
    return 2;
  }
  auto set = rs::context::load_patterns("");
  const auto bytes =
      set ? rs::context::Database::compile_for_any_cpu(std::move(*set)) : rs::Result<std::string>(set.error());
  if (!bytes) {
    std::fprintf(stderr, "compile_patterns: %s\n", bytes.error().text.c_str());
    return 1;
  }
  std::ofstream out(argv[1], std::ios::binary);
  out << *bytes;
  return out.flush() ? 0 : 1;
}
