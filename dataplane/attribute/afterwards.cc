// SPDX-License-Identifier: Apache-2.0
//
// What came after the first RST: its sender's next packets, more RSTs, the peer's. Part of gather().
#include <algorithm>
#include <cstdlib>

#include "dataplane/attribute/gatherer.h"
#include "dataplane/base/seq.h"

namespace rs::attribute {

using track::RstSeen;

void Gatherer::afterwards() {
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
      // The claimed sender went on, and a kernel that had been reset knows nothing of what it said: one RST for each of
      // its packets. A device resets both ends for one packet.
      const bool cascade =
          own.pkts != 0 && own.first_us <= apart_us && is_stateless(later) && (later.flags & packet::kAck) == 0;
      if (cascade) {
        if (!f_.has(FactId::kBothSidesReset) && !f_.has(FactId::kPeerResetToo)) f_.set(FactId::kPeerResetToo, apart_us);
        continue;
      }
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
    const int64_t largest = int64_t{std::max(sender().largest_32, peer().largest_32)} * 32;  // a step is any 32 bits
    if (step % 1460 == 0 || step % 1440 == 0 || (largest >= 512 && std::abs(step - largest) < 32))
      f_.set(FactId::kRstSegmentLadder, step);
  }
}

// A kernel answers each trigger alike, and once; a device that makes RSTs by hand often varies what it can.
void Gatherer::fields_vary() {
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

}  // namespace rs::attribute
