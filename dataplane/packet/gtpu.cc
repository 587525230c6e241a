// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/gtpu.h"

#include "dataplane/packet/ethernet.h"

namespace rs::packet {
namespace {

constexpr size_t kHeader = 8;
constexpr size_t kOptional = 4;  // sequence number, N-PDU number, next extension header; all with any of E, S, PN

// First byte: version (3 bits), protocol type, spare, E, S, PN (TS 29.281 5.1).
constexpr uint8_t kFixedMask = 0xf8;
constexpr uint8_t kFixed = 0x30;  // version 1, GTP and not GTP', spare 0
constexpr uint8_t kAnyOptional = 0x07;
constexpr uint8_t kExtension = 0x04;
constexpr uint8_t kUserPacket = 255;  // message type G-PDU

}  // namespace

Next gtpu(Cursor& c, PacketView& view) {
  if (!c.rest.has(0, kHeader)) return c.left < kHeader ? Next::kNotTcp : c.stop(Outcome::kShortTunnel);
  const uint8_t flags = c.rest.u8(0);
  const uint16_t length = c.rest.be16(2);  // of all behind the header
  if ((flags & kFixedMask) != kFixed || c.rest.u8(1) != kUserPacket) return Next::kNotTcp;
  if (length + kHeader > c.left) return Next::kNotTcp;
  c.skip(kHeader);
  c.end_after(length);
  if ((flags & kAnyOptional) != 0) {
    if (c.left < kOptional) return Next::kNotTcp;
    if (!c.rest.has(0, kOptional)) return c.stop(Outcome::kShortTunnel);
    uint8_t next = (flags & kExtension) != 0 ? c.rest.u8(3) : uint8_t{0};
    c.skip(kOptional);
    // Each: its length in 4 bytes, contents, the next one's type last (5.2.1).
    while (next != 0) {
      if (!c.spend()) return c.stop(Outcome::kTooManyHeaders);
      if (c.rest.empty()) return c.stop(Outcome::kShortTunnel);
      const size_t bytes = static_cast<size_t>(c.rest.u8(0)) * 4;
      if (bytes == 0 || bytes > c.left) return c.stop(Outcome::kBadTunnel);
      if (!c.rest.has(0, bytes)) return c.stop(Outcome::kShortTunnel);
      next = c.rest.u8(bytes - 1);
      c.skip(bytes);
    }
  }
  if (c.rest.empty()) return c.left == 0 ? Next::kNotTcp : c.stop(Outcome::kShortTunnel);
  // The tunnel's set-up, not the packet, says what it carries; IP shows itself.
  if (!plausible_ip(c.rest)) return Next::kNotTcp;
  return enter(c, view, Tunnel::kGtpu, view.ttl, Next::kIp);
}

}  // namespace rs::packet
