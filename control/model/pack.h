// SPDX-License-Identifier: Apache-2.0
//
// Compact bytes for what is kept in blobs: numbers as varints (seven bits a byte, least first), signed ones zigzagged,
// text with its length. Pure, any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rs::model {

inline constexpr size_t kMostVarintBytes = 10;

// Writes where there is room for kMostVarintBytes; returns what follows.
inline char* write_varint(char* to, uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  return to;
}
constexpr uint64_t to_zigzag(int64_t v) { return static_cast<uint64_t>(v) << 1 ^ static_cast<uint64_t>(v >> 63); }
constexpr int64_t from_zigzag(uint64_t v) { return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1); }

void put_varint(std::string& out, uint64_t value);
void put_zigzag(std::string& out, int64_t value);
void put_text(std::string& out, std::string_view text);

// Reads what put_* wrote; after the first fault every read is 0 and ok() is false.
class PackReader {
 public:
  explicit PackReader(std::string_view bytes) : rest_(bytes) {}
  uint64_t varint();
  int64_t zigzag();
  std::string_view text();
  uint64_t byte();
  // A count of items that take at least `least_bytes` each: refused when they cannot fit in what is left.
  size_t count(size_t least_bytes);
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// Inline: lookups read tens of thousands of entries a question.
inline uint64_t PackReader::varint() {
  uint64_t value = 0;
  const size_t most = std::min(rest_.size(), kMostVarintBytes);
  for (size_t i = 0; i < most; ++i) {
    const auto byte = static_cast<uint8_t>(rest_[i]);
    value |= static_cast<uint64_t>(byte & 0x7f) << 7 * i;
    if (byte >= 0x80) continue;
    rest_.remove_prefix(i + 1);
    return value;  // after a fault nothing is left to come here
  }
  ok_ = false;
  rest_ = {};
  return 0;
}

inline uint64_t PackReader::byte() {
  if (rest_.empty()) {
    ok_ = false;
    return 0;
  }
  const auto value = static_cast<uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return value;
}

}  // namespace rs::model
