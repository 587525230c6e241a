// SPDX-License-Identifier: Apache-2.0
//
// What the parser knows of one packet, and the one outcome every packet ends in. A view points into the frame's
// bytes and lives as long as the burst.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/types.h"

namespace rs::packet {

// Where a received packet ended. Every packet has exactly one; the counters' sum equals what was received.
enum class Outcome : uint8_t {
  kTracked = 0,      // TCP, followed by the tracker
  kIcmpQuote,        // ICMP error quoting a TCP header, handed to the tracker
  kOtherWorker,      // TCP of a flow that another worker keeps
  kMirrorDuplicate,  // a copy the mirror made
  kTableFull,        // no room for a new flow
  kNotIp,            // ARP, STP, LLDP, …
  kNotTcp,           // UDP, ICMP without a TCP quote, …
  kLaterFragment,    // no TCP header in it
  kUnsupportedLink,  // link type we cannot read
  kShortLink,        // cut or lying link-layer header
  kBadIpv4,          // version, header length or total length impossible
  kBadIpv6,
  kTooManyHeaders,  // more VLAN tags or extension headers than kMaxHeaders
  kBadTcp,          // data offset impossible
  kShortTcp,        // captured too short for the TCP header
};
inline constexpr size_t kOutcomeCount = 15;
inline constexpr std::array<std::string_view, kOutcomeCount> kOutcomeNames = {
    "tracked",  "icmp_quote", "other_worker",     "mirror_duplicate", "table_full",
    "not_ip",   "not_tcp",    "later_fragment",   "unsupported_link", "short_link",
    "bad_ipv4", "bad_ipv6",   "too_many_headers", "bad_tcp",          "short_tcp"};

// TCP header flags (RFC 9293 3.1).
inline constexpr uint8_t kFin = 0x01;
inline constexpr uint8_t kSyn = 0x02;
inline constexpr uint8_t kRst = 0x04;
inline constexpr uint8_t kPsh = 0x08;
inline constexpr uint8_t kAck = 0x10;

// TCP options seen, one bit each.
inline constexpr uint8_t kOptMss = 0x01;
inline constexpr uint8_t kOptWindowScale = 0x02;
inline constexpr uint8_t kOptSackPermitted = 0x04;
inline constexpr uint8_t kOptSack = 0x08;
inline constexpr uint8_t kOptTimestamps = 0x10;
inline constexpr uint8_t kOptMptcp = 0x20;
inline constexpr uint8_t kOptOther = 0x40;
inline constexpr uint8_t kOptMalformed = 0x80;

struct PacketView {
  TimeNs time = 0;
  IpAddr src;
  IpAddr dst;
  uint16_t src_port = 0;  // host order
  uint16_t dst_port = 0;
  uint32_t network_tag = 0;
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint32_t tsval = 0;  // valid with kOptTimestamps
  uint32_t tsecr = 0;
  uint32_t flow_label = 0;     // IPv6, 20 bits
  uint32_t payload_bytes = 0;  // by the IP header, whether captured or not
  Bytes payload;               // what was captured of it
  Bytes options;               // TCP options
  uint16_t window = 0;         // raw field
  uint16_t ip_id = 0;          // IPv4
  uint16_t tcp_checksum = 0;
  uint16_t mss = 0;
  uint8_t flags = 0;
  uint8_t ttl = 0;  // or hop limit
  uint8_t tos = 0;  // or traffic class
  uint8_t opts = 0;
  uint8_t window_scale = 0;
  uint8_t mptcp_reason = 0;  // MP_TCPRST reason + 1 (RFC 8684 3.6), 0 none
  bool mptcp_fastclose = false;
  bool ipv6 = false;
  bool df = false;
  bool exact_time = false;  // see capture::Frame
  // ICMP quote: the fields above are the quoted packet's; the ICMP sender and its type and code stand here.
  bool icmp = false;
  uint8_t icmp_type = 0;
  uint8_t icmp_code = 0;
  IpAddr icmp_src;

  [[nodiscard]] bool has(uint8_t flag) const { return (flags & flag) != 0; }
  // Sequence number after this segment; SYN and FIN take one each (RFC 9293 3.4).
  [[nodiscard]] uint32_t seq_end() const {
    return seq + payload_bytes + ((flags & kSyn) != 0 ? 1U : 0U) + ((flags & kFin) != 0 ? 1U : 0U);
  }
};

}  // namespace rs::packet
