// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/ethernet.h"

namespace rs::packet {
namespace {

constexpr uint16_t kTypeVlan = 0x8100;
constexpr uint16_t kTypeQinQ = 0x88a8;
constexpr uint16_t kTypeQinQOld = 0x9100;
constexpr uint16_t kTypeMpls = 0x8847;
constexpr uint16_t kTypeMplsUpstream = 0x8848;  // RFC 5332
constexpr uint16_t kTypePpp = 0x880b;
constexpr uint16_t kTypePppoe = 0x8864;
constexpr uint16_t kTypeFabricPath = 0x8903;  // Cisco: a frame within a frame, behind 16 bits of tree and TTL
constexpr uint16_t kTypeNsh = 0x894f;
constexpr uint16_t kMostLength = 1500;  // up to here the field is an 802.3 length, and LLC follows

constexpr size_t kSnapHeader = 8;
// Tags looked through before a frame is called sure. Our choice: QinQ.
constexpr int kSureTags = 2;

}  // namespace

Next by_ethertype(uint16_t type) {
  switch (type) {
    case kTypeIpv4:
      return Next::kIpv4;
    case kTypeIpv6:
      return Next::kIpv6;
    case kTypeVlan:
    case kTypeQinQ:
    case kTypeQinQOld:
      return Next::kVlan;
    case kTypeMpls:
    case kTypeMplsUpstream:
      return Next::kMpls;
    case kTypePpp:
      return Next::kPpp;
    case kTypePppoe:
      return Next::kPppoe;
    case kTypeFabricPath:
      return Next::kFabricPath;
    case kTypeNsh:
      return Next::kNsh;
    case kTypeBridging:
      return Next::kEthernet;
    default:
      return type <= kMostLength ? Next::kLlc : Next::kNotIp;
  }
}

Next ethernet(Cursor& c) {
  if (!c.rest.has(0, kEthernetHeader)) return c.stop(Outcome::kShortLink);
  const uint16_t type = c.rest.be16(12);
  c.skip(kEthernetHeader);
  return by_ethertype(type);
}

Next vlan(Cursor& c) {
  if (!c.rest.has(0, 4)) return c.stop(Outcome::kShortLink);
  const uint16_t type = c.rest.be16(2);
  c.skip(4);
  return by_ethertype(type);
}

Next fabric_path(Cursor& c) {
  if (!c.rest.has(0, 2)) return c.stop(Outcome::kShortLink);
  c.skip(2);
  return Next::kEthernet;
}

Next llc(Cursor& c) {
  if (!c.rest.has(0, 3)) return c.stop(Outcome::kShortLink);
  // SNAP: both access points 0xaa, unnumbered information; then an organisation of 0 and an EtherType (RFC 1042).
  if (c.rest.be16(0) != 0xaaaa || c.rest.u8(2) != 3) return Next::kNotIp;
  if (!c.rest.has(0, kSnapHeader)) return c.stop(Outcome::kShortLink);
  const uint16_t type = c.rest.be16(6);
  if ((c.rest.be32(2) & 0xffffff) != 0 || type <= kMostLength) return Next::kNotIp;
  c.skip(kSnapHeader);
  return by_ethertype(type);
}

bool plausible_ip(Bytes packet) {
  const uint8_t first = packet.u8(0);
  return first >> 4 == 6 || (first >> 4 == 4 && (first & 0x0f) >= 5);
}

bool plausible_ethernet(Bytes frame) {
  if (!frame.has(0, kEthernetHeader) || (frame.u8(6) & 1) != 0) return false;
  const uint8_t version = frame.u8(kEthernetHeader) >> 4;
  switch (frame.be16(12)) {
    case kTypeIpv4:
      return version == 4 && plausible_ip(frame.sub(kEthernetHeader));
    case kTypeIpv6:
      return version == 6;
    default:
      return true;
  }
}

bool surely_ethernet(Bytes frame) {
  if (!plausible_ethernet(frame)) return false;
  for (int tags = 0; tags <= kSureTags; ++tags) {
    const size_t at = 12 + static_cast<size_t>(tags) * 4;
    const uint16_t type = frame.be16(at);
    const Bytes packet = frame.sub(at + 2);
    if (type == kTypeIpv4 || type == kTypeIpv6)
      return plausible_ip(packet) && packet.u8(0) >> 4 == (type == kTypeIpv4 ? 4 : 6);
    if (by_ethertype(type) != Next::kVlan) return false;
  }
  return false;
}

}  // namespace rs::packet
