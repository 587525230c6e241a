// SPDX-License-Identifier: Apache-2.0
//
// How far the connection had come, how it ended, and how its handshake went. Part of gather().
#include <algorithm>

#include "dataplane/attribute/gatherer.h"

namespace rs::attribute {

using flow::Direction;
using flow::End;
using flow::State;
using track::EndKind;

namespace {

// Silence that makes a connection idle: max(1 s, 4 RTO), where RTO is at least 200 ms and about the round trip plus
// four times its variation (RFC 6298); 4 x (200 ms + 2 RTT) covers it without the variation.
uint32_t idle_threshold_ms(const Direction& a, const Direction& b) {
  const uint64_t rtt_ms = (uint64_t{a.rtt_us} + b.rtt_us) / 1000;
  return static_cast<uint32_t>(std::min<uint64_t>(std::max<uint64_t>(1000, 800 + 8 * rtt_ms), 60'000));
}

}  // namespace

// The FIN itself was not captured: its peer acknowledged one more than was seen of it, and it answers at that very
// number without a socket. A lost byte of data would look the same, but hardly anybody sends a single one.
bool Gatherer::unseen_fin(End e) const {
  if (e_.kind != EndKind::kRst || rst().from != e || e_.rsts == 0) return false;
  const track::RstSeen& r = rst();
  const bool bare = is_stateless(r) && (r.flags & packet::kAck) == 0;
  return bare && spoke(dir(e)) && dir(other(e)).acked == dir(e).next + 1 && r.seq == dir(e).next + 1;
}

void Gatherer::shape() {
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
bool Gatherer::half_heard() const {
  return mark(flow::kMidstream) && client().syns == 0 && server().syns == 0 && !(spoke(client()) && spoke(server()));
}

Stage Gatherer::data_stage() const {
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
bool Gatherer::is_idle() const {
  if (probed(End::kLo) || probed(End::kHi)) return true;
  // Who repeats what nobody answers waits, and is not idle.
  if (client().retransmits + server().retransmits != 0 && silent_to_the_end() && e_.kind == EndKind::kRst) return false;
  if (e_.idle_ms <= idle_threshold_ms(client(), server())) return false;
  return e_.kind != EndKind::kRst || silent_to_the_end() || prompt();
}

// Nobody probes a connection that is in use. A probe into a closed window looks the same and asks something else.
bool Gatherer::probed(End by) const { return dir(by).probes != 0 && (dir(other(by)).bits & flow::kZeroWindow) == 0; }

bool Gatherer::silent_to_the_end() const {
  const TimeNs last = std::max(client().last_ns, server().last_ns);
  return e_.time > last && e_.time - last >= e_.idle_ms * kMs;
}

}  // namespace rs::attribute
