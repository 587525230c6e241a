// SPDX-License-Identifier: Apache-2.0
#include "proto/tls_secret.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <vector>

namespace rs::tls {
namespace {

std::string hex(const unsigned char* bytes, size_t size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; ++i) text.append(1, kDigits[bytes[i] >> 4]).append(1, kDigits[bytes[i] & 15]);
  return text;
}

}  // namespace

std::string sha256_hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr) != 1) return {};
  return hex(digest, size);
}

std::string random_hex(size_t bytes) {
  std::vector<unsigned char> random(bytes);
  if (RAND_bytes(random.data(), static_cast<int>(bytes)) != 1) return {};
  return hex(random.data(), bytes);
}

}  // namespace rs::tls
