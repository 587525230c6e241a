// SPDX-License-Identifier: Apache-2.0
//
// Writes one Ethernet + IPv4 + TCP frame with right checksums, fast enough to make millions a second. Shared by the
// capture writer and the in-memory benches. tests/packet has the convenient builder; this is the quick one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "dataplane/base/types.h"
#include "dataplane/packet/view.h"

namespace rs::perf {

inline constexpr size_t kMaxSegment = 1460;  // MSS on Ethernet without options
inline constexpr size_t kHeaders = 14 + 20 + 20;
inline constexpr size_t kMinFrame = 60;  // 64 on the wire with its checksum; shorter ones are padded

// A full segment's worth of payload that starts like a message, with the checksum sum of each prefix.
struct Payload {
  explicit Payload(std::string_view head) {
    bytes.fill('x');
    std::memcpy(bytes.data(), head.data(), head.size());
    for (size_t n = 0; n < kMaxSegment; ++n)
      sums[n + 1] = sums[n] + (n % 2 == 0 ? uint32_t{bytes[n]} << 8 : uint32_t{bytes[n]});
  }
  std::array<uint8_t, kMaxSegment> bytes{};
  std::array<uint32_t, kMaxSegment + 1> sums{};
};

// Host byte order throughout.
struct Segment {
  uint32_t src_ip = 0;
  uint32_t dst_ip = 0;
  uint16_t src_port = 0;
  uint16_t dst_port = 0;
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint16_t window = 502;
  uint16_t ip_id = 0;
  uint8_t flags = 0;
  uint8_t ttl = 64;
  uint8_t option_bytes = 0;  // a multiple of 4
  const uint8_t* options = nullptr;
  const Payload* payload = nullptr;  // may be null when payload_bytes is 0
  size_t payload_bytes = 0;
};

// Writes the frame and returns its length without padding; `out` has room for kHeaders, options and payload.
size_t write_frame(uint8_t* out, const Segment& s);

// --- inline ---

inline void put16(uint8_t* at, uint32_t v) {
  const Be16 be = Be16::from_host(static_cast<uint16_t>(v));
  std::memcpy(at, &be, 2);
}
inline void put32(uint8_t* at, uint32_t v) {
  const Be32 be = Be32::from_host(v);
  std::memcpy(at, &be, 4);
}
inline uint32_t halves(uint32_t v) { return (v >> 16) + (v & 0xffff); }
inline uint32_t fold(uint64_t sum) {
  while ((sum >> 16) != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint32_t>(sum);
}

inline size_t write_frame(uint8_t* out, const Segment& s) {
  const size_t tcp_bytes = 20U + s.option_bytes + s.payload_bytes;
  static constexpr std::array<uint8_t, 14> kEthernet = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
  std::memcpy(out, kEthernet.data(), 14);

  uint8_t* ip = out + 14;
  static constexpr std::array<uint8_t, 12> kIpv4 = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 0, 6, 0, 0};
  std::memcpy(ip, kIpv4.data(), 12);
  const auto total = static_cast<uint32_t>(20 + tcp_bytes);
  put16(ip + 2, total);
  put16(ip + 4, s.ip_id);
  ip[8] = s.ttl;
  put32(ip + 12, s.src_ip);
  put32(ip + 16, s.dst_ip);
  const uint32_t addresses = halves(s.src_ip) + halves(s.dst_ip);
  put16(ip + 10, ~fold(0x4500U + total + s.ip_id + 0x4000U + (uint32_t{s.ttl} << 8 | 6U) + addresses));

  uint8_t* tcp = ip + 20;
  const uint32_t offset_flags = static_cast<uint32_t>((20U + s.option_bytes) / 4 << 12) | s.flags;
  put16(tcp, s.src_port);
  put16(tcp + 2, s.dst_port);
  put32(tcp + 4, s.seq);
  put32(tcp + 8, s.ack);
  put16(tcp + 12, offset_flags);
  put16(tcp + 14, s.window);
  put32(tcp + 16, 0);
  uint64_t sum =
      addresses + 6U + tcp_bytes + s.src_port + s.dst_port + halves(s.seq) + halves(s.ack) + offset_flags + s.window;
  for (size_t i = 0; i < s.option_bytes; i += 2) sum += uint32_t{s.options[i]} << 8 | s.options[i + 1];
  if (s.option_bytes != 0) std::memcpy(tcp + 20, s.options, s.option_bytes);
  if (s.payload_bytes != 0) {
    std::memcpy(tcp + 20 + s.option_bytes, s.payload->bytes.data(), s.payload_bytes);
    sum += s.payload->sums[s.payload_bytes];
  }
  put16(tcp + 16, ~fold(sum));
  return 34 + tcp_bytes;
}

}  // namespace rs::perf
