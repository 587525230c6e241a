// SPDX-License-Identifier: Apache-2.0
#include "control/model/pack.h"

#include <algorithm>

namespace rs::model {
namespace {

static_assert(from_zigzag(to_zigzag(INT64_MIN)) == INT64_MIN && to_zigzag(-1) == 1);

}  // namespace

void put_zigzag(std::string& out, int64_t v) { put_varint(out, to_zigzag(v)); }

void put_varint(std::string& out, uint64_t value) {
  char bytes[kMostVarintBytes];
  out.append(bytes, static_cast<size_t>(write_varint(bytes, value) - bytes));
}

void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}

int64_t PackReader::zigzag() { return from_zigzag(varint()); }

std::string_view PackReader::text() {
  const size_t size = count(1);
  const std::string_view text = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return text;
}

size_t PackReader::count(size_t least_bytes) {
  const uint64_t n = varint();
  if (n <= rest_.size() / least_bytes) return n;
  ok_ = false;
  rest_ = {};
  return 0;
}

}  // namespace rs::model
