// SPDX-License-Identifier: Apache-2.0
#include "dataplane/context/database.h"

// The file that compile_patterns wrote during the build, as it is.
asm(".section .rodata\n"
    ".balign 64\n"
    "rs_prebuilt_begin: .incbin \"" RS_PREBUILT
    "\"\n"
    "rs_prebuilt_end: .byte 0\n"
    ".previous\n");
extern "C" const char rs_prebuilt_begin[];
extern "C" const char rs_prebuilt_end[];

namespace rs::context {

std::string_view prebuilt() {
  return {&rs_prebuilt_begin[0], static_cast<size_t>(&rs_prebuilt_end[0] - &rs_prebuilt_begin[0])};
}

}  // namespace rs::context
