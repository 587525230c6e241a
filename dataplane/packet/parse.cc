// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/parse.h"

#include "dataplane/base/prefetch.h"
#include "dataplane/packet/erspan.h"
#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/gre.h"
#include "dataplane/packet/icmp_quote.h"
#include "dataplane/packet/ip_payload.h"
#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"
#include "dataplane/packet/link.h"
#include "dataplane/packet/mpls.h"
#include "dataplane/packet/nsh.h"
#include "dataplane/packet/ppp.h"
#include "dataplane/packet/tcp.h"
#include "dataplane/packet/udp.h"

namespace rs::packet {
namespace {

Next by_version(Cursor& c) {
  if (c.rest.empty()) return c.stop(Outcome::kShortIp);
  const uint8_t version = c.rest.u8(0) >> 4;
  return version == 4 ? Next::kIpv4 : version == 6 ? Next::kIpv6 : Next::kNotIp;
}

Outcome walk(Next next, Cursor c, PacketView& view) {
  while (c.spend()) {
    switch (next) {
      case Next::kTcp:
        return parse_tcp(c.rest, c.left, view);
      case Next::kIpPayload:
        next = ip_payload(c, view);
        break;
      case Next::kEthernet:
        next = ethernet(c);
        break;
      case Next::kLlc:
        next = llc(c);
        break;
      case Next::kVlan:
        next = vlan(c);
        break;
      case Next::kFabricPath:
        next = fabric_path(c);
        break;
      case Next::kMpls:
        next = mpls(c, view);
        break;
      case Next::kPppoe:
        next = pppoe(c, view);
        break;
      case Next::kPpp:
        next = ppp(c);
        break;
      case Next::kCiscoHdlc:
        next = cisco_hdlc(c);
        break;
      case Next::kNsh:
        next = nsh(c);
        break;
      case Next::kIp:
        next = by_version(c);
        break;
      case Next::kIpv4:
        next = ipv4(c, view);
        break;
      case Next::kIpv6:
        next = ipv6(c, view);
        break;
      case Next::kGre:
        next = gre(c, view);
        break;
      case Next::kErspan2:
        next = erspan2(c);
        break;
      case Next::kErspan3:
        next = erspan3(c);
        break;
      case Next::kUdp:
        next = udp(c, view);
        break;
      case Next::kIcmp:
        return icmp_quote(c, view);
      case Next::kNotIp:
        return Outcome::kNotIp;
      case Next::kNotTcp:
        return Outcome::kNotTcp;
      case Next::kDone:
        return c.outcome;
    }
  }
  return Outcome::kTooManyHeaders;
}

}  // namespace

Outcome parse_any(const capture::Frame& frame, PacketView& view) {
  view.time = frame.time;
  view.exact_time = frame.exact_time;
  view.network_tag = 0;
  view.tunnel = Tunnel::kNone;
  view.outer_ttl = 0;
  view.outer = {};
  Cursor c;
  c.rest = Bytes(frame.data, frame.captured_bytes);
  c.left = frame.wire_bytes;
  if (frame.link != capture::LinkType::kEthernet) {
    const Next first = first_header(frame.link, c);
    return walk(first, c, view);
  }
  if (!c.rest.has(0, kEthernetHeader)) return Outcome::kShortLink;
  const uint16_t type = c.rest.be16(12);
  c.skip(kEthernetHeader);
  const Next next = type == kTypeIpv4 ? ipv4(c, view) : type == kTypeIpv6 ? ipv6(c, view) : by_ethertype(type);
  return walk(next, c, view);
}

void parse(const capture::Burst& burst, ViewBurst& out) {
  for (uint32_t i = 0; i < burst.count; ++i) {
    if (i + 2 < burst.count) prefetch(burst.frames[i + 2].data);
    out.outcomes[i] = parse_frame(burst.frames[i], out.views[i]);
  }
}

}  // namespace rs::packet
