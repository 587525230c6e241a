// SPDX-License-Identifier: Apache-2.0
//
// What the first RST looks like beside its claimed sender's other packets: form, hops, IP ID, marks. Part of gather().
#include <cstdlib>

#include "dataplane/attribute/gatherer.h"

namespace rs::attribute {

using track::RstSeen;

namespace {

// Numbers its packets one after the other, as Linux and Windows do on a connection.
bool counts_ids(const flow::Direction& d) { return (d.bits & (flow::kIdCounts | flow::kIdJumps)) == flow::kIdCounts; }

// Where every number so far was near the one before it, so is the next; a host with one counter for all may have sent
// hundreds to others meanwhile. Our choices.
bool id_continues(const RstSeen& r, const flow::Direction& d) {
  return r.ip_id != 0 && r.ip_id_delta >= 1 && r.ip_id_delta <= (counts_ids(d) ? 256 : 2000);
}

// As Linux, its TCP or its netfilter, answers without a socket, however far away: TTL 64 at the start, and over IPv4 ID
// 0 with DF (ip_send_unicast_reply, nf_reject_ipv4.c; lab). Windows starts at 128, network gear at 255, and both number
// it.
bool as_linux_replies(const RstSeen& r, bool v6) { return r.ttl <= 64 && (v6 || (r.ip_id == 0 && r.df)); }

}  // namespace

// RFC 9293 3.5.2 and the images of Linux measured per reset reason.
void Gatherer::image() {
  const RstSeen& r = rst();
  const bool has_ack = (r.flags & packet::kAck) != 0;
  f_.set(FactId::kRstWindow, r.window);
  if (r.payload_bytes != 0) f_.set(FactId::kRstPayload, r.payload_bytes);
  if (r.mptcp != 0) f_.set(FactId::kMptcpReason, r.mptcp == 255 ? 0 : r.mptcp - 1);
  // The peer asked for this RST: MP_FASTCLOSE on an ACK (RFC 8684 3.5, option A).
  if (peer().fastclose != 0) f_.set(FactId::kMptcpReason, 0);
  const bool ts_negotiated = (sender().bits & flow::kTimestamps) != 0 && (peer().bits & flow::kTimestamps) != 0;
  const bool ts_kept = (r.opts & packet::kOptTimestamps) != 0;
  const bool id_follows = !v6() && id_continues(r, sender());
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
  if (ts_negotiated && has_ack && !is_stateless(r)) {
    if (ts_kept) {
      f_.set(FactId::kTimestampsKept);
    } else if ((r.opts & packet::kOptMalformed) == 0 && (v6() ? !label_follows : counts_ids(sender()))) {
      // Linux keeps them, macOS and the BSDs may not: those number no packets (RFC 6864), or at random.
      f_.set(FactId::kTimestampsMissing);
    }
  }
}

// Windows and network gear reset a live connection with window 0. Where no IP ID shows that its sender is the host
// (IPv6, or a host that numbers at random or not at all), all else must be the host's own: hop limit, no label where it
// sends none, no timestamps where it has none.
bool Gatherer::closes_with_zero() const {
  const RstSeen& r = rst();
  const bool numbered = !v6() && counts_ids(sender());
  const bool label_fits = !v6() || r.flow_label == sender().flow_label;
  return !numbered && label_fits && (sender().bits & flow::kTimestamps) == 0 && r.ttl >= sender().ttl_min &&
         r.ttl <= sender().ttl_max && r.seq_minus_next == 0 && r.ack_minus_peer_next == 0 &&
         e_.rst_count[static_cast<size_t>(r.from)] == 1;
}

bool Gatherer::answers_syn() const {
  return (peer().last_flags & packet::kSyn) != 0 && (peer().last_flags & packet::kAck) == 0;
}

bool Gatherer::stateless_image() const { return f_.has(FactId::kImageStateless) || f_.has(FactId::kImageStatelessAck); }

void Gatherer::hop_limit() {
  const RstSeen& r = rst();
  f_.set(FactId::kRstTtl, r.ttl);
  uint8_t low = sender().ttl_min;
  uint8_t high = sender().ttl_max;
  if (!spoke(sender())) {
    // Its other connections speak for it when they agree with each other.
    if (!e_.norm.ttl.range(low, high)) {
      f_.set(FactId::kNoTtlBaseline);
      return;
    }
  }
  if (r.ttl >= low && r.ttl <= high) {
    f_.set(FactId::kTtlMatchesSender);
    return;
  }
  const int delta = r.ttl < low ? r.ttl - low : r.ttl - high;
  f_.set(std::abs(delta) == 1 ? FactId::kTtlOffByOne : FactId::kTtlDiffersFromSender, delta);
}

void Gatherer::ip_id() {
  const RstSeen& r = rst();
  if (v6()) {
    // A host that sends no labels, or a network without them, has none to lose; and the BSDs send the trigger's own
    // back (tcp_respond turns its header round).
    if (r.flow_label == 0 && (peer().flow_label == 0 || (spoke(sender()) && sender().flow_label == 0))) return;
    if (r.flow_label == 0) {
      if (as_linux_replies(r, true)) f_.set(FactId::kFlowLabelZero);
    } else {
      f_.set(spoke(sender()) && r.flow_label == sender().flow_label ? FactId::kFlowLabelKept : FactId::kFlowLabelOther);
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
  const bool counts = counts_ids(sender());
  if (sender().pkts < 2) return;
  if (id_continues(r, sender())) {
    f_.set(FactId::kIpIdContinues, r.ip_id_delta);
  } else if (counts ||
             ((sender().bits & flow::kIdZero) != 0 && (sender().bits & (flow::kIdCounts | flow::kIdJumps)) == 0)) {
    f_.set(FactId::kIpIdBreaks, r.ip_id_delta);
  }
}

// Linux copies the trigger's TOS into a stateless RST, netfilter's reject does not. Of other stacks, none of which
// sends this image, only the copy tells something.
void Gatherer::marks() {
  if (!stateless_image()) return;
  const uint8_t trigger = peer().tos & 0xfc;
  const uint8_t own = rst().tos & 0xfc;
  if (trigger == 0) {
    f_.set(FactId::kTosUnmarked);
  } else if (own == trigger) {
    f_.set(FactId::kTosCopied);
  } else if (own == 0 && as_linux_replies(rst(), v6())) {
    f_.set(FactId::kTosNotCopied);
  }
}

}  // namespace rs::attribute
