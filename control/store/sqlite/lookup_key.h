// SPDX-License-Identifier: Apache-2.0
//
// Keys of the lookup (lookup.h): an event's id, server address and client address as 24 bits of a hash each, and which
// keys a filter asks for. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/model/filter.h"
#include "control/model/ip.h"
#include "control/model/pack.h"

namespace rs::store::sqlite {

// Eight bits of the hash say in which row of a segment a key stands, sixteen more stand in the row: of the other keys'
// events one in 65,536 is taken for this one's.
inline constexpr unsigned kSlotBits = 8;
inline constexpr uint16_t kSlots = 3 << kSlotBits;  // the kind of key in their upper bits

struct LookupKey {
  uint16_t slot = 0;
  uint16_t mark = 0;
  bool operator==(const LookupKey&) const = default;
};
LookupKey id_key(uint64_t id);
LookupKey server_key(const model::Ip& ip);
LookupKey client_key(const model::Ip& ip);

// What is wanted has the key, and the other one where that is given.
struct LookupTerm {
  LookupKey key;
  std::optional<LookupKey> also;
  bool operator==(const LookupTerm&) const = default;
};
using LookupTerms = std::vector<LookupTerm>;

// Every match of the filter fits at least one of the terms; none when the filter matches others, too.
std::optional<LookupTerms> terms_of(const model::Filter& filter);

// A row of the lookup: cursors in ascending order, each as its distance from the one before (the first: from where the
// row's range begins), with the mark of its key.
class LookupRow {
 public:
  explicit LookupRow(uint64_t base) : last_(base) {}
  void add(uint64_t cursor, uint16_t mark) {
    model::put_varint(bytes_, cursor - last_);
    bytes_.push_back(static_cast<char>(mark));
    bytes_.push_back(static_cast<char>(mark >> 8));
    last_ = cursor;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

  // False when the bytes are damaged; what was read until then was told.
  template <class Each>
  static bool read(std::string_view bytes, uint64_t base, Each&& each) {
    model::PackReader in(bytes);
    for (uint64_t cursor = base; in.left() > 0;) {
      cursor += in.varint();
      const uint64_t low = in.byte();
      const auto mark = static_cast<uint16_t>(low | in.byte() << 8);
      if (!in.ok()) return false;
      each(cursor, mark);
    }
    return true;
  }

 private:
  std::string bytes_;
  uint64_t last_;
};

}  // namespace rs::store::sqlite
