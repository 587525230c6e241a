// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/parse.h"

#include "dataplane/packet/ip.h"

namespace rs::packet {
namespace {

// EtherTypes (IEEE 802 numbers).
constexpr uint16_t kIpv4 = 0x0800;
constexpr uint16_t kIpv6 = 0x86dd;
constexpr uint16_t kVlan = 0x8100;
constexpr uint16_t kQinQ = 0x88a8;
constexpr uint16_t kQinQOld = 0x9100;

// Linux cooked headers (LINKTYPE_LINUX_SLL and SLL2): where the protocol field and the payload stand.
constexpr size_t kSllHeader = 16;
constexpr size_t kSll2Header = 20;

// From an EtherType on: VLAN tags, then IP.
Outcome parse_ethertype(uint16_t type, Bytes rest, uint32_t wire_bytes, PacketView& view) {
  for (int tags = 0; tags <= kMaxHeaders; ++tags) {
    switch (type) {
      case kIpv4:
        return parse_ipv4(rest, wire_bytes, view);
      case kIpv6:
        return parse_ipv6(rest, view);
      case kVlan:
      case kQinQ:
      case kQinQOld:
        if (!rest.has(0, 4)) return Outcome::kShortLink;
        type = rest.be16(2);
        rest = rest.sub(4);
        wire_bytes = wire_bytes > 4 ? wire_bytes - 4 : 0;
        break;
      default:
        return Outcome::kNotIp;
    }
  }
  return Outcome::kTooManyHeaders;
}

Outcome parse_null(Bytes frame, uint32_t wire_bytes, PacketView& view) {
  // The address family is in the capturing host's byte order; IPv6 has four values across the BSDs. The IP
  // version field behind it says the same in one way.
  if (!frame.has(0, 5)) return Outcome::kShortLink;
  return parse_ip(frame.sub(4), wire_bytes, view);
}

}  // namespace

Outcome parse_frame(const capture::Frame& frame, PacketView& view) {
  const Bytes bytes(frame.data, frame.captured_bytes);
  view.time = frame.time;
  view.exact_time = frame.exact_time;
  view.network_tag = 0;
  const auto wire_after = [&](uint32_t header) { return frame.wire_bytes > header ? frame.wire_bytes - header : 0U; };
  switch (frame.link) {
    case capture::LinkType::kEthernet:
      if (!bytes.has(0, 14)) return Outcome::kShortLink;
      return parse_ethertype(bytes.be16(12), bytes.sub(14), wire_after(14), view);
    case capture::LinkType::kRawIp:
      return parse_ip(bytes, frame.wire_bytes, view);
    case capture::LinkType::kLinuxCooked:
      if (!bytes.has(0, kSllHeader)) return Outcome::kShortLink;
      return parse_ethertype(bytes.be16(14), bytes.sub(kSllHeader), wire_after(kSllHeader), view);
    case capture::LinkType::kLinuxCooked2:
      if (!bytes.has(0, kSll2Header)) return Outcome::kShortLink;
      return parse_ethertype(bytes.be16(0), bytes.sub(kSll2Header), wire_after(kSll2Header), view);
    case capture::LinkType::kNull:
      return parse_null(bytes, wire_after(4), view);
    case capture::LinkType::kUnsupported:
      break;
  }
  return Outcome::kUnsupportedLink;
}

void parse(const capture::Burst& burst, ViewBurst& out) {
  for (uint32_t i = 0; i < burst.count; ++i) {
    if (i + 2 < burst.count) __builtin_prefetch(burst.frames[i + 2].data);
    out.outcomes[i] = parse_frame(burst.frames[i], out.views[i]);
  }
}

}  // namespace rs::packet
