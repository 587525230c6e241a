// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/icmp_quote.h"

#include "dataplane/packet/ipv6.h"

namespace rs::packet {
namespace {

constexpr size_t kIcmpHeader = 8;
// RFC 792 asks for 8 bytes of the quoted segment: ports and sequence number. More is a gift.
constexpr size_t kQuotedTcp = 8;

bool is_icmp_error(bool v6, uint8_t type) {
  if (v6) return type >= 1 && type <= 4;         // unreachable, too big, time exceeded, parameter problem
  return type == 3 || type == 11 || type == 12;  // same for IPv4
}

// The quoted IPv4 header as far as it can be believed: some stacks quote the length in their own byte order or less
// what they took off, so it is not looked at.
bool quoted_ipv4(Cursor& c, PacketView& view) {
  const Bytes packet = c.rest;
  const size_t header = static_cast<size_t>(packet.u8(0) & 0x0f) * 4;
  if (packet.u8(0) >> 4 != 4 || header < kIpv4Header || !packet.has(0, header)) return false;
  if (packet.u8(9) != kProtoTcp || (packet.be16(6) & kFragmentOffset) != 0) return false;
  view.src = IpAddr::v4(packet.data() + 12);
  view.dst = IpAddr::v4(packet.data() + 16);
  view.ttl = packet.u8(8);
  view.ip_id = packet.be16(4);
  c.skip(header);
  return true;
}

bool quoted_ipv6(Cursor& c, PacketView& view) {
  Next next = ipv6(c, view);
  while (next == Next::kIpPayload && is_extension(c.protocol)) {
    if (!c.spend()) return false;
    next = extension(c, view);
  }
  return next == Next::kTcp;
}

}  // namespace

Outcome icmp_quote(Cursor& c, PacketView& view) {
  const Bytes icmp = c.rest;
  const uint8_t type = icmp.u8(0);
  if (!icmp.has(0, kIcmpHeader) || !is_icmp_error(view.ipv6, type)) return Outcome::kNotTcp;
  const IpAddr sender = view.src;
  c.skip(kIcmpHeader);
  if (!(view.ipv6 ? quoted_ipv6(c, view) : quoted_ipv4(c, view))) return Outcome::kNotTcp;
  const Bytes tcp = c.rest;
  if (!tcp.has(0, kQuotedTcp)) return Outcome::kShortTcp;
  view.src_port = tcp.be16(0);
  view.dst_port = tcp.be16(2);
  view.seq = tcp.be32(4);
  view.ack = tcp.be32(8);
  view.flags = tcp.u8(13) & 0x3f;
  view.payload_bytes = 0;
  view.payload = {};
  view.opts = 0;
  view.icmp = true;
  view.icmp_type = type;
  view.icmp_code = icmp.u8(1);
  view.icmp_src = sender;
  return Outcome::kIcmpQuote;
}

}  // namespace rs::packet
