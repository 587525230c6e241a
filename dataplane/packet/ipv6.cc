// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/ipv6.h"

namespace rs::packet {
namespace {

// IANA protocol numbers of extension headers.
constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kFragment = 44;
constexpr uint8_t kAuthentication = 51;  // of IPv4 too
constexpr uint8_t kDestinationOptions = 60;
constexpr uint8_t kMobility = 135;
constexpr uint8_t kHostIdentity = 139;
constexpr uint8_t kShim6 = 140;

// Routing types (IANA).
constexpr uint8_t kSourceRoute = 0;  // RFC 2460 4.4, deprecated
constexpr uint8_t kHomeAddress = 2;  // RFC 6275 6.4
constexpr uint8_t kSegments = 4;     // RFC 8754

// The last stop, which the TCP checksum is reckoned with too (RFC 8200 8.1). Lists stand behind 8 bytes.
void final_destination(Bytes routing, PacketView& view) {
  if (routing.u8(3) == 0) return;  // arrived: no segments left
  size_t at = 8;                   // segment routing lists the last stop first
  const uint8_t type = routing.u8(2);
  if (type == kSourceRoute) {
    if (routing.size() < 8 + 16) return;
    at = routing.size() - 16;
  } else if (type != kHomeAddress && type != kSegments) {
    return;
  }
  if (routing.has(at, 16)) view.dst = IpAddr::v6(routing.data() + at);
}

}  // namespace

bool is_extension(uint8_t protocol) {
  switch (protocol) {
    case kHopByHop:
    case kRouting:
    case kFragment:
    case kAuthentication:
    case kDestinationOptions:
    case kMobility:
    case kHostIdentity:
    case kShim6:
      return true;
    default:
      return false;
  }
}

Next extension(Cursor& c, PacketView& view) {
  if (!c.rest.has(0, 8)) return c.stop(Outcome::kShortIp);  // none is shorter
  size_t length = (static_cast<size_t>(c.rest.u8(1)) + 1) * 8;
  switch (c.protocol) {
    case kAuthentication:
      length = (static_cast<size_t>(c.rest.u8(1)) + 2) * 4;  // RFC 4302 2.2
      break;
    case kFragment:
      length = 8;
      if ((c.rest.be16(2) & 0xfff8) != 0) return c.stop(Outcome::kLaterFragment);
      break;
    case kRouting:
      final_destination(c.rest.sub(0, length), view);
      break;
    default:
      break;
  }
  if (length > c.left) return c.stop(view.ipv6 ? Outcome::kBadIpv6 : Outcome::kBadIpv4);
  c.protocol = c.rest.u8(0);
  c.skip(length);
  return c.protocol == kProtoTcp ? Next::kTcp : Next::kIpPayload;
}

}  // namespace rs::packet
