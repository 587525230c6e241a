// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/mpls.h"

#include "dataplane/packet/ethernet.h"

namespace rs::packet {
namespace {

constexpr size_t kLabel = 4;
constexpr uint32_t kBottom = 0x100;  // the label stack's last entry
constexpr size_t kControlWord = 4;

// An IP header of these bytes' own length or less.
bool fits_ip(Bytes packet, uint32_t left) {
  if (packet.u8(0) >> 4 == 4) return packet.be16(2) <= left;
  return packet.be16(4) + 40U <= left;
}

}  // namespace

Next mpls(Cursor& c, PacketView& view) {
  const uint8_t ttl = c.rest.u8(3);  // routers count down the top label's
  for (;;) {
    if (!c.rest.has(0, kLabel)) return c.stop(Outcome::kShortTunnel);
    const bool last = (c.rest.be32(0) & kBottom) != 0;
    c.skip(kLabel);
    if (last) break;
    if (!c.spend()) return c.stop(Outcome::kTooManyHeaders);
  }
  // Labels do not say what they carry. The first half byte tells IP from a pseudowire's control word (RFC 4385 3);
  // a pseudowire without one may begin with any, and then only a frame that is surely one is believed.
  const uint8_t nibble = c.rest.u8(0) >> 4;
  if (plausible_ip(c.rest) && (fits_ip(c.rest, c.left) || !surely_ethernet(c.rest)))
    return enter(c, view, Tunnel::kMpls, ttl, Next::kIp);
  // RFC 4448 4.6: of the control word's first half all bits are 0, then a sequence number.
  if (nibble == 0 && c.rest.be16(0) == 0 && surely_ethernet(c.rest.sub(kControlWord))) {
    c.skip(kControlWord);
    return enter(c, view, Tunnel::kMpls, ttl, Next::kEthernet);
  }
  if (surely_ethernet(c.rest)) return enter(c, view, Tunnel::kMpls, ttl, Next::kEthernet);
  return Next::kNotIp;
}

}  // namespace rs::packet
