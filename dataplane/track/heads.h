// SPDX-License-Identifier: Apache-2.0
//
// What is kept of the messages of one end: the first bytes of its latest message, and behind them, where wanted, the
// name it asked for. Both live in the 64 bytes flow::Heads gives an end and in one length byte: a message is then kept
// with its first kShortHead bytes, enough for a TLS record or a request's method, and the rest holds the name.
// Worker thread; called for the first packets of a message only.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "dataplane/flow/record.h"
#include "dataplane/packet/server_name.h"

namespace rs::track {

using HeadBytes = std::array<uint8_t, flow::Heads::kBytes>;

// Bit of the length byte: the end's name, or the search for it, takes the bytes from kShortHead on.
inline constexpr uint8_t kNameKept = 0x80;
inline constexpr size_t kShortHead = 16;
inline constexpr size_t kNameRoom = flow::Heads::kBytes - kShortHead - 1;
// In place of the name's length: the search goes on, packet::TlsRest stands there.
inline constexpr uint8_t kNamePending = 0xff;
// A name is looked for in no more than a client's first bytes: a ClientHello of two or three segments.
inline constexpr uint64_t kNameSearchBytes = 4096;

// A new message begins.
inline void begin_message(uint8_t& head_len) { head_len &= kNameKept; }

// Takes the next bytes of the message, as far as there is room.
inline void keep_message(HeadBytes& head, uint8_t& head_len, const Bytes& fresh) {
  const size_t have = head_len & ~kNameKept;
  const size_t room = (head_len & kNameKept) != 0 ? kShortHead : head.size();
  const size_t n = have < room ? std::min(room - have, fresh.size()) : 0;
  if (n != 0) std::memcpy(head.data() + have, fresh.data(), n);
  head_len = static_cast<uint8_t>(head_len + n);
}

// Looks for the name in a client's first bytes; `first`: these are the very first. Names longer than kNameRoom keep
// their end, behind a '*'.
void look_for_name(HeadBytes& head, uint8_t& head_len, const Bytes& fresh, bool first);

// The latest message's first bytes, and the name or nothing.
inline Bytes message_of(const HeadBytes& head, uint8_t head_len) {
  return Bytes(head.data(), head.size()).sub(0, head_len & ~kNameKept);
}
inline std::string_view name_of(const HeadBytes& head, uint8_t head_len) {
  if ((head_len & kNameKept) == 0 || head[kShortHead] > kNameRoom) return {};
  static_assert(sizeof(char) == sizeof(uint8_t));
  const void* text = head.data() + kShortHead + 1;
  return {static_cast<const char*>(text), head[kShortHead]};
}

}  // namespace rs::track
