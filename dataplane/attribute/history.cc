// SPDX-License-Identifier: Apache-2.0
//
// What the connection had done before it ended. Part of gather().
#include <algorithm>

#include "dataplane/attribute/gatherer.h"
#include "dataplane/base/seq.h"

namespace rs::attribute {

using flow::Direction;
using flow::End;
using flow::State;
using track::EndKind;

void Gatherer::history() {
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
    const bool timed = e_.cold.fin_ns(s) != 0;
    const uint64_t late_us = timed ? (far.last_ns - e_.cold.fin_ns(s)) / kUs : 0;
    f_.set(FactId::kDataAfterFin, static_cast<int64_t>(late_us));
    // The FIN was on its way to the peer and its data on the way back: half a round trip on either side of the tap.
    if (timed && late_us < uint64_t{far.rtt_us} + 500) f_.set(FactId::kFinCrossedData);
  }
  // From the first FIN on the tracker keeps the silence before it; one packet came since: that FIN.
  const TimeNs own_fin = e_.cold.fin_ns(s);
  const TimeNs far_fin = e_.cold.fin_ns(other(s));
  if (by_rst && own_fin != 0 && (!fin(other(s)) || own_fin <= far_fin) && e_.cold.gap_ms != 0 && e_.since_gap() == 1)
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
  // A client that never sent a packet has acknowledged nothing: what came to it was no answer.
  if (client_resets && server().bytes != 0 && spoke(own)) {
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
  if (by_rst && e_.hot.state == State::kSynSent && f_.sender == Side::kClient && f_.has(FactId::kAnswersAck) && !v6() &&
      far.pkts == 1 && far.ip_id == 0 && !f_.has(FactId::kTupleClosedBefore))
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
void Gatherer::one_sided() {
  const auto seen = [this](End e) { return spoke(dir(e)) || e_.rst_count[static_cast<size_t>(e)] != 0; };
  const bool both = seen(End::kLo) && seen(End::kHi);
  const auto talks_alone = [this](End e) { return dir(e).pkts >= 2 && !spoke(dir(other(e))) && dir(e).acked != 0; };
  const bool alone = talks_alone(End::kLo) || talks_alone(End::kHi);
  if ((e_.kind == EndKind::kRst && !both) || alone) f_.set(FactId::kOneSided);
}

}  // namespace rs::attribute
