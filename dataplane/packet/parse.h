// SPDX-License-Identifier: Apache-2.0
//
// Frames to packet views. Worker thread; bounded work a packet (kMaxHeaders headers, kMaxTunnels tunnels), every
// read checked against the captured bytes. Does not verify checksums: mirrors and offloads make them wrong. Does not
// put fragments together.
#pragma once

#include <array>

#include "dataplane/capture/frame.h"
#include "dataplane/packet/plain.h"
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

// The long way, for any frame: header by header to TCP or a reason to stop.
Outcome parse_any(const capture::Frame& frame, PacketView& view);

// --- inline ---

// A key built from a view written elsewhere waits for the core's store queue; 25 cycles a packet, measured.
[[gnu::always_inline]] inline Outcome parse_frame(const capture::Frame& frame, PacketView& view) {
  if (parse_plain(frame, view)) [[likely]]
    return Outcome::kTracked;
  return parse_any(frame, view);
}

}  // namespace rs::packet
