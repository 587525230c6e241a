// SPDX-License-Identifier: Apache-2.0
//
// TCP header and options (RFC 9293 3.1, RFC 7323 timestamps and window scale, RFC 8684 MPTCP).
#pragma once

#include "dataplane/packet/view.h"

namespace rs::packet {

inline constexpr size_t kTcpHeader = 20;

// `segment` starts at the TCP header and holds what was captured; `segment_bytes` is its length by the IP
// header. Fills ports, sequence, flags, options and payload of `view`.
inline Outcome parse_tcp(Bytes segment, uint32_t segment_bytes, PacketView& view);
// Any option block.
void parse_options(Bytes options, PacketView& view);

// --- inline ---

// The commonest option block, timestamps after two NOPs, is read without the loop.
[[gnu::always_inline]] inline void take_options(Bytes options, PacketView& view) {
  if (options.size() == 12 && options.be32(0) == 0x0101080a) {
    view.opts = kOptTimestamps;
    view.tsval = options.be32(4);
    view.tsecr = options.be32(8);
  } else if (!options.empty()) {
    parse_options(options, view);
  }
}

inline Outcome parse_tcp(Bytes segment, uint32_t segment_bytes, PacketView& view) {
  if (segment_bytes < kTcpHeader) return Outcome::kBadTcp;
  if (!segment.has(0, kTcpHeader)) return Outcome::kShortTcp;
  const size_t header = static_cast<size_t>(segment.u8(12) >> 4) * 4;
  if (header < kTcpHeader || header > segment_bytes) return Outcome::kBadTcp;
  view.src_port = segment.be16(0);
  view.dst_port = segment.be16(2);
  view.seq = segment.be32(4);
  view.ack = segment.be32(8);
  view.flags = segment.u8(13) & 0x3f;
  view.window = segment.be16(14);
  view.tcp_checksum = segment.be16(16);
  view.opts = 0;
  view.tsval = 0;  // part of what recognises a mirror's copy, with the option or without
  view.tsecr = 0;
  view.window_scale = 0;
  view.mss = 0;
  view.mptcp_reason = 0;
  view.mptcp_fastclose = false;
  const Bytes options = segment.sub(kTcpHeader, header - kTcpHeader);
  take_options(options, view);
  // Captured too short for all of them: not the same as having none.
  if (options.size() < header - kTcpHeader) view.opts |= kOptMalformed;
  view.payload_bytes = segment_bytes - static_cast<uint32_t>(header);
  view.payload = segment.sub(header, view.payload_bytes);
  return Outcome::kTracked;
}

}  // namespace rs::packet
