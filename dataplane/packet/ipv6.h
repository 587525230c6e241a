// SPDX-License-Identifier: Apache-2.0
//
// IPv6 header and extension headers (RFC 8200). Of a fragmented packet the first fragment carries the headers and is
// read on. Behind a routing header the flow's other end is the last stop, not the next.
#pragma once

#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/layer.h"

namespace rs::packet {

inline constexpr size_t kIpv6Header = 40;

// Gives kTcp or kIpPayload.
Next ipv6(Cursor& c, PacketView& view);

// True when Cursor::protocol is an extension header that can be passed over.
bool is_extension(uint8_t protocol);
// Passes over one; gives kIpPayload with the next one's protocol.
Next extension(Cursor& c, PacketView& view);

// --- inline ---

inline Next ipv6(Cursor& c, PacketView& view) {
  const Bytes packet = c.rest;
  if (!packet.has(0, kIpv6Header)) return c.stop(Outcome::kShortIp);
  const uint32_t first = packet.be32(0);
  if (first >> 28 != 6) return c.stop(Outcome::kBadIpv6);
  view.ipv6 = true;
  view.icmp = false;
  view.src = IpAddr::v6(packet.data() + 8);
  view.dst = IpAddr::v6(packet.data() + 24);
  view.tos = static_cast<uint8_t>(first >> 20);
  view.flow_label = first & 0xfffff;
  view.ip_id = 0;
  view.df = true;
  view.ttl = packet.u8(7);
  uint32_t payload = packet.be16(4);
  // 0 with TCP behind it is a jumbogram or an offload: take what was on the wire.
  if (payload == 0 && c.left > kIpv6Header) payload = c.left - static_cast<uint32_t>(kIpv6Header);
  c.ip = packet.sub(0, kIpv6Header);
  c.rest = packet.sub(kIpv6Header, payload);
  c.left = payload;
  c.protocol = packet.u8(6);
  return c.protocol == kProtoTcp ? Next::kTcp : Next::kIpPayload;
}

}  // namespace rs::packet
