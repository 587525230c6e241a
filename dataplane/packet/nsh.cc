// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/nsh.h"

namespace rs::packet {
namespace {

constexpr size_t kBase = 8;  // base and service path headers
constexpr uint16_t kVersion = 0xc000;
constexpr uint16_t kOam = 0x2000;
constexpr uint16_t kLengthMask = 0x003f;  // in 4 bytes

}  // namespace

Next nsh(Cursor& c) {
  if (!c.rest.has(0, kBase)) return c.stop(Outcome::kShortTunnel);
  const uint16_t first = c.rest.be16(0);
  const size_t length = static_cast<size_t>(first & kLengthMask) * 4;
  if ((first & kVersion) != 0 || length < kBase) return c.stop(Outcome::kBadTunnel);
  if ((first & kOam) != 0) return Next::kNotTcp;
  if (!c.rest.has(0, length)) return c.stop(Outcome::kShortTunnel);
  const uint8_t protocol = c.rest.u8(3);
  c.skip(length);
  switch (protocol) {  // RFC 8300 2.2
    case 1:
      return Next::kIpv4;
    case 2:
      return Next::kIpv6;
    case 3:
      return Next::kEthernet;
    case 4:
      return Next::kNsh;
    case 5:
      return Next::kMpls;
    default:
      return Next::kNotIp;
  }
}

}  // namespace rs::packet
