// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/ppp.h"

#include "dataplane/packet/ethernet.h"

namespace rs::packet {
namespace {

constexpr size_t kPppoeHeader = 6;
constexpr size_t kHdlcHeader = 4;

// PPP protocol numbers (IANA).
constexpr uint16_t kPppIpv4 = 0x0021;
constexpr uint16_t kPppIpv6 = 0x0057;
constexpr uint16_t kPppMpls = 0x0281;
constexpr uint16_t kPppMplsUpstream = 0x0283;
constexpr uint16_t kPppEncrypted = 0x0053;   // RFC 1968
constexpr uint16_t kPppCompressed = 0x00fd;  // RFC 1962; MPPE too (RFC 3078)

}  // namespace

Next pppoe(Cursor& c, PacketView& view) {
  if (!c.rest.has(0, kPppoeHeader)) return c.stop(Outcome::kShortTunnel);
  if (c.rest.u8(0) != 0x11) return c.stop(Outcome::kBadTunnel);  // version 1, type 1
  if (c.rest.u8(1) != 0) return Next::kNotIp;                    // discovery
  const uint16_t length = c.rest.be16(4);
  c.skip(kPppoeHeader);
  c.end_after(length);
  return enter(c, view, Tunnel::kPppoe, 0, Next::kPpp);
}

Next ppp(Cursor& c) {
  if (!c.rest.has(0, 1)) return c.stop(Outcome::kShortLink);
  // Cisco's framing on the same line: a unicast or broadcast address instead of PPP's "all stations".
  if (c.rest.u8(0) == 0x0f || c.rest.u8(0) == 0x8f) return Next::kCiscoHdlc;
  if (c.rest.be16(0) == 0xff03) c.skip(2);  // address and control, left out where negotiated
  // The last byte of a protocol number is odd, all before it even: a number below 256 may be one byte (RFC 1661 2).
  const bool one_byte = (c.rest.u8(0) & 1) != 0;
  const size_t bytes = one_byte ? 1 : 2;
  if (!c.rest.has(0, bytes)) return c.stop(Outcome::kShortLink);
  const uint16_t protocol = one_byte ? c.rest.u8(0) : c.rest.be16(0);
  c.skip(bytes);
  switch (protocol) {
    case kPppIpv4:
      return Next::kIpv4;
    case kPppIpv6:
      return Next::kIpv6;
    case kPppMpls:
    case kPppMplsUpstream:
      return Next::kMpls;
    case kPppEncrypted:
    case kPppCompressed:
      return c.stop(Outcome::kEncrypted);
    default:
      return Next::kNotIp;
  }
}

Next cisco_hdlc(Cursor& c) {
  if (!c.rest.has(0, kHdlcHeader)) return c.stop(Outcome::kShortLink);
  const uint16_t type = c.rest.be16(2);
  c.skip(kHdlcHeader);
  return by_ethertype(type);
}

}  // namespace rs::packet
