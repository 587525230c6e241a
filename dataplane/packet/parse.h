// SPDX-License-Identifier: Apache-2.0
//
// Frames to packet views. Worker thread; bounded work a packet (kMaxHeaders headers, kMaxTunnels tunnels), every
// read checked against the captured bytes. Does not verify checksums: mirrors and offloads make them wrong. Does not
// put fragments together.
#pragma once

#include <array>

#include "dataplane/capture/frame.h"
#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/ipv6.h"
#include "dataplane/packet/tcp.h"
#include "dataplane/packet/view.h"

namespace rs::packet {

struct ViewBurst {
  std::array<PacketView, capture::kBurst> views;
  std::array<Outcome, capture::kBurst> outcomes;
};

// Parses one frame. On kTracked and kIcmpQuote `view` is filled, otherwise it is unspecified.
inline Outcome parse_frame(const capture::Frame& frame, PacketView& view);

// Parses a whole burst; outcomes and views are index-aligned with burst.frames.
void parse(const capture::Burst& burst, ViewBurst& out);

// The long way: header by header from `next` on, to TCP or a reason to stop.
Outcome walk(Next next, Cursor c, PacketView& view);
// From the first header of a link type other than Ethernet.
Outcome walk_from_link(capture::LinkType link, Cursor c, PacketView& view);

// --- inline ---

// Nearly every packet is Ethernet, IP, TCP: its headers are read here, in line with what makes the flow's key of them.
// A key built from a view written elsewhere waits for the core's store queue; 25 cycles a packet, measured.
[[gnu::always_inline]] inline Outcome parse_frame(const capture::Frame& frame, PacketView& view) {
  view.time = frame.time;
  view.exact_time = frame.exact_time;
  view.network_tag = 0;
  view.tunnel = Tunnel::kNone;
  view.outer_ttl = 0;
  view.outer = {};
  Cursor c;
  c.rest = Bytes(frame.data, frame.captured_bytes);
  c.left = frame.wire_bytes;
  if (frame.link != capture::LinkType::kEthernet) [[unlikely]]
    return walk_from_link(frame.link, c, view);
  if (!c.rest.has(0, kEthernetHeader)) [[unlikely]]
    return Outcome::kShortLink;
  const uint16_t type = c.rest.be16(12);
  c.skip(kEthernetHeader);
  if (type != kTypeIpv4) {  // by value: the plain packet's cursor stays in registers
    Cursor other = c;
    const Next next = type == kTypeIpv6 ? ipv6(other, view) : by_ethertype(type);
    return walk(next, other, view);
  }
  const Next next = ipv4(c, view);
  if (next == Next::kTcp) [[likely]]
    return parse_tcp(c.rest, c.left, view);
  return walk(next, c, view);
}

}  // namespace rs::packet
