// SPDX-License-Identifier: Apache-2.0
#include "dataplane/attribute/facts.h"

#include <algorithm>
#include <cstdlib>

#include "dataplane/attribute/around.h"
#include "dataplane/attribute/said.h"
#include "dataplane/base/seq.h"
#include "dataplane/packet/view.h"

namespace rs::attribute {

using flow::Direction;
using flow::End;
using flow::State;
using track::Ending;
using track::EndKind;
using track::RstSeen;

namespace {

// Silence that makes a connection idle: max(1 s, 4 RTO), where RTO is at least 200 ms and about the round trip plus
// four times its variation (RFC 6298); 4 x (200 ms + 2 RTT) covers it without the variation.
uint32_t idle_threshold_ms(const Direction& a, const Direction& b) {
  const uint64_t rtt_ms = (uint64_t{a.rtt_us} + b.rtt_us) / 1000;
  return static_cast<uint32_t>(std::min<uint64_t>(std::max<uint64_t>(1000, 800 + 8 * rtt_ms), 60'000));
}

// Age of a program's own clock when it sets a timer by it: one round of events of a loaded server. Our choice.
constexpr uint32_t kOldClockMs = 10;

// Idle timeouts that products ship with, in seconds: AWS ALB and many proxies 60, nginx 65 and 75, IPVS and Azure 240,
// F5 300, AWS NLB 350, Envoy and GCP 600, IPVS 900, Huawei 1200, Juniper 1800, ASA, FortiGate and Palo Alto 3600,
// MySQL 28800, nf_conntrack 432000.
constexpr int64_t kKnownDefaults[] = {30,  60,  65,  75,   120,  180,  240,  300,   350,   360,
                                      600, 610, 900, 1200, 1800, 3600, 7200, 28800, 432000};

bool is_stateless(const RstSeen& r) { return r.window == 0 && r.opts == 0 && r.payload_bytes == 0; }

// A timer set in whole seconds fires a scheduler tick late, never early. 25 ms or 0.2 %.
int64_t whole_seconds(uint32_t idle_ms, int64_t more_ms = 0) {
  const int64_t seconds = (idle_ms + 10) / 1000;
  const int64_t late = static_cast<int64_t>(idle_ms) - seconds * 1000;
  const int64_t slack = std::max<int64_t>(25, idle_ms / 500) + more_ms;
  return seconds >= 1 && late >= -10 && late <= slack ? seconds : 0;
}

class Gatherer {
 public:
  explicit Gatherer(const Ending& e) : e_(e), client_(e.client()) {}

  Facts run() {
    shape();
    if (e_.kind == EndKind::kRst) {
      image();
      hop_limit();
      ip_id();
      marks();
      sequence();
      trigger();
      afterwards();
    }
    history();
    idle();
    return f_;
  }

 private:
  [[nodiscard]] const Direction& dir(End e) const { return e_.dir[static_cast<size_t>(e)]; }
  [[nodiscard]] const Direction& client() const { return dir(client_); }
  [[nodiscard]] const Direction& server() const { return dir(other(client_)); }
  [[nodiscard]] bool mark(uint16_t m) const { return (e_.hot.marks & m) != 0; }
  [[nodiscard]] bool v6() const { return mark(flow::kIpv6); }
  [[nodiscard]] const RstSeen& rst() const { return e_.rst[0]; }
  // The first RST's claimed sender and the other end.
  [[nodiscard]] const Direction& sender() const { return dir(rst().from); }
  [[nodiscard]] const Direction& peer() const { return dir(other(rst().from)); }
  [[nodiscard]] const track::After& after(End e) const { return e_.after[static_cast<size_t>(e)]; }
  [[nodiscard]] bool fin(End e) const { return (dir(e).bits & flow::kFinSent) != 0; }
  // Silent since before the repeats began.
  [[nodiscard]] static bool spoke(const Direction& d) { return d.pkts != 0; }

  void shape() {
    const bool c_fin = fin(client_);
    const bool s_fin = fin(other(client_));
    const bool answered = spoke(server());
    switch (e_.kind) {
      case EndKind::kSynTimeout:
        f_.stage = Stage::kSyn;
        f_.ending = rs::Ending::kTimedOut;
        f_.sender = Side::kServer;
        break;
      case EndKind::kSynAckTimeout:
        // After the client's ACK it is the server that does not go on, before it the client.
        f_.stage = mark(flow::kSawHandshakeAck) ? data_stage() : Stage::kSynAck;
        f_.ending = rs::Ending::kTimedOut;
        f_.sender = mark(flow::kSawHandshakeAck) ? Side::kServer : Side::kClient;
        break;
      case EndKind::kIcmp:
        f_.stage = data_stage();
        f_.ending = rs::Ending::kRejected;
        f_.sender = Side::kServer;
        break;
      case EndKind::kSilence: {
        f_.stage = data_stage();
        f_.ending = rs::Ending::kTimedOut;
        // Who kept repeating waited for the other.
        const bool client_waits = client().retransmits >= server().retransmits;
        f_.sender = client_waits ? Side::kServer : Side::kClient;
        break;
      }
      case EndKind::kRst:
        f_.stage = half_heard() ? Stage::kMidstream
                                : (c_fin && s_fin ? Stage::kClosed : (c_fin || s_fin ? Stage::kClosing : data_stage()));
        f_.sender = rst().from == client_ ? Side::kClient : Side::kServer;
        f_.ending = f_.stage == Stage::kSyn && f_.sender == Side::kServer ? rs::Ending::kRefused : rs::Ending::kReset;
        break;
    }
    if (mark(flow::kMidstream)) f_.set(FactId::kMidstreamStart);
    if (e_.hot.state == State::kSynSent && !answered) f_.set(FactId::kSynOnly);
    if (e_.hot.state == State::kSynAckSeen) f_.set(FactId::kHandshakeHalf);
    if (mark(flow::kSawHandshakeAck)) f_.set(FactId::kHandshakeFull);
    if (client().syns > 1) f_.set(FactId::kSynRetries, client().syns - 1);
    if (server().syns > 1) f_.set(FactId::kSynAckResent, server().syns - 1);
    if (mark(flow::kAckAfterResent)) f_.set(FactId::kSynAckResent, server().syns - 1);
    if (client().syn_tool != 0) f_.set(FactId::kScannerSyn, client().syn_tool);
    if (e_.cold.syn_ack_us >= 1'000'000) f_.set(FactId::kLateHandshake, e_.cold.syn_ack_us / 1000);
    if (mark(flow::kDuplicates)) f_.set(FactId::kMirrorDuplicate);
    if (mark(flow::kSynOnLive)) f_.set(FactId::kSynOnLiveConnection);
    if (mark(flow::kSynAckWrong)) f_.set(FactId::kSynAckWrong);
    if ((e_.hot.quick & flow::kAfterClose) != 0) f_.set(FactId::kTupleClosedBefore, 1);
    if (e_.lossy) f_.set(FactId::kLossyCapture);
  }

  // Joined midway and only one end heard: how far they had come is anybody's guess.
  [[nodiscard]] bool half_heard() const {
    return mark(flow::kMidstream) && client().syns == 0 && server().syns == 0 && !(spoke(client()) && spoke(server()));
  }

  [[nodiscard]] Stage data_stage() const {
    if (half_heard()) return Stage::kMidstream;
    const bool c_data = client().bytes != 0;
    const bool s_data = server().bytes != 0;
    if (c_data && s_data) return is_idle() ? Stage::kIdle : Stage::kExchange;
    if (s_data) return is_idle() ? Stage::kIdle : Stage::kExchange;
    if (c_data) return Stage::kRequest;
    if (mark(flow::kMidstream) && e_.hot.state != State::kSynAckSeen) return Stage::kMidstream;
    // By what was seen, not by the state: a connection given up on may still be reset later.
    if (client().syns != 0 && client().acked == 0) return server().syns != 0 ? Stage::kSynAck : Stage::kSyn;
    return client().acked == 0 && server().syns != 0 ? Stage::kSynAck : Stage::kEstablished;
  }

  // A silence explains an ending that it led up to, or that the first packets after it drew at once. When the
  // connection had come back to life for a while it explains nothing.
  [[nodiscard]] bool is_idle() const {
    if (probed(End::kLo) || probed(End::kHi)) return true;
    // Who repeats what nobody answers waits, and is not idle.
    if (client().retransmits + server().retransmits != 0 && silent_to_the_end() && e_.kind == EndKind::kRst)
      return false;
    if (e_.idle_ms <= idle_threshold_ms(client(), server())) return false;
    return e_.kind != EndKind::kRst || silent_to_the_end() || prompt();
  }
  // Nobody probes a connection that is in use. A probe into a closed window looks the same and asks something else.
  [[nodiscard]] bool probed(End by) const {
    return dir(by).probes != 0 && (dir(other(by)).bits & flow::kZeroWindow) == 0;
  }
  [[nodiscard]] bool silent_to_the_end() const {
    const TimeNs last = std::max(client().last_ns, server().last_ns);
    return e_.time > last && e_.time - last >= e_.idle_ms * kMs;
  }
  // The RST came as soon as an answer to the peer's latest packet can: two round trips, or a scheduler's delay.
  [[nodiscard]] bool prompt() const { return rst().reaction_us <= 2 * std::max(sender().rtt_us, 5'000U); }

  // RFC 9293 3.5.2 and the images of Linux measured per reset reason.
  void image() {
    const RstSeen& r = rst();
    const bool has_ack = (r.flags & packet::kAck) != 0;
    f_.set(FactId::kRstWindow, r.window);
    if (r.payload_bytes != 0) f_.set(FactId::kRstPayload, r.payload_bytes);
    if (r.mptcp != 0) f_.set(FactId::kMptcpReason, r.mptcp == 255 ? 0 : r.mptcp - 1);
    const bool ts_negotiated = (sender().bits & flow::kTimestamps) != 0 && (peer().bits & flow::kTimestamps) != 0;
    const bool ts_kept = (r.opts & packet::kOptTimestamps) != 0;
    const bool id_follows = !v6() && r.ip_id != 0 && r.ip_id_delta >= 1 && r.ip_id_delta <= 2000;
    const bool label_follows = v6() && spoke(sender()) && r.flow_label != 0 && r.flow_label == sender().flow_label;
    if (is_stateless(r) && !has_ack) {
      f_.set(FactId::kImageStateless);
    } else if (is_stateless(r) && has_ack && (r.seq == 0 || answers_syn())) {
      f_.set(FactId::kImageStatelessAck);
    } else if (has_ack && spoke(sender()) &&
               (r.window != 0 || ts_kept || id_follows || label_follows || closes_with_zero())) {
      f_.set(FactId::kImageActive);
    } else {
      f_.set(FactId::kImageRaw);
    }
    if (ts_negotiated && has_ack && !is_stateless(r))
      f_.set(ts_kept ? FactId::kTimestampsKept : FactId::kTimestampsMissing);
  }

  // Windows resets a live connection with window 0. Over IPv6 there is no IP ID to show that its sender is the host:
  // then all else must be the host's own, hop limit, no label where it sends none, no timestamps where it has none.
  [[nodiscard]] bool closes_with_zero() const {
    const RstSeen& r = rst();
    return v6() && r.flow_label == sender().flow_label && (sender().bits & flow::kTimestamps) == 0 &&
           r.ttl >= sender().ttl_min && r.ttl <= sender().ttl_max && r.seq_minus_next == 0 &&
           r.ack_minus_peer_next == 0 && e_.rst_count[static_cast<size_t>(r.from)] == 1;
  }

  [[nodiscard]] bool answers_syn() const {
    return (peer().last_flags & packet::kSyn) != 0 && (peer().last_flags & packet::kAck) == 0;
  }
  [[nodiscard]] bool stateless_image() const {
    return f_.has(FactId::kImageStateless) || f_.has(FactId::kImageStatelessAck);
  }

  void hop_limit() {
    const RstSeen& r = rst();
    f_.set(FactId::kRstTtl, r.ttl);
    uint8_t low = sender().ttl_min;
    uint8_t high = sender().ttl_max;
    if (!spoke(sender())) {
      // Its other connections speak for it when they agree with each other.
      if (e_.norm.samples == 0 || e_.norm.ttl_max - e_.norm.ttl_min > 1) {
        f_.set(FactId::kNoTtlBaseline);
        return;
      }
      low = e_.norm.ttl_min;
      high = e_.norm.ttl_max;
    }
    if (r.ttl >= low && r.ttl <= high) {
      f_.set(FactId::kTtlMatchesSender);
      return;
    }
    const int delta = r.ttl < low ? r.ttl - low : r.ttl - high;
    f_.set(std::abs(delta) == 1 ? FactId::kTtlOffByOne : FactId::kTtlDiffersFromSender, delta);
  }

  void ip_id() {
    const RstSeen& r = rst();
    if (v6()) {
      // A host that sends no labels, or a network without them, has none to lose.
      if (r.flow_label == 0 && sender().flow_label == 0 && (spoke(sender()) || peer().flow_label == 0)) return;
      if (r.flow_label == 0) {
        f_.set(FactId::kFlowLabelZero);
      } else {
        f_.set(spoke(sender()) && r.flow_label == sender().flow_label ? FactId::kFlowLabelKept
                                                                      : FactId::kFlowLabelOther);
      }
      return;
    }
    if (!r.df && (!spoke(sender()) || (sender().bits & flow::kDfClear) == 0)) {
      f_.set(spoke(sender()) ? FactId::kDfDiffersFromSender : FactId::kDfClear);
    }
    if (r.ip_id == 0) {
      if (r.df) f_.set(FactId::kIpIdZero);
      return;
    }
    const bool counts = (sender().bits & flow::kIdCounts) != 0 && (sender().bits & flow::kIdJumps) == 0;
    if (sender().pkts < 2) return;
    if (r.ip_id_delta >= 1 && r.ip_id_delta <= 2000) {
      f_.set(FactId::kIpIdContinues, r.ip_id_delta);
    } else if (counts ||
               ((sender().bits & flow::kIdZero) != 0 && (sender().bits & (flow::kIdCounts | flow::kIdJumps)) == 0)) {
      f_.set(FactId::kIpIdBreaks, r.ip_id_delta);
    }
  }

  // Linux copies the trigger's TOS into a stateless RST, netfilter's reject does not.
  void marks() {
    if (!stateless_image()) return;
    const uint8_t trigger = peer().tos & 0xfc;
    const uint8_t own = rst().tos & 0xfc;
    if (trigger == 0) {
      f_.set(FactId::kTosUnmarked);
    } else if (own == trigger) {
      f_.set(FactId::kTosCopied);
    } else if (own == 0) {
      f_.set(FactId::kTosNotCopied);
    }
  }

  void sequence() {
    const RstSeen& r = rst();
    const bool has_ack = (r.flags & packet::kAck) != 0;
    if (!spoke(sender()) && !spoke(peer())) {
      f_.set(FactId::kUnsolicited);
      return;
    }
    if (!spoke(sender())) f_.set(FactId::kSenderSilent);
    if (f_.has(FactId::kImageStatelessAck) && r.seq == 0) {
      f_.set(r.ack_minus_peer_next == 0 ? FactId::kAckExact : FactId::kAckWrong);
      return;
    }
    if (has_ack && spoke(peer())) {
      // The sender may not have had the peer's last bytes yet: behind is right, beyond is not.
      const bool plausible = r.ack_minus_peer_next <= 0 && r.ack_minus_peer_next > -(1 << 20);
      f_.set(plausible ? FactId::kAckExact : FactId::kAckWrong);
    }
    const bool own_exact = spoke(sender()) && r.seq_minus_next == 0;
    // With a full or closed window Linux resets at the window's end (tcp_acceptable_seq).
    const auto window = static_cast<int64_t>(peer().window) << peer().window_scale;
    const bool ack_exact =
        spoke(peer()) && peer().acked != 0 &&
        (r.seq_minus_peer_ack == 0 || (f_.has(FactId::kImageActive) && r.seq_minus_peer_ack == window));
    if (own_exact) f_.set(FactId::kSeqExact);
    if (ack_exact) f_.set(FactId::kSeqIsTriggerAck);
    if (own_exact || ack_exact) {
      if (own_exact && fin(r.from)) f_.set(FactId::kSeqAfterFin);
      return;
    }
    // A FIN that this RST does not count: the connection was aborted although a FIN had been sent.
    const int32_t off = spoke(sender()) ? r.seq_minus_next : r.seq_minus_peer_ack;
    if (r.seq == 0) {
      f_.set(FactId::kSeqZero);
    } else if (off < 0) {
      // A stateless reply takes the trigger's ACK, which may trail: anything the peer once acknowledged is right.
      if (stateless_image() && spoke(peer()) && seq_diff(r.seq, peer().acked) <= 0 && off > -(1 << 24)) {
        f_.set(FactId::kSeqIsTriggerAck);
      } else {
        f_.set(FactId::kSeqBehindSender, off);
      }
    } else {
      f_.set(off <= std::max<int64_t>(window, 1) ? FactId::kSeqInWindow : FactId::kSeqOutOfWindow, off);
    }
  }

  void trigger() {
    const RstSeen& r = rst();
    const Direction& p = peer();
    if (!spoke(p)) return;
    const uint32_t rtt = sender().rtt_us;
    // A live socket resets on its own account; only an answer has a trigger.
    if (!stateless_image() && !prompt()) {
      f_.set(FactId::kSpontaneous);
    } else {
      const bool syn = (p.last_flags & packet::kSyn) != 0;
      const bool ack = (p.last_flags & packet::kAck) != 0;
      if (p.probes != 0) f_.set(FactId::kKeepaliveProbeBefore);
      if (syn) {
        f_.set(ack ? FactId::kAnswersSynAck : FactId::kAnswersSyn);
      } else if ((p.last_flags & packet::kFin) != 0) {
        f_.set(FactId::kAnswersFin);
      } else {
        f_.set(p.last_len != 0 ? FactId::kAnswersData : FactId::kAnswersAck);
      }
    }
    if (r.reaction_us != UINT32_MAX) f_.set(FactId::kReactionUs, r.reaction_us);
    // A kernel refuses at once. A second later somebody else tried first.
    if (f_.has(FactId::kAnswersSyn) && r.reaction_us != UINT32_MAX && r.reaction_us >= 900'000)
      f_.set(FactId::kLateHandshake, r.reaction_us / 1000);
    // With several packets of the peer on their way the RST may answer an earlier one: only a lone trigger can be
    // timed. Below half a millisecond the tap's own stamping decides, not the path.
    const bool lone =
        (e_.since_gap() == 1 && e_.hot.state < State::kClosing) || (f_.stage == Stage::kSyn && p.syns == 1);
    // A live port without hardware stamps gives a whole burst one time: no ground for a race.
    if (r.exact_time && stateless_image() && lone && rtt >= 500 && r.reaction_us * 2ULL < rtt)
      f_.set(FactId::kFasterThanSender, static_cast<int64_t>(r.reaction_us) * 100 / rtt);
  }

  void afterwards() {
    const RstSeen& r = rst();
    const track::After& own = after(r.from);
    const track::After& peers = after(other(r.from));
    const auto own_rsts = e_.rst_count[static_cast<size_t>(r.from)];
    // A mirror can swap packets a millisecond apart; a host's stack sends nothing after its RST.
    if ((own.new_data != 0 || own.newer_timestamp || own.repeats != 0) && own.last_us > 1000)
      f_.set(FactId::kSenderContinued, own.pkts);
    if (peers.pkts != 0) f_.set(FactId::kPeerAliveAfter, peers.pkts);
    if (peers.new_data != 0) f_.set(FactId::kPeerDataInFlight, peers.new_data);
    if (e_.survived) f_.set(FactId::kFlowSurvived);
    if (e_.challenge_ack) f_.set(FactId::kChallengeAckSeen);
    if (e_.syn_ack_after_rst) f_.set(FactId::kGenuineSynAckAfterRst);
    if (own_rsts > 1) f_.set(FactId::kRepeatedRst, own_rsts);
    fields_vary();
    const RstSeen* previous = &r;  // of the first RST's sender
    for (uint8_t k = 1; k < e_.rsts; ++k) {
      const RstSeen& later = e_.rst[k];
      const auto apart_us = static_cast<int64_t>((later.time - r.time) / kUs);
      if (later.from != r.from) {
        // Forged pairs leave together and look alike; a kernel answering what came after the first looks stateless.
        const bool kernel_reply = is_stateless(later) && (v6() ? later.flow_label != 0 : later.ip_id == 0 && later.df);
        const bool same_make = later.flags == r.flags && later.window == r.window && later.opts == r.opts;
        if (apart_us <= 1000 || (apart_us <= 50'000 && (same_make || !kernel_reply) && own.pkts + peers.pkts <= 2)) {
          if (!f_.has(FactId::kBothSidesReset)) f_.set(FactId::kBothSidesReset, apart_us);
        } else if (!f_.has(FactId::kPeerResetToo)) {
          f_.set(FactId::kPeerResetToo, apart_us);
        }
        continue;
      }
      // No stack sends a RST beyond what it ever sent: only a guesser covers the window with a ladder.
      const int32_t step = seq_diff(later.seq, previous->seq);
      previous = &later;
      if (later.seq_minus_next <= 0 || later.seq == r.seq || apart_us > 1'000'000 || !spoke(sender()) ||
          f_.has(FactId::kRstSeqLadder))
        continue;
      f_.set(FactId::kRstSeqLadder, step);
      // Aimed at where the data under way will have brought the receiver: the usual full segment, or this peer's.
      const int32_t largest = std::max<int32_t>(sender().largest_32, peer().largest_32) * 32;
      if (step % 1460 == 0 || step % 1440 == 0 || (largest >= 512 && std::abs(step - largest) < 32))
        f_.set(FactId::kRstSegmentLadder, step);
    }
  }

  // A kernel answers each trigger alike, and once; a device that makes RSTs by hand often varies what it can.
  void fields_vary() {
    const RstSeen& r = rst();
    for (uint8_t k = 1; k < e_.rsts; ++k) {
      const RstSeen& later = e_.rst[k];
      if (later.from != r.from || later.time - r.time > 50 * kMs) continue;
      const bool kernels = is_stateless(later) && (later.flags & packet::kAck) == 0;
      const bool windows = later.window != r.window && !kernels && later.seq == r.seq;
      const bool hops = std::abs(later.ttl - r.ttl) > 1;
      if (!windows && !hops) continue;
      f_.set(FactId::kRstFieldsVary, e_.rst_count[static_cast<size_t>(r.from)]);
      return;
    }
  }

  void history() {
    if (client().bytes != 0) f_.set(FactId::kClientBytes, static_cast<int64_t>(client().bytes));
    if (server().bytes != 0) f_.set(FactId::kServerBytes, static_cast<int64_t>(server().bytes));
    const bool by_rst = e_.kind == EndKind::kRst;
    const End s = by_rst ? rst().from : (f_.sender == Side::kClient ? client_ : other(client_));
    const Direction& own = dir(s);
    const Direction& far = dir(other(s));
    if (fin(client_)) f_.set(FactId::kFinFromClient);
    if (fin(other(client_))) f_.set(FactId::kFinFromServer);
    if (fin(s)) f_.set(FactId::kFinFromRstSender);
    if (fin(other(s))) f_.set(FactId::kFinFromPeer);
    // Late data may have been followed by the peer's own FIN: then it shows as bytes that were never acknowledged.
    const bool unread = by_rst && own.acked != 0 && seq_diff(far.next, own.acked) > (fin(other(s)) ? 1 : 0);
    if (fin(s) && (far.last_len != 0 || unread) && far.last_ns > e_.cold.fin_ns(s)) {
      const uint64_t late_us = (far.last_ns - e_.cold.fin_ns(s)) / kUs;
      f_.set(FactId::kDataAfterFin, static_cast<int64_t>(late_us));
      // The FIN was on its way to the peer and its data on the way back: half a round trip on either side of the tap.
      if (late_us < uint64_t{far.rtt_us} + 500) f_.set(FactId::kFinCrossedData);
    }
    // From the first FIN on the tracker keeps the silence before it; one packet came since: that FIN.
    const TimeNs own_fin = e_.cold.fin_ns(s);
    const TimeNs far_fin = e_.cold.fin_ns(other(s));
    if (by_rst && fin(s) && (!fin(other(s)) || own_fin <= far_fin) && e_.cold.gap_ms != 0 && e_.since_gap() == 1)
      f_.set(FactId::kFinAtEndOfIdle, e_.cold.gap_ms);
    if (server().bytes == 0 && spoke(server())) f_.set(FactId::kServerNeverSpoke);
    if (!spoke(server()) && e_.kind != EndKind::kRst) f_.set(FactId::kNeverAnswered);
    if ((e_.hot.marks & flow::kAnyData) != 0) {
      const bool last_is_own = ((e_.hot.marks & flow::kLastDataIsHi) != 0) == (s == End::kHi);
      if (last_is_own) {
        f_.set(FactId::kRequestAnswered);
      } else {
        f_.set(FactId::kRequestUnanswered, far.run_bytes);
      }
    }
    if (by_rst && spoke(far) && spoke(own)) {
      // The RST's own ACK field is the sender's last word on what it had received.
      const bool speaks = (rst().flags & packet::kAck) != 0 && !f_.has(FactId::kImageStatelessAck);
      const uint32_t acked = speaks && seq_after(rst().ack, own.acked) ? rst().ack : own.acked;
      const int32_t missing = seq_diff(far.next, acked);
      if (missing > 0 && own.acked != 0) {
        f_.set(FactId::kUnackedInbound, missing);
      } else {
        f_.set(FactId::kAckedAll);
      }
    }
    const bool client_resets = by_rst && s == client_;
    if (client_resets && server().bytes != 0) {
      // A message of several segments that stops on a full one goes on: it ends there by chance once in dozens.
      const Direction& from = server();
      const bool full_segment =
          from.last_len >= 512 && from.run_bytes >= 2U * from.last_len && (from.last_len + 31) / 32 == from.largest_32;
      const bool in_flight = f_.has(FactId::kUnackedInbound) || f_.has(FactId::kPeerDataInFlight) ||
                             (client().bits & flow::kZeroWindow) != 0 || full_segment;
      const bool last_is_server = ((e_.hot.marks & flow::kLastDataIsHi) != 0) != (client_ == End::kHi);
      if (last_is_server && in_flight) f_.set(FactId::kResponseInFlight);
      if (last_is_server && !in_flight) f_.set(FactId::kResponseComplete);
    }
    // One unanswered probe is an accident of timing, two are a schedule.
    if (own.probes >= 2 && by_rst) {
      f_.set(FactId::kKeepaliveProbes, own.probes);
      f_.set(FactId::kProbeIntervalMs, e_.cold.repeat_gap_10ms * 10);
    }
    // RFC 9293 3.8.3: below three repeats (R1) nobody gives up.
    if (by_rst && own.retransmits >= 3) f_.set(FactId::kSenderRepeated, own.retransmits);
    for (const Direction* d : {&own, &far}) {
      const int hops = d->ttl_max - d->ttl_min;
      if (spoke(*d) && hops >= 2 && hops > f_.value(FactId::kTtlStep)) f_.set(FactId::kTtlStep, hops);
    }
    if (by_rst && e_.hot.state == State::kSynSent && f_.sender == Side::kClient && f_.has(FactId::kAnswersAck) &&
        !v6() && far.pkts == 1 && far.ip_id == 0 && !f_.has(FactId::kTupleClosedBefore))
      f_.set(FactId::kTupleClosedBefore, 2);
    const uint8_t repeats = std::max(own.retransmits, far.retransmits);
    if (repeats != 0) {
      f_.set(FactId::kRetransmissions, repeats);
      f_.set(FactId::kRepeatIntervalMs, e_.cold.repeat_gap_10ms * 10);
    }
    // Linux resets at the end of the window (tcp_acceptable_seq): at the last acknowledgement, with more sent already,
    // it had not yet heard of the window's opening.
    const bool at_closed_window = f_.has(FactId::kImageActive) && f_.has(FactId::kSenderRepeated) &&
                                  rst().seq_minus_next < 0 && rst().seq_minus_peer_ack == 0;
    if ((far.bits & flow::kZeroWindow) != 0 || at_closed_window) f_.set(FactId::kZeroWindow);
    if (e_.kind == EndKind::kIcmp) f_.set(FactId::kIcmpCode, e_.icmp_type * 256 + e_.icmp_code);
    if (e_.tunnel != packet::Tunnel::kNone) f_.set(FactId::kTunnelled, static_cast<int64_t>(e_.tunnel));
    if (e_.outer_ttl != 0) f_.set(FactId::kOuterTtl, e_.outer_ttl);
    one_sided();
  }

  // Only one direction reaches the tap: one end acknowledges and sends, the other is never seen.
  void one_sided() {
    const auto seen = [this](End e) { return spoke(dir(e)) || e_.rst_count[static_cast<size_t>(e)] != 0; };
    const bool both = seen(End::kLo) && seen(End::kHi);
    const auto talks_alone = [this](End e) { return dir(e).pkts >= 2 && !spoke(dir(other(e))) && dir(e).acked != 0; };
    const bool alone = talks_alone(End::kLo) || talks_alone(End::kHi);
    if ((e_.kind == EndKind::kRst && !both) || alone) f_.set(FactId::kOneSided);
  }

  void idle() {
    const TimeNs last = std::max(client().last_ns, server().last_ns);
    const uint64_t gap_ms = last != 0 && e_.time > last ? (e_.time - last) / kMs : 0;
    const auto silence_ms = static_cast<int64_t>(is_idle() ? e_.idle_ms : gap_ms);
    if (silence_ms != 0) f_.set(FactId::kIdleMs, silence_ms);
    age();
    if (f_.has(FactId::kFinAtEndOfIdle)) {
      if (!f_.has(FactId::kAgeWholeSeconds)) whole(static_cast<uint32_t>(f_.value(FactId::kFinAtEndOfIdle)));
      return;
    }
    if (!is_idle()) return;
    if (e_.cold.gap_ms != 0 && e_.idle_ms == e_.cold.gap_ms && e_.kind != EndKind::kSynAckTimeout &&
        !f_.has(FactId::kSpontaneous))
      f_.set(FactId::kRequestAtEndOfIdle);
    if (f_.has(FactId::kSpontaneous) && silent_to_the_end()) {
      f_.set(FactId::kIdleSpontaneous);
      whole(sender_silence_ms());
    } else {
      whole(e_.idle_ms);
    }
  }

  // The silence as the RST's sender counted it: from the last data, which its peer's last acknowledgement may have
  // followed; what came from the peer had half a round trip to go, as has the RST on its way back to the tap.
  [[nodiscard]] uint32_t sender_silence_ms() const {
    const End s = rst().from;
    const Direction& own = dir(s);
    const Direction& far = dir(other(s));
    const bool own_last =
        (e_.hot.marks & flow::kAnyData) != 0 && ((e_.hot.marks & flow::kLastDataIsHi) != 0) == (s == End::kHi);
    if (own_last && own.last_len != 0 && far.last_len == 0) return saturate_ms(e_.time, own.last_ns);
    if (far.last_ns <= own.last_ns && far.last_len == 0) return saturate_ms(e_.time, own.last_ns);
    const TimeNs heard = far.last_ns + own.rtt_us * kUs;
    return saturate_ms(e_.time, heard);
  }
  static uint32_t saturate_ms(TimeNs later, TimeNs earlier) {
    return later > earlier ? static_cast<uint32_t>(std::min<uint64_t>((later - earlier) / kMs, UINT32_MAX)) : 0;
  }

  // Timers that run from the beginning: login grace, header timeout. Their sender began when the handshake's ACK came.
  void age() {
    if (e_.kind != EndKind::kRst || !mark(flow::kSawHandshakeAck) || f_.sender != Side::kServer) return;
    const TimeNs began = e_.cold.first_ns + (uint64_t{e_.cold.syn_ack_us} + client().rtt_us + server().rtt_us) * kUs;
    const TimeNs fin_at = e_.cold.fin_ns(rst().from);
    // A server that takes a process for a connection starts it first: 50 ms.
    const int64_t seconds = whole_seconds(saturate_ms(fin_at != 0 ? fin_at : e_.time, began), 50);
    if (seconds == 0) return;
    // A timer may be late and is early by no more than the clock its program keeps and sets it by, which is as old as
    // its last round of events: where the silence alone is as whole, it is the nearer explanation.
    const auto silence = static_cast<uint32_t>(f_.value(FactId::kFinAtEndOfIdle));
    if (whole_seconds(silence, 50) != 0 && (silence + kOldClockMs) % 1000 < 500) return;
    f_.set(FactId::kAgeWholeSeconds, seconds);
  }

  void whole(uint32_t silence_ms) {
    const int64_t seconds = whole_seconds(silence_ms);
    if (seconds == 0) return;
    f_.set(FactId::kIdleWholeSeconds, seconds);
    for (const int64_t known : kKnownDefaults)
      if (seconds == known) f_.set(FactId::kIdleKnownDefault, seconds);
  }

  const Ending& e_;
  const End client_;
  Facts f_;
};

}  // namespace

Facts gather(const track::Ending& ending, const context::Context& context) {
  Facts facts = Gatherer(ending).run();
  gather_around(ending, facts);
  gather_said(ending, context, facts);
  return facts;
}

}  // namespace rs::attribute
