// SPDX-License-Identifier: Apache-2.0
//
// Where the first RST stands in the stream, and what drew it. Part of gather().
#include <algorithm>

#include "dataplane/attribute/gatherer.h"
#include "dataplane/base/seq.h"

namespace rs::attribute {

using flow::Direction;
using flow::State;
using track::RstSeen;

void Gatherer::sequence() {
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
  // It takes its number from a packet that was not seen: nothing to compare it with.
  if (f_.has(FactId::kImageStateless) && !spoke(peer())) return;
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
    // The answer to a packet without an acknowledgement has no number to take and bears 0 (RFC 9293 3.10.7.1).
    if (spoke(sender()) || peer().acked != 0) f_.set(FactId::kSeqZero);
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

// Round trips of a host's other connections, before the least of them says how far it is. Our choice.
constexpr uint16_t kNormSamples = 3;

// All times of the connection are whole milliseconds: by chance that happens to one in a million.
bool Gatherer::coarse_clock() const {
  return e_.time % kMs == 0 && e_.cold.first_ns % kMs == 0 && client().last_ns % kMs == 0 &&
         server().last_ns % kMs == 0;
}

void Gatherer::trigger() {
  const RstSeen& r = rst();
  const Direction& p = peer();
  if (!spoke(p)) return;
  // Of a server that only refused, its other connections tell how far it is.
  const bool by_norm = !spoke(sender()) && e_.norm.samples >= kNormSamples;
  const uint32_t rtt = by_norm ? e_.norm.rtt_us : sender().rtt_us;
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
  const bool lone = (e_.since_gap() == 1 && e_.hot.state < State::kClosing) || (f_.stage == Stage::kSyn && p.syns == 1);
  // A live port without hardware stamps gives a whole burst one time: no ground for a race. Nor is a clock that ticks
  // in milliseconds.
  if (r.exact_time && !coarse_clock() && stateless_image() && lone && rtt >= 500 && r.reaction_us * 2ULL < rtt)
    f_.set(FactId::kFasterThanSender, static_cast<int64_t>(r.reaction_us) * 100 / rtt);
}

}  // namespace rs::attribute
