// SPDX-License-Identifier: Apache-2.0
#include "dataplane/track/tracker.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/prefetch.h"
#include "dataplane/base/seq.h"
#include "dataplane/track/arithmetic.h"
#include "dataplane/track/calm.h"

namespace rs::track {

using flow::Direction;
using flow::End;
using flow::FlowHot;
using flow::State;
using packet::Outcome;
using packet::PacketView;

namespace {

// Flows the wheel looks at a burst. A burst inserts at most 32, each looked at every 32 s or so: this keeps up.
constexpr uint32_t kWheelBudget = 64;

// Who is the client of a connection joined midway: the end with the higher port, since servers listen on low and
// registered ports (RFC 6335); with equal ports the sender of the first packet.
bool server_by_port(uint16_t port, uint16_t peer_port) { return port < peer_port; }

}  // namespace

Tracker::Tracker(flow::Table& table, const Settings& settings, uint32_t endings) : table_(table), settings_(settings) {
  const uint32_t room = endings + static_cast<uint32_t>(kReadyMax + 2 * kReadySlack);
  endings_.resize(room);
  waiting_.resize(room);
  for (uint32_t i = 0; i < room; ++i) endings_[i].next_free = i + 1 < room ? i + 1 : flow::kNone;
  free_ending_ = 0;
  free_endings_ = room;
  ready_.reserve(room);
  tallies_.reserve(kTalliesMax + 4 * kWheelBudget);
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

// Evidence has lain for the settle time and left the caches: the next in line is asked for while this one is judged.
void Tracker::ask_for_next() const {
  constexpr uint32_t kFlowAhead = 3;  // its flow stands in its evidence, so that must have come
  constexpr uint32_t kAhead = 6;
  const auto at = [this](uint32_t ahead) {
    const uint32_t slot = waiting_head_ + ahead;
    return waiting_[slot < waiting_.size() ? slot : slot - static_cast<uint32_t>(waiting_.size())].ending;
  };
  if (waiting_size_ <= kAhead) return;
  const void* const later = &endings_[at(kAhead)];
  for (size_t line = 0; line < sizeof(Ending); line += 64) prefetch_to_write(static_cast<const uint8_t*>(later) + line);
  const uint32_t flow = endings_[at(kFlowAhead)].flow;
  if (flow != flow::kNone) table_.prefetch_record(flow);
}

void Tracker::settle_oldest() {
  ask_for_next();
  const Waiting w = waiting_[waiting_head_];
  waiting_head_ = (waiting_head_ + 1) % static_cast<uint32_t>(waiting_.size());
  --waiting_size_;
  if (endings_[w.ending].ticket != w.ticket) return;
  ++counts_.settled_early;
  endings_[w.ending].crowded = true;
  settle(w.ending, false);
}

// Called before each packet: what one packet can begin must find a place, so that no ending is lost in a storm.
void Tracker::make_room() {
  while (free_endings_ + ready_.size() < 2 * kReadySlack && waiting_size_ != 0) settle_oldest();
  while (waiting_size_ + kReadySlack > waiting_.size()) settle_oldest();
}

uint32_t Tracker::new_ending(uint32_t i, EndKind kind, TimeNs time) {
  if (free_ending_ == flow::kNone) return flow::kNone;
  const uint32_t e = free_ending_;
  free_ending_ = endings_[e].next_free;
  --free_endings_;
  Ending& end = endings_[e];
  end.reset();
  end.kind = kind;
  end.time = time;
  end.flow = i;
  end.hot = table_.hot(i);
  end.dir[0] = table_.dir(i, End::kLo);
  end.dir[1] = table_.dir(i, End::kHi);
  end.cold = table_.cold(i);
  end.heads = table_.heads(i);
  const TimeNs last = later(end.dir[0].last_ns, end.dir[1].last_ns);
  const DurationNs gap = last == 0 ? 0 : since(time, last);
  const bool explains = end.cold.gap_ms != 0 && end.since_gap() <= kGapPackets;
  if (kind == EndKind::kSilence) {
    end.idle_ms = explains ? end.cold.gap_ms : 0;  // what follows the repeats is waiting, not idleness
  } else {
    end.idle_ms = gap < kGap && explains ? end.cold.gap_ms : saturate<uint32_t>(gap / kMs);
  }
  return e;
}

// Gives the ending's place back, unjudged. Its turn in the ring of those that wait finds it gone.
void Tracker::drop_ending(uint32_t e) {
  endings_[e].ticket = 0;
  endings_[e].next_free = free_ending_;
  free_ending_ = e;
  ++free_endings_;
}

Asked Tracker::asked(const Ending& end) {
  const bool client_is_hi = (end.hot.marks & flow::kClientIsHi) != 0;
  const flow::FlowKey& key = end.hot.key;
  return {.flow = flow::hash(key, flow::Seed{}),
          .client = client_is_hi ? key.hi : key.lo,
          .server = client_is_hi ? key.lo : key.hi,
          .client_port = client_is_hi ? key.hi_port : key.lo_port,
          .server_port = client_is_hi ? key.lo_port : key.hi_port,
          .first = end.cold.first_ns,
          .time = end.time,
          .by_rst = end.kind == EndKind::kRst,
          .by_client = end.kind == EndKind::kRst && end.rst[0].from == end.client(),
          .rst_ttl = end.rst[0].ttl,
          .rtt_us = end.of(end.rst[0].from).rtt_us};
}

void Tracker::settle(uint32_t e, bool settled) {
  Ending& end = endings_[e];
  const uint32_t relayed_us = end.around.relayed_us;
  end.around = neighbours_.around(asked(end));
  end.around.relayed_us = relayed_us;
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
    table_.offer_closed(i);
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
  if ((hot.marks & flow::kAckAfterResent) != 0) {
    // A listener that never takes the handshake's ACK repeats its SYN-ACK and says nothing else. One repeat may be a
    // lost ACK, three are a full queue (Linux repeats it five times).
    const Direction& server = (hot.marks & flow::kClientIsHi) != 0 ? lo : hi;
    if (server.syns > 3 && server.bytes == 0 && (server.last_flags & packet::kSyn) != 0) {
      kind = EndKind::kSynAckTimeout;
      return later(lo.last_ns, hi.last_ns) + std::max<DurationNs>(4 * kSecond, doubled);
    }
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
  if (hot.state == State::kFree) {  // forgotten before
    table_.erase(i);
    return 0;
  }
  if (hot.state != State::kClosed) ++counts_.expired_idle;
  count_bytes(i);
  table_.erase(i);
  return 0;
}

void Tracker::close_overdue(uint32_t i, TimeNs now) {
  const FlowHot& hot = table_.hot(i);
  if (hot.ending != flow::kNone) [[unlikely]] {
    if (now > due_at(endings_[hot.ending])) settle(hot.ending, true);
    return;
  }
  const bool outstanding = hot.state < State::kEstablished || (hot.marks & flow::kAckAfterResent) != 0 ||
                           std::max(table_.dir(i, End::kLo).retransmits, table_.dir(i, End::kHi).retransmits) >= 5;
  if (!outstanding) return;
  EndKind kind = EndKind::kRst;
  const TimeNs deadline = silence_deadline(i, kind);
  if (deadline != 0 && now >= deadline) give_up(i, kind, deadline);
}

bool Tracker::forget_idle(uint32_t i, const flow::FlowKey& key, uint64_t hash) {
  const FlowHot& hot = table_.hot(i);
  const TimeNs last = later(table_.dir(i, End::kLo).last_ns, table_.dir(i, End::kHi).last_ns);
  const DurationNs keep = hot.state == State::kClosed ? settings_.linger_ns : settings_.max_idle_ns;
  if (now_ < last + keep || hot.ending != flow::kNone) return false;
  if (hot.state != State::kClosed) ++counts_.expired_idle;
  count_bytes(i);
  return table_.replace(i, key, hash);
}

bool Tracker::restart(TimeNs reached, TimeNs now) {
  if (reached > now_) now_ = reached;
  while (waiting_size_ != 0) {
    if (must_drain()) return false;
    const Waiting w = waiting_[waiting_head_];
    waiting_head_ = (waiting_head_ + 1) % static_cast<uint32_t>(waiting_.size());
    --waiting_size_;
    if (endings_[w.ending].ticket == w.ticket) settle(w.ending, due_at(endings_[w.ending]) < now_);
  }
  for (; restart_at_ < table_.high_water(); ++restart_at_) {
    if (must_drain()) return false;
    const uint32_t i = restart_at_;
    if (table_.hot(i).state == State::kFree) continue;
    close_overdue(i, now_);
    const flow::FlowKey key = table_.hot(i).key;
    (void)forget_idle(i, key, table_.hash_of(key));
  }
  restart_at_ = 0;
  now_ = now;
  wheel_.restart(now);
  return true;
}

bool Tracker::settle_due(TimeNs now) {
  while (waiting_size_ != 0) {
    const Waiting w = waiting_[waiting_head_];
    const bool valid = endings_[w.ending].ticket == w.ticket;
    if (valid && due_at(endings_[w.ending]) >= now) break;
    if (must_drain()) return false;
    ask_for_next();
    waiting_head_ = (waiting_head_ + 1) % static_cast<uint32_t>(waiting_.size());
    --waiting_size_;
    if (valid) settle(w.ending, true);
  }
  return true;
}

void Tracker::advance(TimeNs now) {
  if (now > now_) now_ = now;
  while (waiting_size_ != 0 && !must_drain()) {
    const Waiting w = waiting_[waiting_head_];
    const bool valid = endings_[w.ending].ticket == w.ticket;
    if (valid && due_at(endings_[w.ending]) >= now_) break;
    ask_for_next();
    waiting_head_ = (waiting_head_ + 1) % static_cast<uint32_t>(waiting_.size());
    --waiting_size_;
    if (valid) settle(w.ending, true);
  }
  if (must_drain()) return;
  wheel_.advance(
      now_, kWheelBudget, [this](uint32_t i) -> uint32_t& { return table_.hot(i).timer_next; },
      [this](uint32_t i) { return due(i, now_); });
}

// Its server had called back many others that never answered: a second ago at the least, unless no system makes such a
// SYN.
bool Tracker::flooded(uint32_t i) const {
  const FlowHot& hot = table_.hot(i);
  const bool client_is_hi = (hot.marks & flow::kClientIsHi) != 0;
  const bool tool = table_.dir(i, client_is_hi ? End::kHi : End::kLo).syn_tool != 0;
  if (!tool && now_ < table_.cold(i).first_ns + kSecond) return false;
  return neighbours_.unfinished(client_is_hi ? hot.key.lo : hot.key.hi,
                                client_is_hi ? hot.key.lo_port : hot.key.hi_port) >= kFlood;
}

bool Tracker::finish(TimeNs now) {
  if (now > now_) now_ = now;
  while (waiting_size_ != 0) {
    if (must_drain()) return false;
    const Waiting w = waiting_[waiting_head_];
    waiting_head_ = (waiting_head_ + 1) % static_cast<uint32_t>(waiting_.size());
    --waiting_size_;
    if (endings_[w.ending].ticket == w.ticket) settle(w.ending, due_at(endings_[w.ending]) < now_);
  }
  for (; finish_at_ < table_.high_water(); ++finish_at_) {
    if (must_drain()) return false;
    const uint32_t i = finish_at_;
    FlowHot& hot = table_.hot(i);
    if (hot.state == State::kFree) continue;
    EndKind kind = EndKind::kRst;
    const TimeNs deadline = silence_deadline(i, kind);
    if (deadline != 0) {
      // The input ends before the deadline: one unanswered repeat is enough to call it unanswered, none is not, unless
      // many others at the same door fall silent, too.
      const bool repeated = table_.dir(i, End::kLo).syns > 1 || table_.dir(i, End::kHi).syns > 1 ||
                            kind == EndKind::kSilence || flooded(i);
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
  table_.cold(i).first_ns = v.time;
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
    table_.offer_unestablished(i);
    tally(i, Happened::kAttempted);
    return;
  }
  client(server_by_port(v.src_port, v.dst_port) ? other(from) : from);
  hot.marks |= flow::kMidstream | flow::kCountedEstablished;
  hot.state = State::kEstablished;
  tally(i, Happened::kAttempted);
  tally(i, Happened::kEstablished);
}

Outcome Tracker::any(const PacketView& v, const flow::FlowKey& key, End from, uint64_t hash, uint32_t candidate) {
  if (v.time > now_) {
    now_ = v.time;
  } else if (v.time + kSecond < now_) [[unlikely]] {
    ++counts_.clock_backwards;
  }
  if (free_endings_ < kReadySlack || waiting_size_ + kReadySlack > waiting_.size()) [[unlikely]]
    make_room();
  uint32_t i = table_.find(key, hash, candidate);
  if (i == flow::kNone) {
    i = open(v, key, from, hash);
    if (i == flow::kNone) return Outcome::kTableFull;
  } else {
    close_overdue(i, now_);
    if (table_.hot(i).state == State::kFree || forget_idle(i, key, hash)) start(i, v, from);
  }
  FlowHot& hot = table_.hot(i);
  if (v.has(packet::kRst)) return rst(i, v, from) ? Outcome::kTracked : Outcome::kMirrorDuplicate;
  if (hot.ending != flow::kNone && refused_before(i, v, from)) [[unlikely]]
    return Outcome::kTracked;
  Direction& d = table_.dir(i, from);
  const uint32_t signature = signature_of(v);
  if (is_copy(hot, d, v, signature)) [[unlikely]] {
    hot.marks |= flow::kDuplicates;
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
  if (hot.ending != flow::kNone) note_after(i, v, from);
  segment(i, v, from);
  note_quick(i, v, from);
  d.recent.push(signature);
  return Outcome::kTracked;
}

Outcome Tracker::icmp(const PacketView& v, const flow::FlowKey& key, End from, uint64_t hash) {
  if (v.time > now_) now_ = v.time;
  const uint32_t i = table_.find(key, hash);
  if (i == flow::kNone) return Outcome::kIcmpQuote;
  if (table_.hot(i).state != State::kFree) close_overdue(i, now_);
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
  end.tunnel = v.tunnel;
  end.outer_ttl = v.outer_ttl;
  settle(e, true);
  return Outcome::kIcmpQuote;
}

}  // namespace rs::track
