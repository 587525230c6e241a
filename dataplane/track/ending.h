// SPDX-License-Identifier: Apache-2.0
//
// Everything measured about one ending, before anyone judges it: the connection as it stood when the ending began,
// the RSTs themselves, and what happened until the settle time was over. Filled by the tracker (worker thread),
// read by attribute(). Plain values; no opinion.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "dataplane/flow/record.h"
#include "dataplane/packet/view.h"
#include "dataplane/track/heads.h"
#include "dataplane/track/neighbours.h"
#include "dataplane/track/norms.h"

namespace rs::track {

enum class EndKind : uint8_t {
  kRst = 0,
  kSynTimeout,     // SYN, perhaps repeated, and no answer
  kSynAckTimeout,  // SYN-ACK, perhaps repeated, and the handshake never completed
  kSilence,        // data repeated without answer, then nothing
  kIcmp,           // an ICMP error quoted the connection
};

// What made a SYN.
enum class SynTool : uint8_t { kSystem = 0, kNmap = 1, kMasscan = 2, kZmap = 3, kBare = 4 };

struct RstSeen {
  TimeNs time = 0;
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint32_t tsval = 0;
  uint32_t flow_label = 0;
  int32_t seq_minus_next = 0;       // against the claimed sender's highest sequence end before this RST
  int32_t seq_minus_peer_ack = 0;   // against the peer's highest acknowledgement
  int32_t ack_minus_peer_next = 0;  // against the peer's highest sequence end; 0 without ACK flag
  int32_t ip_id_delta = 0;          // against the claimed sender's previous packet
  uint32_t reaction_us = 0;         // since the peer's latest packet, saturating
  uint16_t window = 0;
  uint16_t ip_id = 0;
  uint16_t payload_bytes = 0;
  uint8_t flags = 0;
  uint8_t ttl = 0;
  uint8_t tos = 0;
  uint8_t opts = 0;
  flow::End from = flow::End::kLo;
  bool df = false;
  bool exact_time = false;  // its time is good to microseconds
  uint8_t mptcp = 0;        // MP_TCPRST reason + 1, or 255 for MP_FASTCLOSE
};

// Packets of one end after the first RST.
struct After {
  uint32_t first_us = 0;  // from the first RST, saturating
  uint32_t last_us = 0;
  uint16_t pkts = 0;      // without RST
  uint16_t new_data = 0;  // beyond everything sent before
  uint16_t repeats = 0;   // data or FIN sent again
  uint16_t pure_acks = 0;
  bool newer_timestamp = false;  // TSval beyond that of its packets before the RST
  bool answered_other = false;   // spoke after the other end had spoken after the RST
};

inline constexpr size_t kMaxRsts = 4;

// What is known of the ending itself; the connection it ends and its RSTs stand in Ending.
struct EndingHead {
  std::array<After, 2> after{};         // by flow::End
  std::array<uint16_t, 2> rst_count{};  // by flow::End
  flow::Heads heads;                    // lengths stand in dir[].head_len; see track/heads.h
  HeadBytes rst_text{};                 // payload of the first RST that carries some
  TimeNs time = 0;                      // of the ending: first RST, ICMP, or the moment of giving up
  TimeNs deadline = 0;                  // when it is judged
  IpAddr icmp_src;
  HostNorm norm;                // of the first RST's claimed sender, from its other connections
  Around around;                // as of the moment it is judged
  uint32_t flow = flow::kNone;  // index while it is gathered
  uint32_t next_free = flow::kNone;
  uint32_t ticket = 0;   // of its place in the waiting line; 0 when not waiting
  uint32_t idle_ms = 0;  // silence before the ending, or before the packet that drew it
  EndKind kind = EndKind::kRst;
  uint8_t icmp_type = 0;
  uint8_t icmp_code = 0;
  uint8_t outer_ttl = 0;  // of the tunnel that carried the first RST or the ICMP error
  packet::Tunnel tunnel = packet::Tunnel::kNone;
  uint8_t rsts = 0;  // entries of rst[]
  uint8_t rst_text_len = 0;
  bool settled = false;            // false: judged before its deadline
  bool crowded = false;            // judged early for want of room
  bool syn_ack_after_rst = false;  // the genuine SYN-ACK came after the RST
  bool survived = false;           // both ends went on talking: the RST took no effect
  bool challenge_ack = false;      // the RST's receiver answered it with an ACK (RFC 5961 3.2)
  bool lossy = false;              // packets were lost while the connection was watched
};

struct Ending : EndingHead {
  flow::FlowHot hot;                     // as of the ending's first packet, that packet excluded
  std::array<flow::Direction, 2> dir{};  // by flow::End
  flow::FlowCold cold;
  std::array<RstSeen, kMaxRsts> rst{};  // the first ones, `rsts` of them

  // Fresh for another use. Of the RSTs only the first is cleared: in a storm clearing costs as much as all else.
  void reset() {
    static_cast<EndingHead&>(*this) = {};
    rst[0] = {};
  }
  [[nodiscard]] flow::End client() const {
    return (hot.marks & flow::kClientIsHi) != 0 ? flow::End::kHi : flow::End::kLo;
  }
  // Packets since the latest silence of at least a second, the one that ended it included.
  [[nodiscard]] uint32_t since_gap() const { return (dir[0].pkts + dir[1].pkts - cold.gap_pkts()) & 0xffffff; }
  [[nodiscard]] const flow::Direction& of(flow::End e) const { return dir[static_cast<size_t>(e)]; }
};
static_assert(std::is_trivially_copyable_v<Ending>);

}  // namespace rs::track
