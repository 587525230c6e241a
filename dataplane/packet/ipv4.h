// SPDX-License-Identifier: Apache-2.0
//
// IPv4 header (RFC 791). Of a fragmented packet the first fragment carries the headers and is read on.
#pragma once

#include "dataplane/packet/layer.h"

namespace rs::packet {

inline constexpr size_t kIpv4Header = 20;
inline constexpr uint16_t kFragmentOffset = 0x1fff;
inline constexpr uint16_t kDontFragment = 0x4000;

inline constexpr uint8_t kProtoTcp = 6;

// Trailing bytes (Ethernet padding) are cut off by the header's own length. Gives kTcp or kIpPayload.
Next ipv4(Cursor& c, PacketView& view);

// --- inline ---

inline Next ipv4(Cursor& c, PacketView& view) {
  const Bytes packet = c.rest;
  if (!packet.has(0, kIpv4Header)) return c.stop(Outcome::kShortIp);
  const size_t header = static_cast<size_t>(packet.u8(0) & 0x0f) * 4;
  if (packet.u8(0) >> 4 != 4 || header < kIpv4Header) return c.stop(Outcome::kBadIpv4);
  uint32_t total = packet.be16(2);
  // Segmentation offload on the capturing host leaves 0 here; the wire length is all there is then.
  if (total == 0) total = c.left;
  if (total < header) return c.stop(Outcome::kBadIpv4);
  const uint16_t fragment = packet.be16(6);
  if ((fragment & kFragmentOffset) != 0) return c.stop(Outcome::kLaterFragment);
  view.ipv6 = false;
  view.icmp = false;
  view.src = IpAddr::v4(packet.data() + 12);
  view.dst = IpAddr::v4(packet.data() + 16);
  view.tos = packet.u8(1);
  view.ip_id = packet.be16(4);
  view.df = (fragment & kDontFragment) != 0;
  view.ttl = packet.u8(8);
  view.flow_label = 0;
  c.ip = packet.sub(0, header);
  c.rest = packet.sub(header, total - header);
  c.left = total - static_cast<uint32_t>(header);
  c.protocol = packet.u8(9);
  return c.protocol == kProtoTcp ? Next::kTcp : Next::kIpPayload;
}

}  // namespace rs::packet
