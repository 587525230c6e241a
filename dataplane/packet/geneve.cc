// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/geneve.h"

#include "dataplane/packet/ethernet.h"

namespace rs::packet {
namespace {

constexpr size_t kHeader = 8;

// The first 16 bits: version (2), length of options in 4 bytes (6), O, C, 6 reserved.
constexpr uint16_t kVersion = 0xc000;
constexpr unsigned kOptionsShift = 8;
constexpr uint16_t kControl = 0x0080;  // the tunnel's own
constexpr uint16_t kReserved = 0x003f;

}  // namespace

Next geneve(Cursor& c, PacketView& view) {
  if (!c.rest.has(0, kHeader)) return c.left < kHeader ? Next::kNotTcp : c.stop(Outcome::kShortTunnel);
  const uint16_t first = c.rest.be16(0);
  const uint16_t type = c.rest.be16(2);
  const uint32_t id = c.rest.be32(4) >> 8;
  if ((first & (kVersion | kControl | kReserved)) != 0 || c.rest.u8(7) != 0) return Next::kNotTcp;
  const size_t length = kHeader + (static_cast<size_t>(first >> kOptionsShift) & 0x3f) * 4;
  const Next next = by_ethertype(type);
  if (length > c.left || next == Next::kNotIp || next == Next::kLlc) return Next::kNotTcp;
  const Bytes inner = c.rest.sub(length);
  if (!c.rest.has(0, length) || inner.empty()) return c.stop(Outcome::kShortTunnel);
  if (next == Next::kEthernet && inner.has(0, kEthernetHeader) && !plausible_ethernet(inner)) return Next::kNotTcp;
  if ((next == Next::kIpv4 || next == Next::kIpv6) && !plausible_ip(inner)) return Next::kNotTcp;
  c.skip(length);
  tag_network(view, id);
  return enter(c, view, Tunnel::kGeneve, view.ttl, next);
}

}  // namespace rs::packet
