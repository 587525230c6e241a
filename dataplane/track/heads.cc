// SPDX-License-Identifier: Apache-2.0
#include "dataplane/track/heads.h"

namespace rs::track {
namespace {

uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? static_cast<uint8_t>(c + 0x20) : c; }

void make_room(uint8_t& head_len) {
  const auto kept = std::min<size_t>(head_len & ~kNameKept, kShortHead);
  head_len = static_cast<uint8_t>(kNameKept | kept);
}

void put_name(HeadBytes& head, const Bytes& name) {
  uint8_t* out = head.data() + kShortHead;
  const bool cut = name.size() > kNameRoom;
  const Bytes kept = cut ? name.sub(name.size() - (kNameRoom - 1)) : name;
  *out++ = static_cast<uint8_t>(kept.size() + (cut ? 1 : 0));
  if (cut) *out++ = '*';
  for (size_t i = 0; i < kept.size(); ++i) *out++ = lower(kept.u8(i));
}

}  // namespace

void look_for_name(HeadBytes& head, uint8_t& head_len, const Bytes& fresh, bool first) {
  packet::TlsRest rest;
  if (!first) {
    if ((head_len & kNameKept) == 0 || head[kShortHead] != kNamePending) return;
    std::memcpy(&rest, head.data() + kShortHead + 1, sizeof(rest));
  }
  const Bytes name = first ? packet::server_name(fresh, rest) : packet::server_name_on(fresh, rest);
  if (!name.empty()) {
    make_room(head_len);
    put_name(head, name);
  } else if (rest.left != 0) {
    make_room(head_len);
    head[kShortHead] = kNamePending;
    std::memcpy(head.data() + kShortHead + 1, &rest, sizeof(rest));
  } else if (!first) {
    head[kShortHead] = 0;  // not found; the room stays taken
  }
}

}  // namespace rs::track
