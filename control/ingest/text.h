// SPDX-License-Identifier: Apache-2.0
//
// Text from the wire, made safe to store, send and print. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace rs::ingest {

// At most max_bytes of valid UTF-8: ill-formed bytes (RFC 3629) and control characters, which could drive a
// terminal, become U+FFFD. Cut at a character's border.
std::string clean_text(std::string_view text, size_t max_bytes);

}  // namespace rs::ingest
