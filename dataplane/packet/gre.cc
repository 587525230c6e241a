// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/gre.h"

#include "dataplane/packet/ethernet.h"

namespace rs::packet {
namespace {

// The first 16 bits (RFC 1701, RFC 2637 4.1).
constexpr uint16_t kChecksum = 0x8000;
constexpr uint16_t kRouting = 0x4000;
constexpr uint16_t kKey = 0x2000;
constexpr uint16_t kSequence = 0x1000;
constexpr uint16_t kAcknowledgement = 0x0080;  // version 1
constexpr uint16_t kVersion = 0x0007;

// GRE protocol types that are no EtherTypes of payloads.
constexpr uint16_t kTypeErspan = 0x88be;
constexpr uint16_t kTypeErspan3 = 0x22eb;

constexpr uint16_t kTypeRedirect = 0x883e;  // WCCP 2: IPv4, perhaps behind 4 bytes of its own

constexpr size_t kRouteEntry = 4;

// Virtual subnets below are reserved (RFC 7637 3.2): a key below 2^20 is a plain one.
constexpr uint32_t kLeastSubnet = 0x1000;

// Of NVGRE's key the last byte tells flows apart (RFC 7637 3.2), the rest is the network.
uint32_t network_of(uint32_t key, uint16_t type) {
  return type == kTypeBridging && key >> 8 >= kLeastSubnet ? key >> 8 : key;
}

// Passes over source route entries; the last has length 0 (RFC 1701).
bool pass_routes(Cursor& c) {
  for (;;) {
    if (!c.rest.has(0, kRouteEntry) || !c.spend()) return false;
    const size_t length = c.rest.u8(3);
    const bool last = length == 0;
    c.skip(kRouteEntry + length);
    if (last) return true;
  }
}

}  // namespace

Next gre(Cursor& c, PacketView& view) {
  if (!c.rest.has(0, 4)) return c.stop(Outcome::kShortTunnel);
  const uint16_t flags = c.rest.be16(0);
  const uint16_t type = c.rest.be16(2);
  const uint16_t version = flags & kVersion;
  if (version > 1) return c.stop(Outcome::kBadTunnel);
  size_t length = 4;
  if ((flags & (kChecksum | kRouting)) != 0) length += 4;
  const size_t key_at = length;
  if ((flags & kKey) != 0) length += 4;
  if ((flags & kSequence) != 0) length += 4;
  if (version == 1 && (flags & kAcknowledgement) != 0) length += 4;
  if (!c.rest.has(0, length)) return c.stop(Outcome::kShortTunnel);
  const uint32_t key = c.rest.be32(key_at);
  c.skip(length);
  if ((flags & kRouting) != 0 && !pass_routes(c)) return c.stop(Outcome::kBadTunnel);
  if (type == kTypeErspan || type == kTypeErspan3) {
    // Type I has no header of its own and no sequence number.
    const Next old = (flags & kSequence) == 0 ? Next::kEthernet : Next::kErspan2;
    return enter(c, view, Tunnel::kErspan, view.ttl, type == kTypeErspan3 ? Next::kErspan3 : old);
  }
  if (type == kTypeRedirect) {
    if (c.rest.u8(0) >> 4 != 4) c.skip(4);
    return enter(c, view, Tunnel::kGre, view.ttl, Next::kIpv4);
  }
  const Next next = by_ethertype(type);
  if (next == Next::kLlc) return Next::kNotIp;  // there are no lengths here: keepalives
  if ((flags & kKey) != 0 && version == 0) tag_network(view, network_of(key, type));
  return enter(c, view, type == kTypeBridging ? Tunnel::kNvgre : Tunnel::kGre, view.ttl, next);
}

}  // namespace rs::packet
