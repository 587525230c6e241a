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

// Where a received packet ended. Every packet has exactly one; the counters' sum equals what was received. What is
// said of a header holds for inner ones too: ARP inside VXLAN is not_ip.
enum class Outcome : uint8_t {
  kTracked = 0,      // TCP, followed by the tracker
  kIcmpQuote,        // ICMP error quoting a TCP header, handed to the tracker
  kOtherWorker,      // TCP of a flow that another worker keeps
  kMirrorDuplicate,  // a copy the mirror made
  kTableFull,        // no room for a new flow
  kNotIp,            // ARP, STP, LLDP, …
  kNotTcp,           // UDP, ICMP without a TCP quote, …
  kLaterFragment,    // an IP fragment without the headers that the first one carries
  kEncrypted,        // ESP or PPP encryption: TCP or not, nobody on the path can tell
  kUnsupportedLink,  // link type we cannot read
  kShortLink,        // cut or lying link-layer header
  kShortIp,          // captured too short for the IP header
  kShortTunnel,      // captured too short for a tunnel's header
  kBadIpv4,          // version, header length or total length impossible
  kBadIpv6,
  kBadTunnel,       // a tunnel header that contradicts itself
  kTooManyHeaders,  // more headers, tags and labels than kMaxHeaders
  kTooManyTunnels,  // nested deeper than kMaxTunnels
  kBadTcp,          // data offset impossible
  kShortTcp,        // captured too short for the TCP header
};
inline constexpr size_t kOutcomeCount = 20;
inline constexpr std::array<std::string_view, kOutcomeCount> kOutcomeNames = {
    "tracked",        "icmp_quote", "other_worker",     "mirror_duplicate", "table_full", "not_ip",       "not_tcp",
    "later_fragment", "encrypted",  "unsupported_link", "short_link",       "short_ip",   "short_tunnel", "bad_ipv4",
    "bad_ipv6",       "bad_tunnel", "too_many_headers", "too_many_tunnels", "bad_tcp",    "short_tcp"};
static_assert(static_cast<size_t>(Outcome::kShortTcp) + 1 == kOutcomeCount);

// What carried the connection's packet; of nested ones the innermost. Numbers are those of the fact `tunnelled` in
// event.fbs: append.
enum class Tunnel : uint8_t {
  kNone = 0,
  kMpls,
  kPppoe,
  kIpInIp,  // any of IPv4 and IPv6 in any
  kGre,
  kNvgre,  // also transparent Ethernet bridging over GRE
  kErspan,
  kVxlan,
  kVxlanGpe,
  kGeneve,
  kGtpu,
};

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
inline constexpr uint8_t kOptMalformed = 0x80;  // or cut off by the capture: there may be more

struct PacketView {
  TimeNs time = 0;
  IpAddr src;
  IpAddr dst;
  // From here to `opts` in the order of the TCP header: plain.h turns it in one piece.
  uint16_t src_port = 0;  // host order
  uint16_t dst_port = 0;
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint16_t window = 0;  // raw field
  uint8_t flags = 0;
  uint8_t opts = 0;
  uint32_t payload_bytes = 0;  // by the IP header, whether captured or not
  uint16_t ip_id = 0;          // IPv4
  uint16_t tcp_checksum = 0;
  Bytes payload;    // what was captured of it
  uint8_t ttl = 0;  // or hop limit
  uint8_t tos = 0;  // or traffic class
  bool df = false;
  bool exact_time = false;  // see capture::Frame
  // Nothing of a plain packet from here on.
  uint32_t tsval = 0;  // valid with kOptTimestamps
  uint32_t tsecr = 0;
  uint32_t network_tag = 0;  // see layer.h, tag_network
  Bytes outer;               // IP header of the innermost tunnel, empty without one; see outer_ends
  uint32_t flow_label = 0;   // IPv6, 20 bits
  uint16_t mss = 0;
  uint8_t window_scale = 0;
  uint8_t mptcp_reason = 0;  // MP_TCPRST reason + 1 (RFC 8684 3.6), 0 none
  bool mptcp_fastclose = false;
  bool ipv6 = false;
  Tunnel tunnel = Tunnel::kNone;
  uint8_t outer_ttl = 0;  // of that tunnel's own header: IP or, for kMpls, the top label; 0 where it has none
  // ICMP quote: the fields above are the quoted packet's; the ICMP sender and its type and code stand here.
  bool icmp = false;
  uint8_t icmp_type = 0;
  uint8_t icmp_code = 0;
  IpAddr icmp_src;

  [[nodiscard]] bool has(uint8_t flag) const { return (flags & flag) != 0; }
  // The two ends of the innermost tunnel that runs over IP; false without one.
  bool outer_ends(IpAddr& from, IpAddr& to) const;
  // Sequence number after this segment; SYN and FIN take one each (RFC 9293 3.4).
  [[nodiscard]] uint32_t seq_end() const {
    return seq + payload_bytes + ((flags & kSyn) != 0 ? 1U : 0U) + ((flags & kFin) != 0 ? 1U : 0U);
  }
};
static_assert(sizeof(PacketView) <= 144);

// --- inline ---

inline bool PacketView::outer_ends(IpAddr& from, IpAddr& to) const {
  if (outer.has(0, 40) && outer.u8(0) >> 4 == 6) {
    from = IpAddr::v6(outer.data() + 8);
    to = IpAddr::v6(outer.data() + 24);
    return true;
  }
  if (!outer.has(0, 20)) return false;
  from = IpAddr::v4(outer.data() + 12);
  to = IpAddr::v4(outer.data() + 16);
  return true;
}

}  // namespace rs::packet
