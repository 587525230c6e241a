// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/link.h"

#include "dataplane/packet/ethernet.h"

namespace rs::packet {
namespace {

constexpr size_t kCookedHeader = 16;
constexpr size_t kCooked2Header = 20;
constexpr size_t kNullHeader = 4;

// Protocol numbers of cooked headers that are no EtherTypes (linux/if_ether.h).
constexpr uint16_t kCooked8023 = 0x0001;  // Novell, no LLC behind it
constexpr uint16_t kCookedLlc = 0x0004;

Next cooked(Cursor& c, size_t header, size_t protocol_at) {
  if (!c.rest.has(0, header)) return c.stop(Outcome::kShortLink);
  const uint16_t protocol = c.rest.be16(protocol_at);
  c.skip(header);
  if (protocol == kCookedLlc) return Next::kLlc;
  return protocol == kCooked8023 ? Next::kNotIp : by_ethertype(protocol);
}

}  // namespace

Next first_header(capture::LinkType link, Cursor& c) {
  switch (link) {
    case capture::LinkType::kEthernet:
      return Next::kEthernet;
    case capture::LinkType::kRawIp:
      return Next::kIp;
    case capture::LinkType::kLinuxCooked:
      return cooked(c, kCookedHeader, 14);
    case capture::LinkType::kLinuxCooked2:
      return cooked(c, kCooked2Header, 0);
    case capture::LinkType::kNull:
      // The address family is in the capturing host's byte order; IPv6 has four values across the BSDs. The IP
      // version field behind it says the same in one way.
      if (!c.rest.has(0, kNullHeader)) return c.stop(Outcome::kShortLink);
      c.skip(kNullHeader);
      return Next::kIp;
    case capture::LinkType::kPpp:
      return Next::kPpp;
    case capture::LinkType::kPppoe:
      return Next::kPppoe;
    case capture::LinkType::kCiscoHdlc:
      return Next::kCiscoHdlc;
    case capture::LinkType::kUnsupported:
      break;
  }
  return c.stop(Outcome::kUnsupportedLink);
}

}  // namespace rs::packet
