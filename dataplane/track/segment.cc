// SPDX-License-Identifier: Apache-2.0
//
// One packet's effect on its connection: the second half of Tracker, see tracker.h.
#include <algorithm>
#include <utility>

#include "dataplane/base/seq.h"
#include "dataplane/track/calm.h"
#include "dataplane/track/heads.h"

namespace rs::track {

using flow::Direction;
using flow::End;
using flow::FlowHot;
using flow::State;
using packet::PacketView;

namespace {

// A copy of the same packet reaches the mirror within a router's forwarding time. A host never repeats a segment so
// soon: the least retransmission timeout in use is 200 ms (Linux TCP_RTO_MIN), the least round trip to a fast
// retransmit on a LAN about 100 us but with another IPv4 ID.
constexpr DurationNs kCopyWindow = 2 * kMs;
// With an equal non-zero IPv4 ID the copy may also have crossed a slow path.
constexpr DurationNs kCopyWindowById = kSecond;
// So much of a message is enough for nearly all patterns: a status line's number, an alert, an error's code. Our
// choice.
constexpr uint32_t kReadable = 24;
// A host's RST that is numbered as its other packets are follows the latest by no more. Our choice.
constexpr int32_t kMostIdsApart = 64;

// The SYN's maker where the header gives it away. nmap -sS: window 1024 and MSS as the only option. masscan: IPv4
// ID = dst ^ port ^ seq (templ-pkt.c). zmap: IPv4 ID 54321. A SYN without any option comes from no operating
// system of this century (RFC 9293 3.7.1 asks for MSS).
SynTool syn_tool(const PacketView& v) {
  if (!v.ipv6) {
    if (v.ip_id == 54321) return SynTool::kZmap;
    const auto dst = static_cast<uint16_t>(v.dst.bytes[14] << 8 | v.dst.bytes[15]);
    if (v.opts == 0 && v.ip_id != 0 && v.ip_id == static_cast<uint16_t>(dst ^ v.dst_port ^ (v.seq & 0xffff)))
      return SynTool::kMasscan;
  }
  if (v.window == 1024 && v.opts == packet::kOptMss) return SynTool::kNmap;
  return v.opts == 0 ? SynTool::kBare : SynTool::kSystem;
}

}  // namespace

bool Tracker::is_older(const Direction& d, const PacketView& v) {
  if ((v.opts & packet::kOptTimestamps) != 0 && (d.bits & flow::kTimestamps) != 0 && v.tsval != d.tsval)
    return seq_before(v.tsval, d.tsval);
  // An IPv4 counter: only where it was seen to count and never to jump.
  const bool counts = !v.ipv6 && (d.bits & (flow::kIdCounts | flow::kIdJumps)) == flow::kIdCounts;
  return counts && static_cast<int16_t>(static_cast<uint16_t>(v.ip_id - d.ip_id)) < 0;
}

bool Tracker::is_copy(const FlowHot& hot, const Direction& d, const PacketView& v, uint32_t signature) {
  if ((d.bits & flow::kStarted) == 0) return false;
  // A copy says nothing new; what does is none, whatever its signature.
  if (seq_after(v.seq_end(), d.next) || (v.has(packet::kAck) && (d.acked == 0 || seq_after(v.ack, d.acked))))
    return false;
  const DurationNs apart = since(v.time, d.last_ns);
  if (d.recent.has(signature)) return apart < kCopyWindow || (v.ip_id != 0 && apart < kCopyWindowById);
  // Two mirror ports are read burst by burst: a copy may come after dozens of younger packets.
  return (hot.marks & flow::kDuplicates) != 0 && apart < kCopyWindow && is_older(d, v);
}

// Two mirror ports are read in turn: an answer may be seen before what it answers. Here the SYN-ACK of this SYN, with
// nothing else of the client, or no more than its ACK.
bool Tracker::answered_before(uint32_t i, const PacketView& v, End from) {
  const Direction& server = table_.dir(i, other(from));
  const FlowHot& hot = table_.hot(i);
  return (hot.marks & flow::kMidstream) != 0 && hot.ending == flow::kNone && table_.dir(i, from).syns == 0 &&
         server.syns != 0 && server.acked == v.seq + 1 && since(v.time, server.last_ns) < kCopyWindow;
}

// … or the refusal: then the RST is taken back, to come after its SYN. True: all that is done.
bool Tracker::refused_before(uint32_t i, const PacketView& v, End from) {
  FlowHot& hot = table_.hot(i);
  if (!v.has(packet::kSyn) || v.has(packet::kAck)) return false;
  const Ending& end = endings_[hot.ending];
  const RstSeen& r = end.rst[0];
  const bool alone = end.kind == EndKind::kRst && end.rsts == 1 && table_.dir(i, End::kLo).pkts == 0 &&
                     table_.dir(i, End::kHi).pkts == 0;
  if (!alone || r.from == from || (r.flags & packet::kAck) == 0 || r.ack != v.seq_end() ||
      since(v.time, r.time) >= kCopyWindow)
    return false;
  PacketView answer = v;  // time and network; the rest is the RST's own
  std::swap(answer.src, answer.dst);
  std::swap(answer.src_port, answer.dst_port);
  answer.seq = r.seq;
  answer.ack = r.ack;
  answer.tsval = r.tsval;
  answer.flow_label = r.flow_label;
  answer.window = r.window;
  answer.ip_id = r.ip_id;
  answer.payload_bytes = 0;
  answer.payload = {};
  answer.flags = r.flags;
  answer.ttl = r.ttl;
  answer.tos = r.tos;
  answer.opts = r.opts;
  answer.df = r.df;
  answer.exact_time = false;
  answer.mptcp_reason = r.mptcp == 255 ? uint8_t{0} : r.mptcp;
  answer.mptcp_fastclose = r.mptcp == 255;
  answer.tunnel = end.tunnel;
  answer.outer_ttl = end.outer_ttl;
  drop_ending(hot.ending);
  hot.ending = flow::kNone;
  next_incarnation(i);
  --counts_.connections;
  start(i, v, from);
  syn(i, v, from);
  segment(i, v, from);
  note_quick(i, v, from);
  table_.dir(i, from).recent.push(signature_of(v));
  (void)rst(i, answer, other(from));
  return true;
}

void Tracker::syn(uint32_t i, const PacketView& v, End from) {
  FlowHot* hot = &table_.hot(i);
  flow::FlowCold* cold = &table_.cold(i);
  const auto side = static_cast<size_t>(from);
  const bool fresh = cold->first_ns == v.time && table_.dir(i, from).pkts == 0 &&
                     table_.dir(i, other(from)).pkts == 0 && hot->state == State::kSynSent;
  if (!fresh) {
    const bool same = table_.dir(i, from).syns != 0 && cold->isn[side] == v.seq;
    // A SYN after a RST, after both FINs, or with a new sequence before any answer begins the next connection on
    // this tuple. With the same sequence number and no RST it is a repeat, also after an ICMP error or a give-up.
    const bool given_up = (hot->marks & flow::kReported) != 0 && (hot->marks & flow::kWasReset) == 0;
    if (same && given_up) return;
    const bool ended = hot->ending != flow::kNone || hot->state == State::kClosed;
    const bool crossing = hot->state == State::kSynSent && hot->ending == flow::kNone &&
                          table_.dir(i, from).syns == 0 && table_.dir(i, other(from)).syns != 0;
    if (crossing) {
      hot->quick |= flow::kSimultaneous;
    } else if (ended || (!same && hot->state == State::kSynSent)) {
      const bool closed =
          hot->state == State::kClosed && (hot->marks & flow::kReported) == 0 && hot->ending == flow::kNone;
      next_incarnation(i);
      start(i, v, from);
      if (closed) hot->quick |= flow::kAfterClose;
    } else if (same && hot->state == State::kSynSent) {
      cold->repeat_gap_10ms = saturate<uint16_t>(since(v.time, table_.dir(i, from).last_ns) / (10 * kMs));
    } else if (answered_before(i, v, from)) {
      hot->marks = static_cast<uint16_t>((hot->marks & ~(flow::kMidstream | flow::kClientIsHi)) | flow::kClientKnown |
                                         (from == End::kHi ? flow::kClientIsHi : 0));
    } else if (!same) {
      hot->marks |= flow::kSynOnLive;
      return;
    }
  }
  Direction& d = table_.dir(i, from);
  cold = &table_.cold(i);
  cold->isn[side] = v.seq;
  d.next = v.seq + 1;
  d.window_scale = ((v.opts & packet::kOptWindowScale) != 0 ? v.window_scale : 0U) & 15U;
  d.syn_tool = static_cast<uint32_t>(syn_tool(v)) & 7U;
  if (d.syns != flow::kMaxSyns) d.syns = (d.syns + 1U) & flow::kMaxSyns;
}

void Tracker::syn_ack(uint32_t i, const PacketView& v, End from) {
  FlowHot& hot = table_.hot(i);
  flow::FlowCold& cold = table_.cold(i);
  const auto side = static_cast<size_t>(from);
  Direction& d = table_.dir(i, from);
  Direction& client = table_.dir(i, other(from));
  if (hot.ending != flow::kNone) endings_[hot.ending].syn_ack_after_rst = true;
  if (hot.state == State::kEstablished && (hot.marks & flow::kSynOnLive) != 0 && v.seq != cold.isn[side]) {
    // The new SYN on a live tuple was accepted after all: a new connection.
    next_incarnation(i);
    cold.first_ns = v.time;
    hot.marks = static_cast<uint16_t>(flow::kClientKnown | (other(from) == End::kHi ? flow::kClientIsHi : 0) |
                                      (v.ipv6 ? flow::kIpv6 : 0));
    hot.state = State::kSynSent;
    client.next = v.ack;
    cold.isn[1 - side] = v.ack - 1;
    ++counts_.connections;
    tally(i, Happened::kAttempted);
  }
  if (hot.state == State::kSynSent) {
    hot.state = State::kSynAckSeen;
    // What a SYN-ACK may acknowledge: the SYN, and data sent with it (RFC 7413).
    const uint32_t least = cold.isn[1 - side] + 1;
    if (client.syns != 0 && (seq_after(least, v.ack) || seq_after(v.ack, client.next))) hot.marks |= flow::kSynAckWrong;
    // A client's first SYN-ACK after one SYN gives the server's side of the round trip.
    const DurationNs took = since(v.time, client.last_ns);
    cold.syn_ack_us = static_cast<uint32_t>(std::min<uint64_t>(took / kUs, flow::kMaxSynAckUs)) & flow::kMaxSynAckUs;
    const bool clean = client.syns == 1 && took != 0;
    if (clean) d.rtt_us = saturate<uint32_t>(std::max<DurationNs>(took / kUs, 1));
  } else if (hot.state == State::kEstablished && d.syns == 0 && client.syns != 0 && client.acked == v.seq + 1) {
    // Its acknowledgement was seen before it.
    hot.marks |= flow::kSawHandshakeAck;
  } else if ((hot.quick & flow::kSimultaneous) != 0) {
    // Each end answers the other's SYN; the second answer completes the handshake.
    if (hot.state == State::kSynAckSeen) {
      hot.state = State::kEstablished;
      hot.marks |= flow::kSawHandshakeAck | flow::kCountedEstablished;
      tally(i, Happened::kEstablished);
    }
  } else if (d.syns != 0 && cold.isn[side] == v.seq) {
    hot.marks |= flow::kSynAckResent;
    if ((hot.marks & flow::kSawHandshakeAck) != 0) hot.marks |= flow::kAckAfterResent;
    cold.repeat_gap_10ms = saturate<uint16_t>(since(v.time, d.last_ns) / (10 * kMs));
  }
  cold.isn[side] = v.seq;
  d.next = (d.bits & flow::kStarted) != 0 && d.syns != 0 ? seq_max(d.next, v.seq + 1) : v.seq + 1;
  d.window_scale = ((v.opts & packet::kOptWindowScale) != 0 ? v.window_scale : 0U) & 15U;
  if (d.syns != flow::kMaxSyns) d.syns = (d.syns + 1U) & flow::kMaxSyns;
}

// Whether a silence of a second or more ends with this packet. What does not count ends none, nor does it count towards
// what came since.
bool Tracker::note_gap(uint32_t i, TimeNs now, TimeNs last, bool counts) {
  flow::FlowCold& cold = table_.cold(i);
  if (!counts) {
    if (cold.gap_ms != 0) cold.set_gap_pkts(cold.gap_pkts() + 1);
    return false;
  }
  if (last == 0 || since(now, last) < kGap) return false;
  cold.gap_ms = static_cast<uint32_t>(std::min<uint64_t>(since(now, last) / kMs, 0xffffff)) & 0xffffff;
  cold.set_gap_pkts(table_.dir(i, End::kLo).pkts + table_.dir(i, End::kHi).pkts);
  return true;
}

// Brings FlowHot up to date with what the long way did.
void Tracker::note_quick(uint32_t i, const PacketView& v, End from) {
  FlowHot& hot = table_.hot(i);
  const Direction& lo = table_.dir(i, End::kLo);
  const Direction& hi = table_.dir(i, End::kHi);
  hot.last_ns = v.time;
  hot.last_end = v.seq_end();
  unsigned quick = hot.quick & (0U + flow::kSimultaneous + flow::kAfterClose);
  quick |= (lo.bits & flow::kStarted) != 0 ? flow::kLoStarted : 0U;
  quick |= (hi.bits & flow::kStarted) != 0 ? flow::kHiStarted : 0U;
  quick |= (lo.retransmits | lo.probes) != 0 ? flow::kLoOutstanding : 0U;
  quick |= (hi.retransmits | hi.probes) != 0 ? flow::kHiOutstanding : 0U;
  quick |= v.payload_bytes != 0 ? flow::kLatestHasData : 0U;
  quick |= from == End::kHi ? flow::kLatestIsHi : 0U;
  hot.quick = static_cast<uint8_t>(quick);
}

void Tracker::keep_head(uint32_t i, const PacketView& v, End from, uint32_t fresh, bool begins) {
  HeadBytes& head = table_.heads(i).bytes[static_cast<size_t>(from)];
  Direction& d = table_.dir(i, from);
  auto length = static_cast<uint8_t>(d.head_len);
  const Bytes bytes = v.payload.sub(v.payload_bytes - fresh);
  if (begins) begin_message(length);
  if (begins && bytes.size() < std::min(fresh, kReadable)) table_.cold(i).message_cut = 1;
  if (begins || d.run_bytes < flow::Heads::kBytes) keep_message(head, length, bytes);
  const bool from_client = ((table_.hot(i).marks & flow::kClientIsHi) != 0) == (from == End::kHi);
  // Without a gap in the stream only: what follows a hole is not the rest of a ClientHello.
  if (settings_.server_names && from_client && d.bytes < kNameSearchBytes && v.seq + v.payload_bytes - fresh == d.next)
    look_for_name(head, length, bytes, d.bytes == 0);
  d.head_len = length;
}

// Sent before the RST, by what the sender stamped on both: a mirror of two ports, or with several queues, has them in
// the wrong order.
bool Tracker::sent_before_rst(const Ending& end, const Direction& d, const PacketView& v, End from) {
  const RstSeen& r = end.rst[0];
  if (end.kind != EndKind::kRst || r.from != from) return false;
  const Direction& then = end.of(from);
  if ((r.opts & v.opts & packet::kOptTimestamps) != 0) {
    // A stamp that its sender cannot have reached yet is somebody else's and orders nothing.
    const auto most = static_cast<int64_t>(2 * since(r.time, then.last_ns) / kMs + 1000);
    const int32_t ahead = seq_diff(r.tsval, then.tsval);
    return ahead >= 0 && ahead <= most && !seq_after(v.tsval, r.tsval);
  }
  const bool counts = !v.ipv6 && (d.bits & (flow::kIdCounts | flow::kIdJumps)) == flow::kIdCounts;
  return counts && r.ip_id_delta >= 1 && r.ip_id_delta <= kMostIdsApart &&
         static_cast<int16_t>(static_cast<uint16_t>(v.ip_id - r.ip_id)) < 0;
}

void Tracker::note_after(uint32_t i, const PacketView& v, End from) {
  Ending& end = endings_[table_.hot(i).ending];
  const auto side = static_cast<size_t>(from);
  After& a = end.after[side];
  const Direction& d = table_.dir(i, from);
  if (sent_before_rst(end, d, v, from)) return;
  const uint32_t us = saturate<uint32_t>(since(v.time, end.time) / kUs);
  if (a.pkts == 0) a.first_us = us;
  a.last_us = us;
  const bool carries = v.payload_bytes != 0 || v.has(packet::kFin);
  if (carries && seq_after(v.seq_end(), d.next)) {
    bump(a.new_data);
  } else if (carries) {
    bump(a.repeats);
  } else {
    bump(a.pure_acks);
    // RFC 5961 3.2: a RST inside the window but not exact is answered with an ACK that says nothing new.
    const RstSeen& r = end.rst[0];
    if (end.kind == EndKind::kRst && from != r.from && a.pkts == 0 && v.ack == d.acked && v.seq == d.next &&
        r.seq_minus_peer_ack != 0 && !v.has(packet::kSyn))
      end.challenge_ack = true;
  }
  if ((v.opts & packet::kOptTimestamps) != 0 && (d.bits & flow::kTimestamps) != 0 && seq_after(v.tsval, d.tsval))
    a.newer_timestamp = true;
  if (end.after[1 - side].pkts != 0) a.answered_other = true;
  bump(a.pkts);
}

void Tracker::segment(uint32_t i, const PacketView& v, End from) {
  FlowHot& hot = table_.hot(i);
  Direction& d = table_.dir(i, from);
  Direction& peer = table_.dir(i, other(from));
  const bool from_client = ((hot.marks & flow::kClientIsHi) != 0) == (from == End::kHi);
  const bool started = (d.bits & flow::kStarted) != 0;
  const bool is_syn = v.has(packet::kSyn);
  const bool is_fin = v.has(packet::kFin);
  if (!started && !is_syn) {
    d.next = v.seq;
    table_.cold(i).isn[static_cast<size_t>(from)] = v.seq;
  }

  // Handshake. Data from one side proves the other's missing part: one-way captures.
  if (!is_syn && hot.state < State::kEstablished) {
    const bool completes = hot.state == State::kSynAckSeen ? (from_client ? v.has(packet::kAck) : v.payload_bytes != 0)
                                                           : from_client && v.has(packet::kAck);
    if (completes) {
      if (hot.state == State::kSynAckSeen && from_client) {
        hot.marks |= flow::kSawHandshakeAck;
        const DurationNs took = since(v.time, peer.last_ns);
        if (peer.syns == 1 && took != 0 && d.rtt_us == 0)
          d.rtt_us = saturate<uint32_t>(std::max<DurationNs>(took / kUs, 1));
      }
      hot.state = State::kEstablished;
      if ((hot.marks & flow::kCountedEstablished) == 0) {
        hot.marks |= flow::kCountedEstablished;
        tally(i, Happened::kEstablished);
      }
    }
  }

  const bool probe = !is_syn && started && v.payload_bytes <= 1 && !is_fin && v.seq == d.next - 1 &&
                     peer.acked == d.next && (peer.bits & flow::kStarted) != 0;
  // A repeat or a probe does not end a silence, it only fails to.
  const bool repeat = started && !is_syn && (v.payload_bytes != 0 || is_fin) && !seq_after(v.seq_end(), d.next);
  const bool says_more =
      seq_after(v.seq_end(), d.next) || (v.has(packet::kAck) && (d.acked == 0 || seq_after(v.ack, d.acked)));
  const bool older = started && !says_more && is_older(d, v);
  // Once a FIN has ended a silence, that silence is the one that tells of a timer: what comes late is no timer's doing.
  const bool counts = !probe && !repeat && hot.state < State::kClosing;
  // A timer that closes counts from the last data, not from the acknowledgement that came for it.
  const bool own_data_last = d.last_len != 0 && peer.last_len == 0 && is_fin;
  const bool after_gap = note_gap(i, v.time, own_data_last ? d.last_ns : later(d.last_ns, peer.last_ns), counts);

  if (v.has(packet::kAck) && (d.acked == 0 || seq_after(v.ack, d.acked))) {
    if (is_syn) {
      d.acked = v.ack;
      peer.retransmits = 0;
    } else {
      acknowledge(hot, d, v, from, true);
      peer.retransmits = 0;
    }
  }
  peer.probes = 0;

  // Data.
  if (probe) {
    table_.cold(i).repeat_gap_10ms = saturate<uint16_t>(since(v.time, d.last_ns) / (10 * kMs));
    if ((peer.bits & flow::kZeroWindow) != 0) ++counts_.window_probes;
    bump(d.probes);
  } else if (!is_syn && (v.payload_bytes != 0 || is_fin)) {
    const int32_t beyond = seq_diff(v.seq_end(), d.next);
    if (beyond > 0) {
      const uint32_t fin = is_fin ? 1 : 0;
      const uint32_t fresh =
          std::min(static_cast<uint32_t>(beyond) - std::min(fin, static_cast<uint32_t>(beyond)), v.payload_bytes);
      if (fresh != 0) take(i, hot, d, v, from, fresh, after_gap);
      d.next = v.seq_end();
    } else if (older || since(v.time, d.last_ns) < kCopyWindow) {
      // No sender repeats itself so soon, nor with an older stamp: two packets in the wrong order.
      ++counts_.reordered;
    } else {
      bump(d.retransmits);
      ++counts_.retransmissions;
      table_.cold(i).repeat_gap_10ms = saturate<uint16_t>(since(v.time, d.last_ns) / (10 * kMs));
    }
  }
  if (is_fin && (d.bits & flow::kFinSent) == 0) {
    d.bits |= flow::kFinSent;
    table_.cold(i).set_fin(from, v.time);
    if (hot.state != State::kClosed) {
      const bool both = (peer.bits & flow::kFinSent) != 0;
      hot.state = both ? State::kClosed : State::kClosing;
      if (both) table_.offer_closed(i);
      if (both && hot.ending == flow::kNone) {
        tally(i, Happened::kClosedCleanly);
        count_bytes(i);
      }
    }
  }

  if (v.mptcp_fastclose) d.fastclose = 1;
  if (started && !is_syn && !older) {
    note_stack(d, v);
  } else {
    note_first(d, v, started, older);
  }
  note_latest(d, v);
}

// What the sender's stack shows in its first packet, in a SYN, or in a packet out of order, none of which continues
// the one before.
void Tracker::note_first(Direction& d, const PacketView& v, bool started, bool older) {
  d.ttl_min = started ? std::min(d.ttl_min, v.ttl) : v.ttl;
  d.ttl_max = started ? std::max(d.ttl_max, v.ttl) : v.ttl;
  const bool stamped = (v.opts & packet::kOptTimestamps) != 0;
  unsigned bits = d.bits & ~(0U + flow::kZeroWindow + flow::kTimestamps);
  if (v.ipv6) {
    d.flow_label = v.flow_label & 0xfffff;
  } else if (!older) {
    d.ip_id = v.ip_id;
    bits |= v.df ? 0U : flow::kDfClear;
  }
  bits |= v.window == 0 && !v.has(packet::kSyn) ? flow::kZeroWindow : 0U;
  bits |= stamped ? flow::kTimestamps : 0U;
  d.bits = static_cast<uint8_t>(bits | flow::kStarted);
  if (stamped && !older) d.tsval = v.tsval;
}

bool Tracker::rst(uint32_t i, const PacketView& v, End from) {
  FlowHot& hot = table_.hot(i);
  const Direction& d = table_.dir(i, from);
  const Direction& peer = table_.dir(i, other(from));
  RstSeen r;
  r.time = v.time;
  r.from = from;
  r.seq = v.seq;
  r.ack = v.ack;
  r.tsval = v.tsval;
  r.flow_label = v.flow_label;
  const bool started = (d.bits & flow::kStarted) != 0;
  const bool peer_started = (peer.bits & flow::kStarted) != 0;
  r.seq_minus_next = started ? seq_diff(v.seq, d.next) : 0;
  r.seq_minus_peer_ack = peer_started && peer.acked != 0 ? seq_diff(v.seq, peer.acked) : 0;
  r.ack_minus_peer_next = v.has(packet::kAck) && peer_started ? seq_diff(v.ack, peer.next) : 0;
  r.ip_id_delta = started && !v.ipv6 ? static_cast<int16_t>(v.ip_id - d.ip_id) : 0;
  r.reaction_us = peer_started ? saturate<uint32_t>(since(v.time, peer.last_ns) / kUs) : UINT32_MAX;
  r.window = v.window;
  r.ip_id = v.ip_id;
  r.payload_bytes = saturate<uint16_t>(v.payload_bytes);
  r.flags = v.flags;
  r.ttl = v.ttl;
  r.tos = v.tos;
  r.opts = v.opts;
  r.df = v.df;
  r.exact_time = v.exact_time;
  r.mptcp = v.mptcp_fastclose && v.mptcp_reason == 0 ? uint8_t{255} : v.mptcp_reason;

  uint32_t e = hot.ending;
  if (e == flow::kNone) {
    // After a reported RST the rest is its cascade. After a give-up the RST is news.
    if ((hot.marks & flow::kWasReset) != 0) {
      ++counts_.late_rsts;
      return true;
    }
    e = new_ending(i, EndKind::kRst, v.time);
    if (e == flow::kNone) return true;
    Ending& end = endings_[e];
    end.deadline = v.time + settings_.settle_ns;
    end.norm = norms_.of(v.src);
    end.tunnel = v.tunnel;
    end.outer_ttl = v.outer_ttl;
    if (++ticket_ == 0) ticket_ = 1;
    end.ticket = ticket_;
    hot.ending = e;
    const auto slot = (waiting_head_ + waiting_size_) % static_cast<uint32_t>(waiting_.size());
    waiting_[slot] = {e, ticket_};
    ++waiting_size_;
  }
  Ending& end = endings_[e];
  for (uint8_t k = 0; k < end.rsts; ++k) {
    const RstSeen& seen = end.rst[k];
    // The mirror's copy of the same RST. A stateless RST has IPv4 ID 0 and repeats for each trigger, so equal
    // fields alone prove nothing there: a router's decrement of the TTL does, or that all else came twice.
    if (seen.from == r.from && seen.seq == r.seq && seen.ack == r.ack && seen.flags == r.flags &&
        seen.window == r.window && seen.ip_id == r.ip_id && since(v.time, seen.time) < kCopyWindow &&
        (seen.ttl != r.ttl || (r.ip_id != 0 && !v.ipv6) || (hot.marks & flow::kDuplicates) != 0)) {
      hot.marks |= flow::kDuplicates;
      end.hot.marks |= flow::kDuplicates;
      ++counts_.duplicates;
      return false;
    }
  }
  if (end.rsts < kMaxRsts) end.rst[end.rsts++] = r;
  if (end.rsts == 1) end.around.relayed_us = neighbours_.relayed_us(asked(end));
  if (end.rst_text_len == 0) keep_message(end.rst_text, end.rst_text_len, v.payload);
  bump(end.rst_count[static_cast<size_t>(from)]);
  return true;
}

}  // namespace rs::track
