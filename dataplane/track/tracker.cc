// SPDX-License-Identifier: Apache-2.0
#include "dataplane/track/tracker.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "dataplane/base/seq.h"

namespace rs::track {

using flow::Direction;
using flow::End;
using flow::FlowHot;
using flow::State;
using packet::Outcome;
using packet::PacketView;

namespace {

// A copy of the same packet reaches the mirror within a router's forwarding time. A host never repeats a segment so
// soon: the least retransmission timeout in use is 200 ms (Linux TCP_RTO_MIN), the least round trip to a fast
// retransmit on a LAN about 100 us but with another IPv4 ID.
constexpr DurationNs kCopyWindow = 2 * kMs;
// With an equal non-zero IPv4 ID the copy may also have crossed a slow path.
constexpr DurationNs kCopyWindowById = kSecond;

// Silence worth remembering, and how many packets later it still explains an ending: a request in several
// segments, its repeats, the RST. Our choice.
constexpr DurationNs kGap = kSecond;
constexpr uint8_t kGapPackets = 8;

// Room for what one packet can make ready: an old ending settled, a give-up, an eviction.
constexpr size_t kReadySlack = 8;
constexpr size_t kReadyMax = 256;
constexpr size_t kTalliesMax = 1024;

template <class T>
T saturate(uint64_t v) {
  return v > std::numeric_limits<T>::max() ? std::numeric_limits<T>::max() : static_cast<T>(v);
}

template <class T>
void bump(T& v) {
  if (v != std::numeric_limits<T>::max()) ++v;
}

uint32_t signature_of(const PacketView& v) {
  uint64_t x = (uint64_t{v.seq} << 32 | v.ack) * 0x9e3779b97f4a7c15ULL;
  x ^= (uint64_t{v.payload_bytes} << 40 | uint64_t{v.ip_id} << 24 | uint64_t{v.window} << 8 | v.flags) *
       0xbf58476d1ce4e5b9ULL;
  x ^= uint64_t{v.tsval} * 0x94d049bb133111ebULL;
  return static_cast<uint32_t>(x >> 32);
}

TimeNs later(TimeNs a, TimeNs b) { return a > b ? a : b; }
DurationNs since(TimeNs now, TimeNs then) { return now > then ? now - then : 0; }

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

// Who is the client of a connection joined midway: the end with the higher port, since servers listen on low and
// registered ports (RFC 6335); with equal ports the sender of the first packet.
bool server_by_port(uint16_t port, uint16_t peer_port) { return port < peer_port; }

// 0 none, 1 binary, 2 readable text, 3 the CBOR sequence of draft-ietf-tcpm-rst-diagnostic-payload.
uint8_t payload_kind(const Bytes& payload) {
  if (payload.empty()) return 0;
  if (payload.size() >= 5 && payload.u8(0) == 0x19 && (payload.u8(3) & 0xf0) == 0xa0) return 3;
  const size_t look = std::min<size_t>(payload.size(), 8);
  for (size_t i = 0; i < look; ++i)
    if (payload.u8(i) < 0x20 || payload.u8(i) > 0x7e) return 1;
  return 2;
}

}  // namespace

Tracker::Tracker(flow::Table& table, const Settings& settings, uint32_t endings)
    : table_(table), settings_(settings) {
  const uint32_t room = endings + static_cast<uint32_t>(kReadyMax + kReadySlack);
  endings_.resize(room);
  waiting_.resize(room);
  for (uint32_t i = 0; i < room; ++i) endings_[i].next_free = i + 1 < room ? i + 1 : flow::kNone;
  free_ending_ = 0;
  free_endings_ = room;
  ready_.reserve(room);
  tallies_.reserve(kTalliesMax + kReadySlack);
}

bool Tracker::must_drain() const {
  return ready_.size() >= kReadyMax || tallies_.size() >= kTalliesMax || free_endings_ < kReadySlack;
}

void Tracker::done() {
  for (const uint32_t e : ready_) {
    endings_[e].next_free = free_ending_;
    free_ending_ = e;
    ++free_endings_;
  }
  ready_.clear();
}

void Tracker::tally(uint32_t i, Happened what) {
  const FlowHot& hot = table_.hot(i);
  const bool server_is_hi = (hot.marks & flow::kClientIsHi) == 0;
  tallies_.push_back({.server = server_is_hi ? hot.key.hi : hot.key.lo,
                      .server_port = server_is_hi ? hot.key.hi_port : hot.key.lo_port,
                      .what = what,
                      .tag = hot.key.tag});
}

void Tracker::count_bytes(uint32_t i) {
  FlowHot& hot = table_.hot(i);
  if ((hot.marks & flow::kBytesCounted) != 0) return;
  hot.marks |= flow::kBytesCounted;
  const End client = (hot.marks & flow::kClientIsHi) != 0 ? End::kHi : End::kLo;
  const uint64_t client_bytes = table_.dir(i, client).bytes;
  const uint64_t server_bytes = table_.dir(i, other(client)).bytes;
  if (client_bytes + server_bytes == 0) return;
  tally(i, Happened::kBytes);
  tallies_.back().client_bytes = client_bytes;
  tallies_.back().server_bytes = server_bytes;
}

// ---- endings ----

uint32_t Tracker::new_ending(uint32_t i, EndKind kind, TimeNs time) {
  // No room to wait: the oldest is judged with what is known.
  while (free_ending_ == flow::kNone || waiting_size_ == waiting_.size()) {
    const Waiting w = waiting_[waiting_head_];
    waiting_head_ = (waiting_head_ + 1) % static_cast<uint32_t>(waiting_.size());
    --waiting_size_;
    if (endings_[w.ending].ticket == w.ticket) {
      ++counts_.settled_early;
      endings_[w.ending].crowded = true;
      settle(w.ending, false);
      break;
    }
  }
  if (free_ending_ == flow::kNone) return flow::kNone;
  const uint32_t e = free_ending_;
  free_ending_ = endings_[e].next_free;
  --free_endings_;
  Ending& end = endings_[e];
  end = Ending{};
  end.kind = kind;
  end.time = time;
  end.flow = i;
  end.hot = table_.hot(i);
  end.dir[0] = table_.dir(i, End::kLo);
  end.dir[1] = table_.dir(i, End::kHi);
  end.cold = table_.cold(i);
  end.lossy = lossy_;
  const TimeNs last = later(end.dir[0].last_ns, end.dir[1].last_ns);
  const DurationNs gap = last == 0 ? 0 : since(time, last);
  if (gap >= kGap && kind != EndKind::kSilence) {
    end.idle_ms = saturate<uint32_t>(gap / kMs);
  } else {
    end.idle_ms = end.hot.gap_ms != 0 && end.hot.since_gap <= kGapPackets ? end.hot.gap_ms
                                                                          : saturate<uint32_t>(gap / kMs);
  }
  return e;
}

void Tracker::settle(uint32_t e, bool settled) {
  Ending& end = endings_[e];
  end.settled = settled;
  end.ticket = 0;
  const uint32_t i = end.flow;
  FlowHot& hot = table_.hot(i);
  hot.ending = flow::kNone;
  if (end.kind == EndKind::kRst) {
    // The receiver of the RST went on, and its peer with it: the RST took no effect (RFC 5961 3.2).
    const auto sender = static_cast<size_t>(end.rst[0].from);
    const After& from_sender = end.after[sender];
    const After& from_receiver = end.after[1 - sender];
    end.survived = end.rst_count[1 - sender] == 0 && from_receiver.answered_other &&
                   (from_sender.pkts >= 2 || from_sender.new_data != 0);
    if (end.challenge_ack && end.rst_count[0] + end.rst_count[1] == 1) end.survived = true;
  }
  if (!end.survived) {
    hot.state = State::kClosed;
    hot.marks |= flow::kReported;
    if (end.kind == EndKind::kRst) hot.marks |= flow::kWasReset;
    count_bytes(i);
  }
  ++counts_.endings;
  ready_.push_back(e);
}

void Tracker::give_up(uint32_t i, EndKind kind, TimeNs time) {
  const uint32_t e = new_ending(i, kind, time);
  if (e == flow::kNone) return;
  settle(e, true);
}

void Tracker::next_incarnation(uint32_t i) {
  FlowHot& hot = table_.hot(i);
  if (hot.ending != flow::kNone) settle(hot.ending, false);
  count_bytes(i);
  const uint32_t timer_next = hot.timer_next;
  const flow::FlowKey key = hot.key;
  hot = FlowHot{};
  hot.key = key;
  hot.timer_next = timer_next;
  table_.dir(i, End::kLo) = Direction{};
  table_.dir(i, End::kHi) = Direction{};
  table_.cold(i) = flow::FlowCold{};
}

// ---- time ----

TimeNs Tracker::silence_deadline(uint32_t i, EndKind& kind) {
  const FlowHot& hot = table_.hot(i);
  if (hot.state == State::kClosed || (hot.marks & flow::kReported) != 0) return 0;
  const DurationNs repeat = table_.cold(i).repeat_gap_10ms * 10 * kMs;
  // Repeats double at most (RFC 6298 5.5): twice the latest spacing and a quarter has passed without the next.
  const DurationNs doubled = repeat * 9 / 4;
  const Direction& lo = table_.dir(i, End::kLo);
  const Direction& hi = table_.dir(i, End::kHi);
  if (hot.state == State::kSynSent) {
    kind = EndKind::kSynTimeout;
    // The first repeat comes after 1 s (RFC 6298) or, on old systems, 3 s (RFC 1122 4.2.3.1).
    return later(lo.last_ns, hi.last_ns) + std::max<DurationNs>(4 * kSecond, doubled);
  }
  if (hot.state == State::kSynAckSeen) {
    kind = EndKind::kSynAckTimeout;
    return later(lo.last_ns, hi.last_ns) + std::max<DurationNs>(4 * kSecond, doubled);
  }
  for (const auto& [d, peer] : {std::pair<const Direction&, const Direction&>{lo, hi}, {hi, lo}}) {
    // Five repeats without an answer: R2 of RFC 9293 3.8.3 is near or passed. One-way captures cannot tell.
    if (d.retransmits >= 5 && peer.pkts != 0 && d.last_ns > peer.last_ns) {
      kind = EndKind::kSilence;
      return d.last_ns + std::max<DurationNs>(4 * kSecond, doubled);
    }
  }
  return 0;
}

TimeNs Tracker::due(uint32_t i, TimeNs now) {
  FlowHot& hot = table_.hot(i);
  if (hot.ending != flow::kNone) return now + settings_.settle_ns;
  EndKind kind = EndKind::kRst;
  const TimeNs deadline = silence_deadline(i, kind);
  if (deadline != 0) {
    if (now < deadline) return deadline;
    give_up(i, kind, deadline);
  }
  const TimeNs last = later(table_.dir(i, End::kLo).last_ns, table_.dir(i, End::kHi).last_ns);
  const DurationNs keep = hot.state == State::kClosed ? settings_.linger_ns : settings_.max_idle_ns;
  if (now < last + keep) return last + keep;
  if (hot.state != State::kClosed) ++counts_.expired_idle;
  count_bytes(i);
  table_.erase(i);
  return 0;
}

void Tracker::advance(TimeNs now) {
  if (now > now_) now_ = now;
  while (waiting_size_ != 0 && !must_drain()) {
    const Waiting w = waiting_[waiting_head_];
    const bool valid = endings_[w.ending].ticket == w.ticket;
    if (valid && endings_[w.ending].deadline >= now_) break;
    waiting_head_ = (waiting_head_ + 1) % static_cast<uint32_t>(waiting_.size());
    --waiting_size_;
    if (valid) settle(w.ending, true);
  }
  // A few flows a call keep up with any rate of insertion: a burst inserts at most 32.
  if (must_drain()) return;
  wheel_.advance(
      now_, 64, [this](uint32_t i) -> uint32_t& { return table_.hot(i).timer_next; },
      [this](uint32_t i) { return due(i, now_); });
}

bool Tracker::finish(TimeNs now) {
  if (now > now_) now_ = now;
  while (waiting_size_ != 0) {
    if (must_drain()) return false;
    const Waiting w = waiting_[waiting_head_];
    waiting_head_ = (waiting_head_ + 1) % static_cast<uint32_t>(waiting_.size());
    --waiting_size_;
    if (endings_[w.ending].ticket == w.ticket) settle(w.ending, endings_[w.ending].deadline < now_);
  }
  for (; finish_at_ < table_.high_water(); ++finish_at_) {
    if (must_drain()) return false;
    const uint32_t i = finish_at_;
    FlowHot& hot = table_.hot(i);
    if (hot.state == State::kFree) continue;
    EndKind kind = EndKind::kRst;
    const TimeNs deadline = silence_deadline(i, kind);
    if (deadline != 0) {
      // The input ends before the deadline: one unanswered repeat is enough to call it unanswered, none is not.
      const bool repeated = table_.dir(i, End::kLo).syns > 1 || table_.dir(i, End::kHi).syns > 1 ||
                            kind == EndKind::kSilence;
      if (deadline <= now_) {
        give_up(i, kind, deadline);
      } else if (repeated) {
        give_up(i, kind, now_);
      }
    }
    count_bytes(i);
  }
  return true;
}

// ---- packets ----

uint32_t Tracker::open(const PacketView& v, const flow::FlowKey& key, End from, uint64_t hash) {
  uint32_t i = table_.insert(key, hash);
  if (i == flow::kNone) {
    const uint32_t victim = table_.victim(hash);
    if (victim == flow::kNone) return flow::kNone;
    const bool closed = table_.hot(victim).state == State::kClosed;
    count_bytes(victim);
    if (!table_.replace(victim, key, hash)) return flow::kNone;
    ++(closed ? counts_.evicted_closed : counts_.evicted_unestablished);
    i = victim;
  } else {
    wheel_.add(i, v.time + 4 * kSecond, [this](uint32_t f) -> uint32_t& { return table_.hot(f).timer_next; });
  }
  start(i, v, from);
  return i;
}

void Tracker::start(uint32_t i, const PacketView& v, End from) {
  FlowHot& hot = table_.hot(i);
  hot.first_ns = v.time;
  if (v.ipv6) hot.marks |= flow::kIpv6;
  const auto client = [&hot](End e) {
    if (e == End::kHi) hot.marks |= flow::kClientIsHi;
  };
  ++counts_.connections;
  if (v.has(packet::kRst)) {
    // A RST alone. Sequence 0 with ACK answers a SYN (RFC 9293 3.5.2), so its sender is the server; other than that
    // only the ports speak.
    const bool from_server = (v.has(packet::kAck) && v.seq == 0) || server_by_port(v.src_port, v.dst_port);
    client(from_server ? other(from) : from);
    hot.marks |= flow::kMidstream;
    hot.state = State::kEstablished;
    return;
  }
  if (v.has(packet::kSyn)) {
    hot.marks |= flow::kClientKnown;
    if (v.has(packet::kAck)) {
      client(other(from));
      hot.marks |= flow::kMidstream;
      hot.state = State::kSynAckSeen;
    } else {
      client(from);
      hot.state = State::kSynSent;
    }
    tally(i, Happened::kAttempted);
    return;
  }
  client(server_by_port(v.src_port, v.dst_port) ? other(from) : from);
  hot.marks |= flow::kMidstream | flow::kCountedEstablished;
  hot.state = State::kEstablished;
  tally(i, Happened::kAttempted);
  tally(i, Happened::kEstablished);
}

bool Tracker::is_copy(const Direction& d, const PacketView& v, uint32_t signature) {
  if ((d.bits & flow::kStarted) == 0 || d.signature != signature || d.last_flags != v.flags) return false;
  const DurationNs apart = since(v.time, d.last_ns);
  return apart < kCopyWindow || (v.ip_id != 0 && apart < kCopyWindowById);
}

Outcome Tracker::packet(const PacketView& v, const flow::FlowKey& key, End from, uint64_t hash) {
  if (v.time > now_) {
    now_ = v.time;
  } else if (v.time + kSecond < now_) {
    ++counts_.clock_backwards;
  }
  uint32_t i = table_.find(key, hash);
  if (i == flow::kNone) {
    i = open(v, key, from, hash);
    if (i == flow::kNone) return Outcome::kTableFull;
  } else {
    FlowHot& hot = table_.hot(i);
    if (hot.ending != flow::kNone) {
      if (v.time > endings_[hot.ending].deadline) settle(hot.ending, true);
    } else if (hot.state < State::kEstablished || table_.dir(i, End::kLo).retransmits >= 5 ||
               table_.dir(i, End::kHi).retransmits >= 5) {
      EndKind kind = EndKind::kRst;
      const TimeNs deadline = silence_deadline(i, kind);
      if (deadline != 0 && v.time >= deadline) give_up(i, kind, deadline);
    }
  }
  if (v.has(packet::kRst)) {
    rst(i, v, from);
    return Outcome::kTracked;
  }
  Direction& d = table_.dir(i, from);
  const uint32_t signature = signature_of(v);
  if (is_copy(d, v, signature)) {
    table_.hot(i).marks |= flow::kDuplicates;
    ++counts_.duplicates;
    return Outcome::kMirrorDuplicate;
  }
  if (v.has(packet::kSyn)) {
    if (v.has(packet::kAck)) {
      syn_ack(i, v, from);
    } else {
      syn(i, v, from);
    }
  }
  if (table_.hot(i).ending != flow::kNone) note_after(i, v, from);
  segment(i, v, from);
  table_.dir(i, from).signature = signature;
  return Outcome::kTracked;
}

void Tracker::syn(uint32_t i, const PacketView& v, End from) {
  FlowHot* hot = &table_.hot(i);
  flow::FlowCold* cold = &table_.cold(i);
  const auto side = static_cast<size_t>(from);
  const bool fresh = hot->first_ns == v.time && table_.dir(i, from).pkts == 0 && table_.dir(i, other(from)).pkts == 0 &&
                     hot->state == State::kSynSent;
  if (!fresh) {
    const bool same = table_.dir(i, from).syns != 0 && cold->isn[side] == v.seq;
    // A SYN after a RST, after both FINs, or with a new sequence before any answer begins the next connection on
    // this tuple. With the same sequence number and no RST it is a repeat, also after an ICMP error or a give-up.
    const bool given_up = (hot->marks & flow::kReported) != 0 && (hot->marks & flow::kWasReset) == 0;
    if (same && given_up) return;
    const bool ended = hot->ending != flow::kNone || hot->state == State::kClosed;
    if (ended || (!same && hot->state == State::kSynSent)) {
      next_incarnation(i);
      start(i, v, from);
    } else if (same && hot->state == State::kSynSent) {
      cold->repeat_gap_10ms = saturate<uint16_t>(since(v.time, table_.dir(i, from).last_ns) / (10 * kMs));
    } else if (!same) {
      hot->marks |= flow::kSynOnLive;
      return;
    }
  }
  Direction& d = table_.dir(i, from);
  cold = &table_.cold(i);
  cold->isn[side] = v.seq;
  d.next = v.seq + 1;
  d.window_scale = (v.opts & packet::kOptWindowScale) != 0 ? v.window_scale : uint8_t{0};
  d.syn_tool = static_cast<uint8_t>(syn_tool(v)) & 7;
  if (d.syns != flow::kMaxSyns) ++d.syns;
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
    hot.first_ns = v.time;
    hot.marks = static_cast<uint16_t>(flow::kClientKnown | (other(from) == End::kHi ? flow::kClientIsHi : 0) |
                                      (v.ipv6 ? flow::kIpv6 : 0));
    hot.state = State::kSynSent;
    client.next = v.ack;
    cold.isn[1 - side] = v.ack - 1;
    tally(i, Happened::kAttempted);
  }
  if (hot.state == State::kSynSent) {
    hot.state = State::kSynAckSeen;
    // A client's first SYN-ACK after one SYN gives the server's side of the round trip.
    const DurationNs took = since(v.time, client.last_ns);
    cold.syn_ack_us = saturate<uint32_t>(took / kUs);
    const bool clean = client.syns == 1 && took != 0;
    norms_.learn(v.src, v.ttl);
    if (clean) d.rtt_us = saturate<uint32_t>(std::max<DurationNs>(took / kUs, 1));
  } else if (d.syns != 0 && cold.isn[side] == v.seq) {
    hot.marks |= flow::kSynAckResent;
    if ((hot.marks & flow::kSawHandshakeAck) != 0) hot.marks |= flow::kAckAfterResent;
    cold.repeat_gap_10ms = saturate<uint16_t>(since(v.time, d.last_ns) / (10 * kMs));
  }
  cold.isn[side] = v.seq;
  d.next = (d.bits & flow::kStarted) != 0 && d.syns != 0 ? seq_max(d.next, v.seq + 1) : v.seq + 1;
  d.window_scale = (v.opts & packet::kOptWindowScale) != 0 ? v.window_scale : uint8_t{0};
  if (d.syns != flow::kMaxSyns) ++d.syns;
}

void Tracker::note_gap(FlowHot& hot, TimeNs now, TimeNs last) {
  if (last != 0 && since(now, last) >= kGap) {
    hot.gap_ms = saturate<uint32_t>(since(now, last) / kMs);
    hot.since_gap = 0;
  }
  bump(hot.since_gap);
}

void Tracker::keep_head(uint32_t i, const PacketView& v, End from) {
  const auto side = static_cast<size_t>(from);
  flow::FlowCold& cold = table_.cold(i);
  auto& head = table_.heads(i).bytes[side];
  const size_t room = head.size() - cold.head_len[side];
  const size_t n = std::min(room, v.payload.size());
  std::memcpy(head.data() + cold.head_len[side], v.payload.data(), n);
  cold.head_len[side] = static_cast<uint8_t>(cold.head_len[side] + n);
}

void Tracker::note_after(uint32_t i, const PacketView& v, End from) {
  Ending& end = endings_[table_.hot(i).ending];
  const auto side = static_cast<size_t>(from);
  After& a = end.after[side];
  const Direction& d = table_.dir(i, from);
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
  if (!started && !is_syn) {
    d.next = v.seq;
    table_.cold(i).isn[static_cast<size_t>(from)] = v.seq;
  }

  // Handshake. Data from one side proves the other's missing part: one-way captures.
  if (!is_syn && hot.state < State::kEstablished) {
    const bool completes = hot.state == State::kSynAckSeen
                               ? (from_client ? v.has(packet::kAck) : v.payload_bytes != 0)
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

  const bool probe = !is_syn && started && v.payload_bytes <= 1 && !v.has(packet::kFin) && v.seq == d.next - 1 &&
                     peer.acked == d.next && (peer.bits & flow::kStarted) != 0;
  // A repeat or a probe does not end a silence, it only fails to.
  const bool repeat = started && !is_syn && (v.payload_bytes != 0 || v.has(packet::kFin)) && !seq_after(v.seq_end(), d.next);
  if (!probe && !repeat) note_gap(hot, v.time, later(d.last_ns, peer.last_ns));

  // Acknowledgement.
  if (v.has(packet::kAck) && (d.acked == 0 || seq_after(v.ack, d.acked))) {
    if (peer.last_len != 0 && peer.retransmits == 0 && v.ack == peer.next && !is_syn) {
      const uint32_t us = saturate<uint32_t>(std::max<DurationNs>(since(v.time, peer.last_ns) / kUs, 1));
      if (d.rtt_us == 0 || us < d.rtt_us) d.rtt_us = us;
    }
    d.acked = v.ack;
    peer.retransmits = 0;
  }
  peer.probes = 0;

  // Data.
  if (probe) {
    table_.cold(i).repeat_gap_10ms = saturate<uint16_t>(since(v.time, d.last_ns) / (10 * kMs));
    bump(d.probes);
  } else if (!is_syn && (v.payload_bytes != 0 || v.has(packet::kFin))) {
    const int32_t beyond = seq_diff(v.seq_end(), d.next);
    if (beyond > 0) {
      const uint32_t fin = v.has(packet::kFin) ? 1 : 0;
      const uint32_t fresh = std::min(static_cast<uint32_t>(beyond) - std::min(fin, static_cast<uint32_t>(beyond)),
                                      v.payload_bytes);
      if (fresh != 0) {
        const bool from_hi = from == End::kHi;
        const bool turn = (hot.marks & flow::kAnyData) == 0 || ((hot.marks & flow::kLastDataIsHi) != 0) != from_hi;
        if (turn) {
          d.run_bytes = 0;
          table_.cold(i).head_len[static_cast<size_t>(from)] = 0;
          hot.marks = static_cast<uint16_t>((hot.marks & ~flow::kLastDataIsHi) | flow::kAnyData |
                                            (from_hi ? flow::kLastDataIsHi : 0));
        }
        if (d.run_bytes < flow::Heads::kBytes) keep_head(i, v, from);
        d.run_bytes += fresh;
        d.bytes += fresh;
      }
      d.next = v.seq_end();
    } else {
      bump(d.retransmits);
      ++counts_.retransmissions;
      table_.cold(i).repeat_gap_10ms = saturate<uint16_t>(since(v.time, d.last_ns) / (10 * kMs));
    }
  }
  if (v.has(packet::kFin) && (d.bits & flow::kFinSent) == 0) {
    d.bits |= flow::kFinSent;
    table_.cold(i).fin_ns[static_cast<size_t>(from)] = v.time;
    if (hot.state != State::kClosed) {
      const bool both = (peer.bits & flow::kFinSent) != 0;
      hot.state = both ? State::kClosed : State::kClosing;
      if (both && hot.ending == flow::kNone) {
        tally(i, Happened::kClosedCleanly);
        count_bytes(i);
      }
    }
  }

  // The sender's norms.
  if (!started) {
    d.ttl_min = d.ttl_max = v.ttl;
  } else {
    d.ttl_min = std::min(d.ttl_min, v.ttl);
    d.ttl_max = std::max(d.ttl_max, v.ttl);
  }
  if (!v.ipv6) {
    if (started && !is_syn) {
      const auto delta = static_cast<uint16_t>(v.ip_id - d.ip_id);
      if (v.ip_id == 0) {
        d.bits |= flow::kIdZero;
      } else if (d.pkts > 1 || d.ip_id != 0) {
        d.bits |= delta >= 1 && delta <= 64 ? flow::kIdCounts : flow::kIdJumps;
      }
    }
    d.ip_id = v.ip_id;
    if (!v.df) d.bits |= flow::kDfClear;
  } else {
    d.flow_label = v.flow_label;
  }
  const bool zero_window = v.window == 0 && !is_syn;
  d.bits = static_cast<uint8_t>((d.bits & ~(flow::kZeroWindow | flow::kTimestamps)) |
                                (zero_window ? flow::kZeroWindow : 0) |
                                ((v.opts & packet::kOptTimestamps) != 0 ? flow::kTimestamps : 0) | flow::kStarted);
  d.window = v.window;
  d.tos = v.tos;
  d.last_flags = v.flags;
  d.last_len = saturate<uint16_t>(v.payload_bytes);
  d.largest_32 = std::max(d.largest_32, saturate<uint8_t>((v.payload_bytes + 31) / 32));
  d.tsval = (v.opts & packet::kOptTimestamps) != 0 ? v.tsval : d.tsval;
  d.last_ns = v.time;
  bump(d.pkts);
}

void Tracker::rst(uint32_t i, const PacketView& v, End from) {
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
  r.payload_kind = payload_kind(v.payload);
  r.flags = v.flags;
  r.ttl = v.ttl;
  r.tos = v.tos;
  r.opts = v.opts;
  r.df = v.df;
  r.mptcp = v.mptcp_fastclose && v.mptcp_reason == 0 ? uint8_t{255} : v.mptcp_reason;

  uint32_t e = hot.ending;
  if (e == flow::kNone) {
    // After a reported RST the rest is its cascade. After a give-up the RST is news.
    if ((hot.marks & flow::kWasReset) != 0) {
      ++counts_.late_rsts;
      return;
    }
    e = new_ending(i, EndKind::kRst, v.time);
    if (e == flow::kNone) return;
    Ending& end = endings_[e];
    end.deadline = v.time + settings_.settle_ns;
    end.norm = norms_.of(v.src);
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
    // fields alone prove nothing there: a router's decrement of the TTL does.
    if (seen.from == r.from && seen.seq == r.seq && seen.ack == r.ack && seen.flags == r.flags &&
        seen.window == r.window && seen.ip_id == r.ip_id && since(v.time, seen.time) < kCopyWindow &&
        (seen.ttl != r.ttl || (r.ip_id != 0 && !v.ipv6))) {
      hot.marks |= flow::kDuplicates;
      end.hot.marks |= flow::kDuplicates;
      ++counts_.duplicates;
      return;
    }
  }
  if (end.rsts < kMaxRsts) end.rst[end.rsts++] = r;
  bump(end.rst_count[static_cast<size_t>(from)]);
}

Outcome Tracker::icmp(const PacketView& v, const flow::FlowKey& key, End from, uint64_t hash) {
  if (v.time > now_) now_ = v.time;
  const uint32_t i = table_.find(key, hash);
  if (i == flow::kNone) return Outcome::kIcmpQuote;
  FlowHot& hot = table_.hot(i);
  // Only what ends a connection attempt (RFC 1122 4.2.3.9; RFC 4443 3.1): unreachable, not "too big", "time
  // exceeded" or "parameter problem"; and the quoted sequence number must be one that was sent (RFC 5927 4.1).
  const bool unreachable = v.ipv6 ? v.icmp_type == 1 : v.icmp_type == 3 && v.icmp_code != 4;
  const Direction& d = table_.dir(i, from);
  if (!unreachable || (d.bits & flow::kStarted) == 0 || seq_after(v.seq, d.next)) return Outcome::kIcmpQuote;
  if (hot.state != State::kSynSent || hot.ending != flow::kNone || (hot.marks & flow::kReported) != 0)
    return Outcome::kIcmpQuote;
  const uint32_t e = new_ending(i, EndKind::kIcmp, v.time);
  if (e == flow::kNone) return Outcome::kIcmpQuote;
  Ending& end = endings_[e];
  end.icmp_src = v.icmp_src;
  end.icmp_type = v.icmp_type;
  end.icmp_code = v.icmp_code;
  settle(e, true);
  return Outcome::kIcmpQuote;
}

}  // namespace rs::track
