// SPDX-License-Identifier: Apache-2.0
//
// The short way for what nearly all frames are: TCP over IPv4 without options, straight on Ethernet, its headers
// whole. Says of such a frame what parse.h says, and leaves every other to it; parse_test.cc and the fuzzer hold the
// two against each other. Worker thread.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "dataplane/capture/frame.h"
#include "dataplane/packet/ethernet.h"
#include "dataplane/packet/ipv4.h"
#include "dataplane/packet/tcp.h"
#include "dataplane/packet/view.h"

namespace rs::packet {

// False: not that plain, and the view holds nothing. True: Outcome::kTracked.
inline bool parse_plain(const capture::Frame& frame, PacketView& view);

// --- inline ---

[[gnu::always_inline]] inline bool parse_plain(const capture::Frame& frame, PacketView& view) {
  constexpr size_t kIp = kEthernetHeader;
  constexpr size_t kTcp = kIp + kIpv4Header;
  constexpr size_t kHeaders = kTcp + kTcpHeader;
  const uint8_t* const p = frame.data;
  if (static_cast<unsigned>(frame.link != capture::LinkType::kEthernet) |
      static_cast<unsigned>(frame.captured_bytes < kHeaders)) [[unlikely]]
    return false;
  const auto be16 = [p](size_t at) {
    Be16 v;
    std::memcpy(&v, p + at, sizeof(v));
    return v.host();
  };
  const uint32_t total = be16(kIp + 2);
  const uint16_t fragment = be16(kIp + 6);
  const uint32_t header = static_cast<uint32_t>(p[kTcp + 12] >> 4) * 4;
  const uint32_t captured = frame.captured_bytes - static_cast<uint32_t>(kTcp);  // of the segment, and padding
  // Each alone holds for nearly every frame: one test is one prediction.
  const unsigned other = static_cast<unsigned>(be16(12) ^ kTypeIpv4) | (p[kIp] ^ 0x45U) | (p[kIp + 9] ^ kProtoTcp) |
                         (fragment & static_cast<unsigned>(kFragmentOffset)) |
                         static_cast<unsigned>(header < kTcpHeader) | static_cast<unsigned>(header > captured) |
                         static_cast<unsigned>(total < kIpv4Header + header);
  if (other != 0) [[unlikely]]
    return false;
  // The TCP header's first 16 bytes are the view's from the ports on, each field turned to host order.
  static_assert(offsetof(PacketView, seq) == offsetof(PacketView, src_port) + 4);
  static_assert(offsetof(PacketView, ack) == offsetof(PacketView, src_port) + 8);
  static_assert(offsetof(PacketView, window) == offsetof(PacketView, src_port) + 12);
  static_assert(offsetof(PacketView, flags) == offsetof(PacketView, src_port) + 14);
  static_assert(offsetof(PacketView, opts) == offsetof(PacketView, src_port) + 15);
  const __m128i turn = _mm_setr_epi8(1, 0, 3, 2, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, -1);
  const __m128i kept = _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0x3f, -1);
  __m128i tcp;
  std::memcpy(&tcp, p + kTcp, sizeof(tcp));
  tcp = _mm_and_si128(_mm_shuffle_epi8(tcp, turn), kept);
  std::memcpy(&view.src_port, &tcp, sizeof(tcp));
  view.src = IpAddr::v4(p + kIp + 12);
  view.dst = IpAddr::v4(p + kIp + 16);
  view.time = frame.time;
  view.exact_time = frame.exact_time;
  view.ip_id = be16(kIp + 4);
  view.tcp_checksum = be16(kTcp + 16);
  view.tos = p[kIp + 1];
  view.ttl = p[kIp + 8];
  view.df = (fragment & kDontFragment) != 0;
  view.outer = {};
  view.network_tag = 0;
  view.flow_label = 0;
  view.tsval = 0;
  view.tsecr = 0;
  view.mss = 0;
  view.window_scale = 0;
  view.mptcp_reason = 0;
  view.mptcp_fastclose = false;
  view.ipv6 = false;
  view.icmp = false;
  view.tunnel = Tunnel::kNone;
  view.outer_ttl = 0;
  take_options(Bytes(p + kHeaders, header - kTcpHeader), view);
  view.payload_bytes = total - static_cast<uint32_t>(kIpv4Header) - header;
  view.payload = Bytes(p + kTcp + header, std::min(view.payload_bytes, captured - header));
  return true;
}

}  // namespace rs::packet
