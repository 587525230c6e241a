// SPDX-License-Identifier: Apache-2.0
//
// What is remembered of a connection, split by use: FlowHot and one Direction are touched by each packet, FlowCold
// by handshakes, FINs and silences, Heads by the first payload after a change of direction. Written and read by the
// one worker that owns the table. Budget: 384 bytes a flow, all included (Table::bytes_per_flow).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "dataplane/base/types.h"
#include "dataplane/flow/key.h"

namespace rs::flow {

inline constexpr uint32_t kNone = UINT32_MAX;

// How far the handshake has come (RFC 9293 3.3.2, as an observer sees it).
enum class State : uint8_t {
  kFree = 0,
  kSynSent,      // SYN seen, no answer
  kSynAckSeen,   // SYN-ACK seen, not acknowledged
  kEstablished,  // handshake acknowledged, or joined midway
  kClosing,      // one FIN
  kClosed,       // both FINs, or a settled RST: kept for late packets until the timer
};

// Marks of a flow.
inline constexpr uint16_t kClientKnown = 0x0001;  // a SYN or SYN-ACK told who the client is
inline constexpr uint16_t kClientIsHi = 0x0002;
inline constexpr uint16_t kMidstream = 0x0004;  // start not seen
inline constexpr uint16_t kReported = 0x0008;   // an ending of this connection was already sent
inline constexpr uint16_t kSawHandshakeAck = 0x0010;
inline constexpr uint16_t kCountedEstablished = 0x0020;
inline constexpr uint16_t kIpv6 = 0x0040;
inline constexpr uint16_t kLastDataIsHi = 0x0080;  // who sent the latest new data
inline constexpr uint16_t kAnyData = 0x0100;
inline constexpr uint16_t kSynAckResent = 0x0200;
inline constexpr uint16_t kDuplicates = 0x0400;      // the mirror shows packets twice
inline constexpr uint16_t kSynOnLive = 0x0800;       // a new SYN hit this live connection
inline constexpr uint16_t kBytesCounted = 0x1000;    // bytes already in the service's denominators
inline constexpr uint16_t kWasReset = 0x4000;        // it ended by a RST
inline constexpr uint16_t kAckAfterResent = 0x2000;  // the SYN-ACK came again although the client had acknowledged
inline constexpr uint16_t kSynAckWrong = 0x8000;     // a SYN-ACK acknowledged what the client had not sent

// Bits of FlowHot::quick: what a packet must know of both directions without touching the other's cache line.
inline constexpr uint8_t kLoStarted = 0x01;
inline constexpr uint8_t kHiStarted = 0x02;
inline constexpr uint8_t kLoOutstanding = 0x04;  // has repeats or probes without an answer
inline constexpr uint8_t kHiOutstanding = 0x08;
inline constexpr uint8_t kLatestHasData = 0x10;  // the latest packet
inline constexpr uint8_t kLatestIsHi = 0x20;
// Until it is established:
inline constexpr uint8_t kSimultaneous = 0x40;  // both ends sent a SYN (RFC 9293 3.5)
inline constexpr uint8_t kAfterClose = 0x80;    // the connection before on these ports was closed by both FINs

struct alignas(64) FlowHot {
  FlowKey key;
  TimeNs last_ns = 0;           // latest packet
  uint32_t last_end = 0;        // its sequence end
  uint32_t timer_next = kNone;  // list of the timer wheel's slot
  uint32_t ending = kNone;      // index of the evidence being gathered after a RST
  uint16_t marks = 0;
  State state = State::kFree;
  uint8_t quick = 0;

  // `ending`, `marks`, `state` and `quick` as one word, and what that word is for given values: one comparison.
  [[nodiscard]] uint64_t standing() const;
  static constexpr uint64_t standing(uint32_t ending, uint16_t marks, uint8_t state, uint8_t quick) {
    return ending | uint64_t{marks} << 32 | uint64_t{state} << 48 | uint64_t{quick} << 56;
  }
};
static_assert(sizeof(FlowHot) == 64 && alignof(FlowHot) == 64);

inline uint64_t FlowHot::standing() const {
  static_assert(offsetof(FlowHot, ending) == 56 && offsetof(FlowHot, marks) == 60 && offsetof(FlowHot, state) == 62 &&
                offsetof(FlowHot, quick) == 63);
  const void* const self = this;
  uint64_t word = 0;
  std::memcpy(&word, static_cast<const uint8_t*>(self) + 56, sizeof(word));
  return word;
}

// Bits of Direction::bits.
inline constexpr uint8_t kFinSent = 0x01;
inline constexpr uint8_t kZeroWindow = 0x02;  // its latest window was 0
inline constexpr uint8_t kIdZero = 0x04;      // has sent IPv4 ID 0 on a non-SYN packet
inline constexpr uint8_t kIdCounts = 0x08;    // IPv4 ID grew by 1..64 at least once
inline constexpr uint8_t kIdJumps = 0x10;     // … or jumped at least once
inline constexpr uint8_t kDfClear = 0x20;     // has sent packets with DF clear
inline constexpr uint8_t kTimestamps = 0x40;  // its latest packet carried timestamps
inline constexpr uint8_t kStarted = 0x80;     // has sent a packet

inline constexpr uint8_t kMaxSyns = 15;
inline constexpr uint32_t kMaxRun = (1U << 24) - 1;
inline constexpr uint64_t kMaxBytes = (uint64_t{1} << 48) - 1;

// Signatures of the latest three packets, 21 bits each: one packet in 700,000 that says nothing new is taken for a copy
// by chance, if it comes within the window for copies at all.
class Recent {
 public:
  [[nodiscard]] bool has(uint32_t signature) const {
    const uint64_t s = clip(signature);
    return ((packed_ ^ s) & kMask) == 0 || ((packed_ >> kBits ^ s) & kMask) == 0 || (packed_ >> 2 * kBits ^ s) == 0;
  }
  void push(uint32_t signature) { packed_ = (packed_ << kBits & kAll) | clip(signature); }

 private:
  static constexpr unsigned kBits = 21;
  static constexpr uint64_t kMask = (uint64_t{1} << kBits) - 1;
  static constexpr uint64_t kAll = (uint64_t{1} << 3 * kBits) - 1;
  // 0 marks an empty place.
  static uint64_t clip(uint32_t signature) { return (signature & kMask) == 0 ? 1 : signature & kMask; }
  uint64_t packed_ = 0;
};

// One direction, as seen from its sender.
struct alignas(64) Direction {
  TimeNs last_ns = 0;        // latest packet
  uint64_t bytes : 48 = 0;   // payload, each byte once
  uint64_t window : 16 = 0;  // raw, latest
  Recent recent;             // its latest packets, to recognise the mirror's copies
  uint32_t next = 0;         // highest sequence end sent
  uint32_t acked = 0;        // highest acknowledgement sent
  uint32_t tsval = 0;        // latest
  uint32_t pkts = 0;
  uint32_t rtt_us = 0;           // least round trip tap <-> this sender, 0 unknown
  uint32_t run_bytes : 24 = 0;   // new data since the last change of direction, at most kMaxRun
  uint32_t head_len : 8 = 0;     // bytes kept in Heads
  uint32_t flow_label : 20 = 0;  // IPv6, latest
  uint32_t window_scale : 4 = 0;
  uint32_t syns : 4 = 0;       // SYN or SYN-ACK copies sent, at most kMaxSyns
  uint32_t fastclose : 1 = 0;  // sent MP_FASTCLOSE on an ACK, which asks for a RST (RFC 8684 3.5)
  uint32_t syn_tool : 3 = 0;   // what made its SYN: track::SynTool
  uint16_t ip_id = 0;
  uint16_t last_len = 0;  // payload of the latest packet, saturating
  uint8_t ttl_min = 0;
  uint8_t ttl_max = 0;
  uint8_t tos = 0;
  uint8_t last_flags = 0;
  uint8_t bits = 0;
  uint8_t retransmits = 0;  // since the peer last acknowledged something new
  uint8_t probes = 0;       // keepalive probes since the peer last spoke
  uint8_t largest_32 = 0;   // largest payload in units of 32 bytes, rounded up, saturating
};
static_assert(sizeof(Direction) == 64 && alignof(Direction) == 64);

inline constexpr uint32_t kMaxSynAckUs = (uint32_t{1} << 31) - 1;

// client/server here are the key's ends: index 0 is End::kLo.
struct FlowCold {
  TimeNs first_ns = 0;
  uint64_t fin_lo : 48 = 0;           // see fin_ns()
  uint64_t repeat_gap_10ms : 16 = 0;  // spacing of the latest SYN, keepalive or data repeats, saturating
  uint64_t fin_hi : 48 = 0;
  uint64_t gap_pkts_low : 16 = 0;
  std::array<uint32_t, 2> isn{};  // of each end's latest SYN, or the first sequence seen
  uint32_t syn_ack_us : 31 = 0;   // latest SYN to SYN-ACK, saturating; 0 not seen
  uint32_t message_cut : 1 = 0;   // a message began that was captured too short to be read
  uint32_t gap_ms : 24 = 0;       // latest silence of at least a second, saturating
  uint32_t gap_pkts_high : 8 = 0;

  // First FIN of an end, to 16 ns and within 52 days of the first packet; 0 none.
  [[nodiscard]] TimeNs fin_ns(End e) const {
    const uint64_t fin = e == End::kLo ? fin_lo : fin_hi;
    return fin == 0 ? 0 : first_ns + (fin << 4);
  }
  void set_fin(End e, TimeNs time) {
    const uint64_t fin = time > first_ns + 16 ? ((time - first_ns) >> 4) & kMaxFin : 1;
    if (e == End::kLo) {
      fin_lo = fin & kMaxFin;
    } else {
      fin_hi = fin & kMaxFin;
    }
  }
  // Packets of the connection before that silence ended, modulo 2^24.
  [[nodiscard]] uint32_t gap_pkts() const {
    return uint32_t{gap_pkts_high} << 16 | static_cast<uint32_t>(gap_pkts_low);
  }
  void set_gap_pkts(uint32_t pkts) {
    gap_pkts_low = pkts & 0xffff;
    gap_pkts_high = pkts >> 16 & 0xff;
  }

 private:
  static constexpr uint64_t kMaxFin = (uint64_t{1} << 48) - 1;
};
static_assert(sizeof(FlowCold) == 40);

// First bytes of each end's latest message.
struct alignas(64) Heads {
  static constexpr size_t kBytes = 64;
  std::array<std::array<uint8_t, kBytes>, 2> bytes{};
};
static_assert(sizeof(Heads) == 128);

static_assert(std::is_trivially_copyable_v<FlowHot> && std::is_trivially_copyable_v<Direction> &&
              std::is_trivially_copyable_v<FlowCold> && std::is_trivially_copyable_v<Heads>);

}  // namespace rs::flow
