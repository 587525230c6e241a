// SPDX-License-Identifier: Apache-2.0
//
// Headers to put before a packet, each a function of what it carries, so that nesting reads from the outside in:
//
//   frame(0x0800, ipv4(17, udp(4789, vxlan(5001, inner.bytes))))
//
// For tests only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "tests/packet/segment.h"

namespace rs::test {

using Octets = std::vector<uint8_t>;

// The IP packet of an untagged Ethernet frame.
inline Octets ip_packet(const Packet& p) { return {p.bytes.begin() + 14, p.bytes.end()}; }

inline Octets joined(std::initializer_list<Octets> parts) {
  Octets all;
  for (const Octets& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// `value` as so many big-endian bytes.
inline Octets be(uint64_t value, size_t bytes) {
  Octets out(bytes);
  for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<uint8_t>(value >> (8 * (bytes - 1 - i)));
  return out;
}

// Ethernet II; VLAN tags are be(tpid << 16 | id, 4) before the type, so a tag's carrier is frame(0x8100, …).
inline Octets frame(uint16_t type, const Octets& payload) {
  return joined({{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8}, be(type, 2), payload});
}
inline Octets vlan_tag(uint16_t id, uint16_t type, const Octets& payload) {
  return joined({be(id, 2), be(type, 2), payload});
}

// `fragment`: the whole 16 bits, flags and offset in 8 bytes.
inline Octets ipv4(uint8_t protocol, const Octets& payload, uint8_t ttl = 61, uint16_t fragment = 0x4000) {
  Octets head = joined({be(0x4500, 2),
                        be(20 + payload.size(), 2),
                        be(0x77, 2),
                        be(fragment, 2),
                        be(ttl, 1),
                        be(protocol, 1),
                        be(0, 2),
                        {192, 0, 2, 1},
                        {192, 0, 2, 2}});
  const Octets sum = be(internet_checksum(head.data(), head.size()), 2);
  head[10] = sum[0];
  head[11] = sum[1];
  return joined({head, payload});
}
inline Octets ipv6(uint8_t next, const Octets& payload, uint8_t hop_limit = 59) {
  const Octets site = {0x20, 0x01, 0x0d, 0xb8, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  return joined(
      {be(0x60000000, 4), be(payload.size(), 2), be(next, 1), be(hop_limit, 1), site, {1}, site, {2}, payload});
}

inline Octets udp(uint16_t port, const Octets& payload) {
  return joined({be(51000, 2), be(port, 2), be(8 + payload.size(), 2), be(0, 2), payload});
}

inline Octets vxlan(uint32_t vni, const Octets& ethernet) {
  return joined({be(0x08000000, 4), be(vni << 8, 4), ethernet});
}
// `next`: 1 IPv4, 2 IPv6, 3 Ethernet, 4 NSH.
inline Octets vxlan_gpe(uint32_t vni, uint8_t next, const Octets& payload) {
  return joined({be(0x0c000000U | next, 4), be(vni << 8, 4), payload});
}
// `options` a multiple of 4 bytes.
inline Octets geneve(uint32_t vni, uint16_t type, const Octets& payload, const Octets& options = {}) {
  return joined({be(options.size() / 4, 1), be(0, 1), be(type, 2), be(vni << 8, 4), options, payload});
}
// `extensions`: whole headers after the first one's type `first`; any of the two makes the optional four bytes.
inline Octets gtpu(uint32_t teid, const Octets& packet, uint8_t first = 0, const Octets& extensions = {},
                   bool sequence = false) {
  Octets optional;
  if (first != 0 || sequence) optional = joined({be(7, 2), be(0, 1), be(first, 1), extensions});
  const auto flags = static_cast<uint8_t>(0x30 | (first != 0 ? 4 : 0) | (sequence ? 2 : 0));
  return joined({be(flags, 1), be(255, 1), be(optional.size() + packet.size(), 2), be(teid, 4), optional, packet});
}
// `flags`: the first 16 bits; `fields`: what they announce.
inline Octets gre(uint16_t flags, uint16_t type, const Octets& fields, const Octets& payload) {
  return joined({be(flags, 2), be(type, 2), fields, payload});
}
inline Octets erspan2(const Octets& ethernet) { return joined({be(0x10640000 | 100, 4), be(0x00000005, 4), ethernet}); }
// `tail`: the header's last 16 bits.
inline Octets erspan3(const Octets& payload, uint16_t tail = 0, const Octets& subheader = {}) {
  return joined({be(0x20640000 | 100, 4), be(0x12345678, 4), be(0, 2), be(tail, 2), subheader, payload});
}
// `labels` stack entries, the last with the bottom bit.
inline Octets mpls(size_t labels, const Octets& payload, uint8_t ttl = 250) {
  Octets out;
  for (size_t i = 0; i < labels; ++i)
    out = joined({out, be((16U + i) << 12 | (i + 1 == labels ? 0x100U : 0U) | ttl, 4)});
  return joined({out, payload});
}
inline Octets ppp(uint16_t protocol, const Octets& payload) { return joined({be(protocol, 2), payload}); }
inline Octets pppoe(const Octets& ppp_frame) {
  return joined({be(0x1100, 2), be(0x1234, 2), be(ppp_frame.size(), 2), ppp_frame});
}
// Service path 1, index 255. `next`: 1 IPv4, 2 IPv6, 3 Ethernet.
inline Octets nsh(uint8_t next, const Octets& payload) {
  return joined({be(0x0fc2, 2), be(2, 1), be(next, 1), be(0x1ff, 4), payload});
}
// Any IPv6 extension header of 8 bytes and `more` multiples of 8.
inline Octets extension(uint8_t next, const Octets& payload, uint8_t more = 0) {
  return joined({be(next, 1), be(more, 1), Octets(6U + 8U * more, 0), payload});
}
inline Octets fragment_header(uint8_t next, uint16_t offset_and_more, const Octets& payload) {
  return joined({be(next, 1), be(0, 1), be(offset_and_more, 2), be(0x1234, 4), payload});
}
// An ICMP error quoting `packet`; checksums are not looked at.
inline Octets icmp_error(uint8_t type, uint8_t code, const Octets& packet) {
  return joined({be(type, 1), be(code, 1), be(0, 6), packet});
}

}  // namespace rs::test
