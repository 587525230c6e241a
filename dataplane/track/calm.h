// SPDX-License-Identifier: Apache-2.0
//
// The short way for what nearly all packets are: the next data or a new acknowledgement of an established connection,
// in order and in time, nothing outstanding. Does what Tracker::segment() does for such a packet, and leaves every
// other to it; tracker_test.cc holds the two against each other. Worker thread.
#pragma once

#include <immintrin.h>

#include <algorithm>

#include "dataplane/base/seq.h"
#include "dataplane/track/arithmetic.h"
#include "dataplane/track/heads.h"
#include "dataplane/track/tracker.h"

namespace rs::track {

inline packet::Outcome Tracker::packet(const packet::PacketView& v, const flow::FlowKey& key, flow::End from,
                                       uint64_t hash, uint32_t candidate) {
  if (calm(v, key, from, candidate)) [[likely]]
    return packet::Outcome::kTracked;
  return any(v, key, from, hash, candidate);
}

// What makes a packet this packet, but for what a router changes.
inline uint32_t Tracker::signature_of(const packet::PacketView& v) {
  uint64_t x = _mm_crc32_u64(v.flags, uint64_t{v.seq} << 32 | v.ack);
  x = _mm_crc32_u64(x, uint64_t{v.payload_bytes} << 32 | uint32_t{v.ip_id} << 16 | v.window);
  return _mm_crc32_u32(static_cast<uint32_t>(x), v.tsval);
}

// An acknowledgement, of something new if `progress`. Where it answers the data of the packet just before, it tells a
// round trip. Without branches: whether a packet acknowledges is a coin toss to the predictor.
[[gnu::always_inline]] inline void Tracker::acknowledge(const flow::FlowHot& hot, flow::Direction& d,
                                                        const packet::PacketView& v, flow::End from, bool progress) {
  constexpr uint8_t kLatest = flow::kLatestHasData | flow::kLatestIsHi;
  const uint8_t data_of_peer = flow::kLatestHasData | (from == flow::End::kHi ? 0 : flow::kLatestIsHi);
  const uint8_t repeating = from == flow::End::kHi ? flow::kLoOutstanding : flow::kHiOutstanding;
  const uint32_t us = saturate<uint32_t>(std::max<DurationNs>(since(v.time, hot.last_ns) / kUs, 1));
  const uint32_t least = d.rtt_us - 1 < us ? d.rtt_us : us;  // 0: none yet
  const bool answers = static_cast<unsigned>(progress) &
                       static_cast<unsigned>((hot.quick & (kLatest | repeating)) == data_of_peer) &
                       static_cast<unsigned>(v.ack == hot.last_end);
  d.rtt_us = answers ? least : d.rtt_us;
  d.acked = v.ack;
}

// New payload. A message begins when the other end had spoken, or after a silence: "terminated by administrator".
inline void Tracker::take(uint32_t i, flow::FlowHot& hot, flow::Direction& d, const packet::PacketView& v,
                          flow::End from, uint32_t fresh, bool after_gap) {
  constexpr uint16_t kTurn = flow::kAnyData | flow::kLastDataIsHi;
  const auto mine =
      static_cast<uint16_t>(flow::kAnyData | (from == flow::End::kHi ? flow::kLastDataIsHi : uint16_t{0}));
  const bool turn = (hot.marks & kTurn) != mine;
  if (turn) {
    d.run_bytes = 0;
    hot.marks = static_cast<uint16_t>((hot.marks & ~kTurn) | mine);
  }
  bool begins = turn || after_gap;
  if (!begins && v.time - hot.last_ns >= kPause) [[unlikely]]
    begins = v.time > hot.last_ns && table_.dir(i, other(from)).acked == d.next;
  const bool naming = settings_.server_names && d.bytes < kNameSearchBytes;
  if (begins || d.run_bytes < flow::Heads::kBytes || naming) keep_head(i, v, from, fresh, begins);
  d.run_bytes = std::min(d.run_bytes + fresh, flow::kMaxRun) & flow::kMaxRun;
  d.bytes = (d.bytes + fresh) & flow::kMaxBytes;
}

// What its sender's stack shows in a packet that is not its first.
inline void Tracker::note_stack(flow::Direction& d, const packet::PacketView& v) {
  d.ttl_min = std::min(d.ttl_min, v.ttl);
  d.ttl_max = std::max(d.ttl_max, v.ttl);
  unsigned bits = d.bits & ~(0U + flow::kZeroWindow + flow::kTimestamps);
  if (v.ipv6) {
    d.flow_label = v.flow_label & 0xfffff;
  } else {
    const unsigned delta = static_cast<uint16_t>(v.ip_id - d.ip_id);
    const unsigned step = delta - 1 < 64 ? flow::kIdCounts : flow::kIdJumps;
    const bool known = d.pkts > 1 || d.ip_id != 0;
    bits |= v.ip_id == 0 ? flow::kIdZero : known ? step : 0U;
    bits |= v.df ? 0U : flow::kDfClear;
    d.ip_id = v.ip_id;
  }
  const bool stamped = (v.opts & packet::kOptTimestamps) != 0;
  bits |= v.window == 0 ? flow::kZeroWindow : 0U;
  bits |= stamped ? flow::kTimestamps : 0U;
  d.bits = static_cast<uint8_t>(bits);
  d.tsval = stamped ? v.tsval : d.tsval;
}

// The packet itself becomes its sender's latest.
inline void Tracker::note_latest(flow::Direction& d, const packet::PacketView& v) {
  d.window = v.window;
  d.tos = v.tos;
  d.last_flags = v.flags;
  d.last_len = saturate<uint16_t>(v.payload_bytes);
  d.largest_32 = std::max(d.largest_32, saturate<uint8_t>((v.payload_bytes + 31) / 32));
  d.last_ns = v.time;
  bump(d.pkts);
}

[[gnu::always_inline]] inline bool Tracker::calm(const packet::PacketView& v, const flow::FlowKey& key, flow::End from,
                                                 uint32_t candidate) {
  if (candidate == flow::kNone) [[unlikely]]
    return false;
  flow::FlowHot& hot = table_.hot(candidate);
  flow::Direction& d = table_.dir(candidate, from);
  constexpr uint8_t kFlags = packet::kSyn | packet::kFin | packet::kRst | packet::kAck;
  constexpr uint8_t kQuiet = flow::kLoStarted | flow::kHiStarted;
  constexpr uint8_t kBoth = kQuiet | flow::kLoOutstanding | flow::kHiOutstanding;
  // No ending under way, established, both ends have spoken and neither waits.
  constexpr auto kEstablished = static_cast<uint8_t>(flow::State::kEstablished);
  constexpr uint64_t kStanding = flow::FlowHot::standing(flow::kNone, 0, kEstablished, kQuiet);
  constexpr uint64_t kMatters = flow::FlowHot::standing(UINT32_MAX, flow::kAckAfterResent, UINT8_MAX, kBoth);
  // Values first, stores last: to the compiler the store of a byte may change any field, and it reads all again.
  const TimeNs time = v.time;
  const uint32_t payload = v.payload_bytes;
  const uint32_t next = d.next;
  const uint32_t acked = d.acked;
  const uint32_t progress = v.ack - acked;
  // Not one by one: each alone holds for nearly every packet, and one test is one prediction. The peer's cache line is
  // not touched: what matters of it stands in hot.quick.
  const uint64_t wrong = ((hot.standing() ^ kStanding) & kMatters) |
                         (static_cast<uint32_t>((v.flags & kFlags) ^ packet::kAck) | (v.seq ^ next) | progress >> 31 |
                          static_cast<uint32_t>(v.mptcp_fastclose));
  const bool fits = static_cast<unsigned>(wrong == 0) & static_cast<unsigned>(hot.key == key) &
                    static_cast<unsigned>(acked != 0) & static_cast<unsigned>((progress | payload) != 0) &
                    static_cast<unsigned>(time - hot.last_ns < kGap);
  if (!fits) [[unlikely]]
    return false;
  if (time > now_) {
    now_ = time;
  } else if (time + kSecond < now_) [[unlikely]] {
    return false;
  }
  acknowledge(hot, d, v, from, progress != 0);
  if (payload != 0) {
    take(candidate, hot, d, v, from, payload, false);
    d.next = next + payload;
  }
  hot.last_ns = time;
  hot.last_end = next + payload;
  hot.quick = static_cast<uint8_t>(kQuiet | (payload != 0 ? flow::kLatestHasData : 0) |
                                   (from == flow::End::kHi ? flow::kLatestIsHi : 0));
  note_calm(d, v);
  return true;
}

// The direction and the packet are never the same memory: told so, the compiler reads each of the packet's fields once.
[[gnu::always_inline]] inline void Tracker::note_calm(flow::Direction& __restrict d,
                                                      const packet::PacketView& __restrict v) {
  note_stack(d, v);
  note_latest(d, v);
  d.recent.push(signature_of(v));
}

inline bool Tracker::must_drain() const {
  return ready_.size() >= kReadyMax || tallies_.size() >= kTalliesMax ||
         (free_endings_ < kReadySlack && !ready_.empty());
}

}  // namespace rs::track
