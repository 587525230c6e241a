// SPDX-License-Identifier: Apache-2.0
//
// Packets as a capture file: classic pcap with nanosecond stamps (draft-ietf-opsawg-pcap), this machine's byte order.
// For tests only.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "dataplane/base/types.h"
#include "tests/packet/segment.h"

namespace rs::test {

inline constexpr uint32_t kPcapNanoMagic = 0xa1b23c4d;
inline constexpr uint32_t kLinkEthernet = 1;  // LINKTYPE_ETHERNET

inline void append_u32(std::vector<uint8_t>& out, uint32_t v) {
  uint8_t raw[4];
  std::memcpy(raw, &v, sizeof v);
  out.insert(out.end(), raw, raw + sizeof raw);
}

inline std::vector<uint8_t> pcap_bytes(const std::vector<Packet>& packets, uint32_t link = kLinkEthernet) {
  std::vector<uint8_t> out;
  append_u32(out, kPcapNanoMagic);
  append_u32(out, 2 | 4 << 16);  // version 2.4
  append_u32(out, 0);
  append_u32(out, 0);
  append_u32(out, 262144);  // snap length, tcpdump's default
  append_u32(out, link);
  for (const Packet& packet : packets) {
    append_u32(out, static_cast<uint32_t>(packet.time / kSecond));
    append_u32(out, static_cast<uint32_t>(packet.time % kSecond));
    append_u32(out, static_cast<uint32_t>(packet.bytes.size()));
    append_u32(out, packet.wire_bytes);
    out.insert(out.end(), packet.bytes.begin(), packet.bytes.end());
  }
  return out;
}

// False when the file cannot be written whole.
[[nodiscard]] inline bool write_pcap(const std::string& path, const std::vector<Packet>& packets,
                                     uint32_t link = kLinkEthernet) {
  const std::vector<uint8_t> bytes = pcap_bytes(packets, link);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  for (const uint8_t byte : bytes) file.put(static_cast<char>(byte));
  file.close();
  return file.good();
}

}  // namespace rs::test
