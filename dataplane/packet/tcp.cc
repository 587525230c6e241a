// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/tcp.h"

namespace rs::packet {
namespace {

// Option kinds (IANA TCP parameters).
constexpr uint8_t kKindEnd = 0;
constexpr uint8_t kKindNop = 1;
constexpr uint8_t kKindMss = 2;
constexpr uint8_t kKindWindowScale = 3;
constexpr uint8_t kKindSackPermitted = 4;
constexpr uint8_t kKindSack = 5;
constexpr uint8_t kKindTimestamps = 8;
constexpr uint8_t kKindMptcp = 30;

// RFC 8684 3.5 and 3.6.
constexpr uint8_t kMptcpFastclose = 7;
constexpr uint8_t kMptcpReset = 8;

void parse_mptcp(Bytes option, PacketView& view) {
  view.opts |= kOptMptcp;
  const uint8_t subtype = option.u8(2) >> 4;
  if (subtype == kMptcpFastclose) view.mptcp_fastclose = true;
  if (subtype == kMptcpReset && option.size() >= 4) view.mptcp_reason = static_cast<uint8_t>(option.u8(3) + 1);
}

}  // namespace

void parse_options(Bytes options, PacketView& view) {
  size_t at = 0;
  while (at < options.size()) {
    const uint8_t kind = options.u8(at);
    if (kind == kKindEnd) return;
    if (kind == kKindNop) {
      ++at;
      continue;
    }
    const uint8_t length = options.u8(at + 1);
    if (length < 2 || !options.has(at, length)) {
      view.opts |= kOptMalformed;
      return;
    }
    const Bytes option = options.sub(at, length);
    switch (kind) {
      case kKindMss:
        view.opts |= kOptMss;
        view.mss = option.be16(2);
        break;
      case kKindWindowScale:
        view.opts |= kOptWindowScale;
        view.window_scale = option.u8(2) < 14 ? option.u8(2) : uint8_t{14};  // RFC 7323 2.3
        break;
      case kKindSackPermitted:
        view.opts |= kOptSackPermitted;
        break;
      case kKindSack:
        view.opts |= kOptSack;
        break;
      case kKindTimestamps:
        if (length == 10) {
          view.opts |= kOptTimestamps;
          view.tsval = option.be32(2);
          view.tsecr = option.be32(6);
        }
        break;
      case kKindMptcp:
        parse_mptcp(option, view);
        break;
      default:
        view.opts |= kOptOther;
    }
    at += length;
  }
}

}  // namespace rs::packet
