// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/ip_payload.h"

#include "dataplane/packet/ipv6.h"

namespace rs::packet {
namespace {

constexpr uint8_t kProtoIcmp = 1;
constexpr uint8_t kProtoIpv4 = 4;
constexpr uint8_t kProtoUdp = 17;
constexpr uint8_t kProtoIpv6 = 41;
constexpr uint8_t kProtoGre = 47;
constexpr uint8_t kProtoEsp = 50;
constexpr uint8_t kProtoAh = 51;
constexpr uint8_t kProtoIcmpv6 = 58;
constexpr uint8_t kProtoMpls = 137;      // RFC 4023
constexpr uint8_t kProtoEthernet = 143;  // RFC 8986 4.9

}  // namespace

Next ip_payload(Cursor& c, PacketView& view) {
  switch (c.protocol) {
    case kProtoIcmp:
      return view.ipv6 ? Next::kNotTcp : Next::kIcmp;
    case kProtoIcmpv6:
      return view.ipv6 ? Next::kIcmp : Next::kNotTcp;
    case kProtoIpv4:
      return enter(c, view, Tunnel::kIpInIp, view.ttl, Next::kIpv4);
    case kProtoIpv6:
      return enter(c, view, Tunnel::kIpInIp, view.ttl, Next::kIpv6);
    case kProtoEthernet:
      return enter(c, view, Tunnel::kIpInIp, view.ttl, Next::kEthernet);
    case kProtoUdp:
      return Next::kUdp;
    case kProtoGre:
      return Next::kGre;
    case kProtoMpls:
      return Next::kMpls;
    case kProtoEsp:
      return c.stop(Outcome::kEncrypted);
    case kProtoAh:
      return extension(c, view);
    default:
      return view.ipv6 && is_extension(c.protocol) ? extension(c, view) : Next::kNotTcp;
  }
}

}  // namespace rs::packet
