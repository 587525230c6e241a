// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/ip.h"

#include "dataplane/packet/parse.h"
#include "dataplane/packet/tcp.h"

namespace rs::packet {
namespace {

constexpr uint8_t kProtoIcmp = 1;
constexpr uint8_t kProtoTcp = 6;
constexpr uint8_t kProtoIcmpv6 = 58;

constexpr size_t kIpv4Header = 20;
constexpr size_t kIpv6Header = 40;
constexpr size_t kIcmpHeader = 8;
// RFC 792 asks for 8 bytes of the quoted segment: ports and sequence number. More is a gift.
constexpr size_t kQuotedTcp = 8;

bool is_icmp_error(bool v6, uint8_t type) {
  if (v6) return type >= 1 && type <= 4;         // unreachable, too big, time exceeded, parameter problem
  return type == 3 || type == 11 || type == 12;  // same for IPv4
}

// Reads the IP and TCP headers quoted in an ICMP error into `view`.
Outcome parse_quote(Bytes icmp, bool v6, PacketView& view) {
  const uint8_t type = icmp.u8(0);
  const uint8_t code = icmp.u8(1);
  if (!icmp.has(0, kIcmpHeader) || !is_icmp_error(v6, type)) return Outcome::kNotTcp;
  const IpAddr sender = view.src;
  const Bytes quote = icmp.sub(kIcmpHeader);
  Bytes tcp;
  if (!v6) {
    const size_t header = static_cast<size_t>(quote.u8(0) & 0x0f) * 4;
    if (quote.u8(0) >> 4 != 4 || header < kIpv4Header || !quote.has(0, header)) return Outcome::kNotTcp;
    if (quote.u8(9) != kProtoTcp || (quote.be16(6) & 0x1fff) != 0) return Outcome::kNotTcp;
    view.src = IpAddr::v4(quote.data() + 12);
    view.dst = IpAddr::v4(quote.data() + 16);
    view.ttl = quote.u8(8);
    view.ip_id = quote.be16(4);
    tcp = quote.sub(header);
  } else {
    if (!quote.has(0, kIpv6Header) || quote.u8(0) >> 4 != 6 || quote.u8(6) != kProtoTcp) return Outcome::kNotTcp;
    view.src = IpAddr::v6(quote.data() + 8);
    view.dst = IpAddr::v6(quote.data() + 24);
    view.ttl = quote.u8(7);
    tcp = quote.sub(kIpv6Header);
  }
  if (!tcp.has(0, kQuotedTcp)) return Outcome::kShortTcp;
  view.src_port = tcp.be16(0);
  view.dst_port = tcp.be16(2);
  view.seq = tcp.be32(4);
  view.ack = tcp.be32(8);
  view.flags = tcp.u8(13) & 0x3f;
  view.payload_bytes = 0;
  view.payload = {};
  view.options = {};
  view.opts = 0;
  view.icmp = true;
  view.icmp_type = type;
  view.icmp_code = code;
  view.icmp_src = sender;
  return Outcome::kIcmpQuote;
}

}  // namespace

Outcome parse_ipv4(Bytes packet, uint32_t wire_bytes, PacketView& view) {
  if (!packet.has(0, kIpv4Header)) return Outcome::kShortLink;
  const size_t header = static_cast<size_t>(packet.u8(0) & 0x0f) * 4;
  if (packet.u8(0) >> 4 != 4 || header < kIpv4Header) return Outcome::kBadIpv4;
  uint32_t total = packet.be16(2);
  // Segmentation offload on the capturing host leaves 0 here; the wire length is all there is then.
  if (total == 0) total = wire_bytes;
  if (total < header) return Outcome::kBadIpv4;
  const uint16_t fragment = packet.be16(6);
  const uint8_t protocol = packet.u8(9);
  if (protocol != kProtoTcp && protocol != kProtoIcmp) return Outcome::kNotTcp;
  if ((fragment & 0x1fff) != 0) return protocol == kProtoTcp ? Outcome::kLaterFragment : Outcome::kNotTcp;
  view.ipv6 = false;
  view.icmp = false;
  view.src = IpAddr::v4(packet.data() + 12);
  view.dst = IpAddr::v4(packet.data() + 16);
  view.tos = packet.u8(1);
  view.ip_id = packet.be16(4);
  view.df = (fragment & 0x4000) != 0;
  view.ttl = packet.u8(8);
  view.flow_label = 0;
  const Bytes body = packet.sub(header, total - header);
  if (protocol == kProtoIcmp) return parse_quote(body, false, view);
  return parse_tcp(body, total - static_cast<uint32_t>(header), view);
}

Outcome parse_ipv6(Bytes packet, PacketView& view) {
  if (!packet.has(0, kIpv6Header)) return Outcome::kShortLink;
  const uint32_t first = packet.be32(0);
  if (first >> 28 != 6) return Outcome::kBadIpv6;
  uint32_t rest = packet.be16(4);
  uint8_t next = packet.u8(6);
  view.ipv6 = true;
  view.icmp = false;
  view.src = IpAddr::v6(packet.data() + 8);
  view.dst = IpAddr::v6(packet.data() + 24);
  view.tos = static_cast<uint8_t>(first >> 20);
  view.flow_label = first & 0xfffff;
  view.ip_id = 0;
  view.df = true;
  view.ttl = packet.u8(7);
  // A payload length of 0 with TCP behind it is a jumbogram or an offload: take what was captured.
  if (rest == 0) rest = static_cast<uint32_t>(packet.size() - kIpv6Header);
  size_t at = kIpv6Header;
  for (int i = 0; i <= kMaxHeaders; ++i) {
    const Bytes body = packet.sub(at, rest);
    size_t length = 0;
    switch (next) {
      case kProtoTcp:
        return parse_tcp(body, rest, view);
      case kProtoIcmpv6:
        return parse_quote(body, true, view);
      case 0:    // hop-by-hop options
      case 43:   // routing
      case 60:   // destination options
      case 135:  // mobility
        length = (static_cast<size_t>(body.u8(1)) + 1) * 8;
        break;
      case 51:  // authentication header, RFC 4302 2.2
        length = (static_cast<size_t>(body.u8(1)) + 2) * 4;
        break;
      case 44:  // fragment
        if ((body.be16(2) & 0xfff8) != 0) return Outcome::kLaterFragment;
        length = 8;
        break;
      default:
        return Outcome::kNotTcp;
    }
    if (!body.has(0, 2)) return Outcome::kShortTcp;
    if (length > rest) return Outcome::kBadIpv6;
    next = body.u8(0);
    at += length;
    rest -= static_cast<uint32_t>(length);
  }
  return Outcome::kTooManyHeaders;
}

Outcome parse_ip(Bytes packet, uint32_t wire_bytes, PacketView& view) {
  switch (packet.u8(0) >> 4) {
    case 4:
      return parse_ipv4(packet, wire_bytes, view);
    case 6:
      return parse_ipv6(packet, view);
    default:
      return packet.empty() ? Outcome::kShortLink : Outcome::kNotIp;
  }
}

}  // namespace rs::packet
