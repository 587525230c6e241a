// SPDX-License-Identifier: Apache-2.0
//
// How the headers of a packet hand over to each other. Each format is a function that reads its header at the cursor,
// moves the cursor behind it and names the next one; parse.cc loops until TCP is reached or a reason to stop. Worker
// thread; bounded work: every header, tag, label and extension takes one of kMaxHeaders.
#pragma once

#include "dataplane/packet/view.h"

namespace rs::packet {

// All headers of a packet before TCP. Our choice: four nested overlays of six headers each and some tags.
inline constexpr uint8_t kMaxHeaders = 32;
// Tunnels within tunnels. Our choice: an overlay in an overlay, carried over MPLS, mirrored by ERSPAN.
inline constexpr uint8_t kMaxTunnels = 4;

enum class Next : uint8_t {
  kTcp = 0,
  kIpPayload,  // what Cursor::protocol names
  kEthernet,
  kLlc,
  kVlan,
  kFabricPath,
  kMpls,
  kPppoe,
  kPpp,
  kCiscoHdlc,
  kNsh,
  kIp,  // IPv4 or IPv6 by the version field
  kIpv4,
  kIpv6,
  kGre,
  kErspan2,
  kErspan3,
  kUdp,
  kIcmp,
  kNotIp,   // the end: Outcome::kNotIp
  kNotTcp,  // the end: Outcome::kNotTcp
  kDone,    // the end: Cursor::outcome
};

struct Cursor {
  Bytes rest;         // captured, from the next header on
  uint32_t left = 0;  // as `rest`, on the wire, by the lengths of the headers read; may be more or less
  Bytes ip;           // the latest IP header
  uint8_t budget = kMaxHeaders;
  uint8_t tunnels = 0;
  uint8_t protocol = 0;  // of Next::kIpPayload, IANA number
  Outcome outcome = Outcome::kNotTcp;

  void skip(size_t bytes) {
    rest = rest.sub(bytes);
    left = left > bytes ? left - static_cast<uint32_t>(bytes) : 0;
  }
  // What lies beyond the next `bytes` is padding or a checksum.
  void end_after(uint32_t bytes) {
    rest = rest.sub(0, bytes);
    left = bytes;
  }
  bool spend() { return budget != 0 && budget-- != 0; }
  Next stop(Outcome why) {
    outcome = why;
    return Next::kDone;
  }
};

// The headers read so far belong to a tunnel: what follows is another packet's. Gives `inner`, or the reason to stop
// where that is one tunnel too many.
Next enter(Cursor& c, PacketView& view, Tunnel tunnel, uint8_t outer_ttl, Next inner);

// Notes which network a tunnel says its packet is of. It becomes part of the flow's key, so only ids count that both
// directions carry and that keep address spaces apart:
//   VXLAN, GENEVE, NVGRE  the virtual network's id. Where a fabric routes between two and names the receiver's in each
//                         direction (RFC 9135 4, asymmetric), a connection shows as two one-sided ones; the other
//                         choice would take two customers' connections for one
//   GRE                   the key, set alike at both ends as a rule (RFC 2890 2.1)
// and not
//   VLAN                  a mirror shows one packet in several, and a router's two sides are two
//   MPLS label            chosen by the receiving router: each direction has its own
//   GTP-U TEID            likewise (TS 29.281 5.1)
//   PPTP call id          likewise (RFC 2637 4.1)
//   PPPoE session         one access concentrator gives out addresses of one space (RFC 2516)
//   ERSPAN session        names the mirror, not the network
// Ids within ids are mixed: the same customer network inside two providers' are two.
void tag_network(PacketView& view, uint32_t id);

// --- inline ---

inline Next enter(Cursor& c, PacketView& view, Tunnel tunnel, uint8_t outer_ttl, Next inner) {
  if (c.tunnels == kMaxTunnels) return c.stop(Outcome::kTooManyTunnels);
  ++c.tunnels;
  view.tunnel = tunnel;
  view.outer_ttl = outer_ttl;
  view.outer = c.ip;
  return inner;
}

inline void tag_network(PacketView& view, uint32_t id) {
  view.network_tag = view.network_tag * 0x9e3779b1U ^ id;  // odd constant: no two outer ids fall together
}

}  // namespace rs::packet
