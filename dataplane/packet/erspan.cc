// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/erspan.h"

namespace rs::packet {
namespace {

constexpr size_t kHeader2 = 8;
constexpr size_t kHeader3 = 12;
constexpr size_t kSubheader = 8;  // platform specific, of type III

// Type III, last 16 bits: P, frame type (5 bits), hardware id, direction, granularity, O.
constexpr uint16_t kOptional = 0x0001;
constexpr unsigned kFrameTypeShift = 10;
constexpr uint16_t kFrameEthernet = 0;
constexpr uint16_t kFrameIp = 2;

}  // namespace

Next erspan2(Cursor& c) {
  if (!c.rest.has(0, kHeader2)) return c.stop(Outcome::kShortTunnel);
  if (c.rest.u8(0) >> 4 != 1) return c.stop(Outcome::kBadTunnel);
  c.skip(kHeader2);
  return Next::kEthernet;
}

Next erspan3(Cursor& c) {
  if (!c.rest.has(0, kHeader3)) return c.stop(Outcome::kShortTunnel);
  if (c.rest.u8(0) >> 4 != 2) return c.stop(Outcome::kBadTunnel);
  const uint16_t tail = c.rest.be16(10);
  const uint16_t frame_type = tail >> kFrameTypeShift & 0x1f;
  const size_t length = kHeader3 + ((tail & kOptional) != 0 ? kSubheader : 0);
  if (!c.rest.has(0, length)) return c.stop(Outcome::kShortTunnel);
  c.skip(length);
  if (frame_type == kFrameEthernet) return Next::kEthernet;
  return frame_type == kFrameIp ? Next::kIp : Next::kNotIp;
}

}  // namespace rs::packet
