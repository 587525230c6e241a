// SPDX-License-Identifier: Apache-2.0
//
// Digests and random names, for tokens and sessions. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rs::tls {

inline constexpr size_t kDigestLetters = 64;  // of sha256_hex

// FIPS 180-4, in lower-case hexadecimal; empty when OpenSSL fails, which no stored digest is.
std::string sha256_hex(std::string_view text);
// So many random bytes in hexadecimal; empty when the system has none to give.
std::string random_hex(size_t bytes);

}  // namespace rs::tls
