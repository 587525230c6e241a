// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/vxlan.h"

#include "dataplane/packet/ethernet.h"

namespace rs::packet {
namespace {

constexpr size_t kHeader = 8;

// The first 32 bits: R R R R I R R R and 24 reserved; with a group policy G, and D, A and the group among the reserved.
constexpr uint32_t kValidId = 0x08000000;
constexpr uint32_t kGroup = 0x80000000;
constexpr uint32_t kGroupFields = 0x0048ffff;

// GPE: R R version(2) I P B O, 16 reserved, next protocol.
constexpr uint32_t kGpeOam = 0x01000000;
constexpr uint32_t kGpeNextProtocol = 0x04000000;
constexpr uint32_t kGpeReplicated = 0x02000000;  // B, ingress-replicated

Next by_gpe_protocol(uint32_t protocol) {
  switch (protocol) {
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
      return Next::kNotTcp;
  }
}

Next inside(Cursor& c, PacketView& view, Tunnel tunnel, Next next) {
  const uint32_t id = c.rest.be32(4) >> 8;
  const Bytes inner = c.rest.sub(kHeader);
  if (next == Next::kEthernet) {
    if (inner.size() < kEthernetHeader && c.left >= kHeader + kEthernetHeader) return c.stop(Outcome::kShortTunnel);
    if (!plausible_ethernet(inner)) return Next::kNotTcp;
  } else if ((next == Next::kIpv4 || next == Next::kIpv6) && !inner.empty() && !plausible_ip(inner)) {
    return Next::kNotTcp;
  }
  c.skip(kHeader);
  tag_network(view, id);
  return enter(c, view, tunnel, view.ttl, next);
}

}  // namespace

Next vxlan(Cursor& c, PacketView& view) {
  if (!c.rest.has(0, kHeader)) return c.left < kHeader ? Next::kNotTcp : c.stop(Outcome::kShortTunnel);
  const uint32_t first = c.rest.be32(0);
  const uint32_t allowed = kValidId | ((first & kGroup) != 0 ? kGroup | kGroupFields : 0);
  if ((first & kValidId) == 0 || (first & ~allowed) != 0 || c.rest.u8(7) != 0) return Next::kNotTcp;
  return inside(c, view, Tunnel::kVxlan, Next::kEthernet);
}

Next vxlan_gpe(Cursor& c, PacketView& view) {
  if (!c.rest.has(0, kHeader)) return c.left < kHeader ? Next::kNotTcp : c.stop(Outcome::kShortTunnel);
  const uint32_t first = c.rest.be32(0);
  const bool named = (first & kGpeNextProtocol) != 0;
  const uint32_t allowed = kValidId | kGpeNextProtocol | kGpeReplicated | (named ? 0xff : 0);
  // OAM packets are the tunnel's own.
  if ((first & kValidId) == 0 || (first & kGpeOam) != 0 || (first & ~allowed) != 0 || c.rest.u8(7) != 0)
    return Next::kNotTcp;
  const Next next = named ? by_gpe_protocol(first & 0xff) : Next::kEthernet;
  return next == Next::kNotTcp ? next : inside(c, view, Tunnel::kVxlanGpe, next);
}

}  // namespace rs::packet
