// SPDX-License-Identifier: Apache-2.0
//
// Frames to packet views. Worker thread; bounded work a packet (kMaxHeaders headers, kMaxTunnels tunnels), every
// read checked against the captured bytes. Does not verify checksums: mirrors and offloads make them wrong. Does not
// put fragments together.
#pragma once

#include <array>

#include "dataplane/capture/frame.h"
#include "dataplane/packet/view.h"

namespace rs::packet {

struct ViewBurst {
  std::array<PacketView, capture::kBurst> views;
  std::array<Outcome, capture::kBurst> outcomes;
};

// Parses one frame. On kTracked and kIcmpQuote `view` is filled, otherwise it is unspecified.
Outcome parse_frame(const capture::Frame& frame, PacketView& view);

// Parses a whole burst; outcomes and views are index-aligned with burst.frames.
void parse(const capture::Burst& burst, ViewBurst& out);

}  // namespace rs::packet
