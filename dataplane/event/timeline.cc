// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/timeline.h"

#include <algorithm>

#include "dataplane/base/insertion_sort.h"
#include "dataplane/packet/view.h"

namespace rs::event {
namespace {

using flow::Direction;
using flow::End;
using track::EndKind;

constexpr TimeNs kFinStep = 16;  // what FlowCold::fin_ns() is rounded down to

uint32_t clip(uint64_t v) { return static_cast<uint32_t>(std::min<uint64_t>(v, UINT32_MAX)); }

class Timeline {
 public:
  Timeline(const track::Ending& e, Event& out) : e_(e), out_(out), client_(e.client()) { out_.step_count = 0; }

  void run() {
    handshake();
    for (const End end : {client_, other(client_)}) sent(end);
    silence();
    for (uint8_t k = 0; k < e_.rsts; ++k) {
      const track::RstSeen& r = e_.rst[k];
      add(StepKind::kRst, side(r.from), r.time, static_cast<uint32_t>(r.seq_minus_next));
    }
    if (e_.kind == EndKind::kRst) {
      for (const End end : {client_, other(client_)}) after_rst(end);
    } else if (e_.kind == EndKind::kIcmp) {
      // Only an attempt to connect ends by one: it bears the way back, from where the server is to the client.
      add(StepKind::kIcmp, Side::kServer, e_.time, static_cast<uint32_t>(e_.icmp_type * 256 + e_.icmp_code));
    } else {
      add(StepKind::kGaveUp, Side::kUnknown, e_.time, 0);
    }
    insertion_sort(out_.steps.begin(), out_.steps.begin() + out_.step_count,
                   [](const Step& a, const Step& b) { return a.at_ns < b.at_ns; });
  }

 private:
  [[nodiscard]] Side side(End end) const { return end == client_ ? Side::kClient : Side::kServer; }

  // The record holds the first SYN's time and how long the latest waited for its answer; the latest SYN's own time only
  // while nothing else followed it.
  void handshake() {
    const Direction& client = e_.of(client_);
    const Direction& server = e_.of(other(client_));
    for (const End end : {client_, other(client_)})
      if (only_acknowledges(end)) add(StepKind::kDataSoFar, side(end), e_.of(end).last_ns, 0);
    // An answer to a SYN that was not seen here: somebody else's, or one that went another way.
    if (client.syns == 0 && (server.last_flags & packet::kSyn) != 0)
      add(StepKind::kSynAck, Side::kServer, server.last_ns, server.syns);
    const bool again = client.syns > 1;
    const bool syn_is_latest = (client.last_flags & packet::kSyn) != 0;
    if (client.syns != 0)
      add(StepKind::kSyn, Side::kClient, e_.cold.first_ns, again && !syn_is_latest ? client.syns : 1);
    if (again && syn_is_latest) add(StepKind::kSynRetry, Side::kClient, client.last_ns, client.syns - 1);
    if (again && !syn_is_latest) return;
    const TimeNs answered = (again ? client.last_ns : e_.cold.first_ns) + e_.cold.syn_ack_us * kUs;
    if (server.syns != 0 && client.syns != 0) add(StepKind::kSynAck, Side::kServer, answered, server.syns);
    if ((e_.hot.marks & flow::kSawHandshakeAck) != 0 && client.syns == 1)
      add(StepKind::kEstablished, Side::kClient, answered + client.rtt_us * kUs, 0);
  }

  // It never sent data, and its latest packet is an acknowledgement beyond those of the handshake.
  [[nodiscard]] bool only_acknowledges(End end) const {
    const Direction& d = e_.of(end);
    const unsigned handshake_ack = end == client_ && (e_.hot.marks & flow::kSawHandshakeAck) != 0 ? 1 : 0;
    return d.bytes == 0 && d.probes == 0 && d.retransmits == 0 && d.pkts > d.syns + handshake_ack &&
           (d.last_flags & (packet::kAck | packet::kSyn | packet::kFin)) == packet::kAck;
  }

  // Its data, and what goes on until the ending. When the latest packet carries new data that packet is the last data;
  // when it is a FIN, a repeat or a probe it is told as that; else only the sum is known by then.
  void sent(End end) {
    const Direction& d = e_.of(end);
    const TimeNs fin = e_.cold.fin_ns(end);
    const bool fin_is_latest = fin != 0 && fin <= d.last_ns && d.last_ns - fin < kFinStep;
    const bool told = d.probes != 0 || d.retransmits != 0;
    // The client asks anew on the ports of a connection that the server still holds.
    const bool asks_anew =
        (e_.hot.marks & flow::kSynOnLive) != 0 && (d.last_flags & (packet::kSyn | packet::kAck)) == packet::kSyn;
    if (asks_anew && d.last_ns != e_.cold.first_ns) {
      add(StepKind::kSyn, side(end), d.last_ns, 1);
    } else if (d.bytes != 0 && d.last_len != 0 && !told) {
      add(StepKind::kLastData, side(end), d.last_ns, clip(d.bytes));
    } else if (d.bytes != 0 && !fin_is_latest && !told) {
      add(StepKind::kDataSoFar, side(end), d.last_ns, clip(d.bytes));
    }
    if (fin != 0) add(StepKind::kFin, side(end), fin_is_latest ? d.last_ns : fin, clip(d.bytes));
    if (d.probes != 0) add(StepKind::kKeepaliveProbe, side(end), d.last_ns, d.probes);
    if (d.retransmits != 0) add(StepKind::kRetransmission, side(end), d.last_ns, d.retransmits);
    if ((d.bits & flow::kZeroWindow) != 0) add(StepKind::kZeroWindow, side(end), d.last_ns, 0);
  }

  // The latest silence of a second or more, where the packet that ended it is known: a FIN, or the last of all. Its
  // length is on record, and so its beginning, which no other step may tell. To a millisecond.
  void silence() {
    if (e_.cold.gap_ms == 0 || e_.since_gap() != 1 || (e_.hot.marks & flow::kSawHandshakeAck) == 0) return;
    const TimeNs fin[] = {e_.cold.fin_ns(End::kLo), e_.cold.fin_ns(End::kHi)};
    TimeNs ended = std::max(e_.dir[0].last_ns, e_.dir[1].last_ns);
    // Repeats and probes do not count as packets since: with them the last of all is not the first after the silence.
    const bool repeated = (e_.dir[0].retransmits | e_.dir[0].probes | e_.dir[1].retransmits | e_.dir[1].probes) != 0;
    if (repeated && fin[0] == 0 && fin[1] == 0) return;
    for (const TimeNs f : fin)
      if (f != 0) ended = std::min(ended, f);
    const TimeNs long_ns = e_.cold.gap_ms * kMs;
    if (ended > e_.cold.first_ns + long_ns) add(StepKind::kSilence, Side::kUnknown, ended - long_ns, e_.cold.gap_ms);
  }

  void after_rst(End end) {
    const track::After& a = e_.after[static_cast<size_t>(end)];
    const TimeNs first = e_.time + a.first_us * kUs;
    if (a.new_data + a.repeats != 0) {
      add(StepKind::kDataAfterRst, side(end), first, static_cast<uint32_t>(a.new_data + a.repeats));
    } else if (e_.challenge_ack && end != e_.rst[0].from) {
      add(StepKind::kChallengeAck, side(end), first, 0);
    }
  }

  void add(StepKind kind, Side side, TimeNs when, uint32_t value) {
    if (out_.step_count == kMaxSteps) return;
    out_.steps[out_.step_count++] = {.at_ns = static_cast<int64_t>(when) - static_cast<int64_t>(e_.cold.first_ns),
                                     .value = value,
                                     .kind = kind,
                                     .side = side};
  }

  const track::Ending& e_;
  Event& out_;
  const End client_;
};

}  // namespace

void timeline(const track::Ending& ending, Event& out) { Timeline(ending, out).run(); }

}  // namespace rs::event
