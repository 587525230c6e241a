// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/make.h"

#include <algorithm>

#include "dataplane/base/seq.h"
#include "dataplane/event/timeline.h"

namespace rs::event {

using flow::Direction;
using flow::End;
using track::Ending;
using track::EndKind;

namespace {

uint64_t mix(uint64_t h, uint64_t v) {
  h ^= v;
  h *= 0x9e3779b97f4a7c15ULL;
  return h ^ (h >> 29);
}

uint64_t id_of(const Ending& e, uint64_t input) {
  uint64_t w[5];
  static_assert(sizeof(w) == sizeof(flow::FlowKey));
  std::memcpy(w, &e.hot.key, sizeof(w));
  uint64_t h = mix(0x5265736574736370ULL, input);
  for (const uint64_t v : w) h = mix(h, v);
  h = mix(h, e.cold.first_ns);
  h = mix(h, e.time);
  h = mix(h, static_cast<uint64_t>(e.kind));
  return h == 0 ? 1 : h;
}

// Zeek's conn_state of the same connection (base/protocols/conn/main.zeek).
ZeekState zeek_state(const Ending& e, const attribute::Facts& f) {
  const bool syn = e.of(e.client()).syns != 0;
  const bool syn_ack = e.of(other(e.client())).syns != 0;
  if (!syn && !syn_ack) return ZeekState::kOth;
  if (e.kind != EndKind::kRst) {
    if (!syn_ack) return ZeekState::kS0;
    return f.has(FactId::kHandshakeHalf) ? ZeekState::kS0 : ZeekState::kS1;
  }
  const bool by_client = f.sender == Side::kClient;
  if (!syn_ack) return by_client ? ZeekState::kRstos0 : ZeekState::kRej;
  if (!syn) return by_client ? ZeekState::kRsto : ZeekState::kRstrh;
  return by_client ? ZeekState::kRsto : ZeekState::kRstr;
}

// Cloudflare Radar: Post-SYN, Post-ACK, Post-PSH, Later in flow.
CloudflareStage cloudflare_stage(Stage stage) {
  switch (stage) {
    case Stage::kSyn:
    case Stage::kSynAck:
      return CloudflareStage::kPostSyn;
    case Stage::kEstablished:
      return CloudflareStage::kPostAck;
    case Stage::kRequest:
      return CloudflareStage::kPostPsh;
    case Stage::kExchange:
    case Stage::kIdle:
      return CloudflareStage::kLaterInFlow;
    default:
      return CloudflareStage::kNoMatch;
  }
}

// The deciding facts first, strongest first; then everything else that was seen, as far as there is room.
void evidence(const attribute::Facts& f, const attribute::Verdict& v, Event& out) {
  attribute::FactSet told;
  for (uint8_t i = 0; i < v.deciding_count && out.fact_count < kMaxFacts; ++i) {
    const auto& d = v.deciding[i];
    told.add(d.fact);
    out.facts[out.fact_count++] = {.value = f.value(d.fact), .id = d.fact, .weight = d.points};
  }
  f.seen().each([&](FactId fact) {
    if (out.fact_count == kMaxFacts) return false;
    if (!told.has(fact)) out.facts[out.fact_count++] = {.value = f.value(fact), .id = fact, .weight = 0};
    return true;
  });
}

// Who spoke last stands last, then what the RST itself said.
void meanings(const Ending& e, const context::Context& said, Event& out) {
  static_assert(context::kTextBytes == kMeaningBytes && context::kTextBytes <= kServerNameBytes);
  using context::Place;
  out.meaning_count = 0;
  const bool client_last = ((e.hot.marks & flow::kLastDataIsHi) != 0) == (e.client() == End::kHi);
  const auto add = [&out](const context::Meaning& m) {
    if (m.seen && out.meaning_count < kMaxMeanings) out.meanings[out.meaning_count++] = m.text;
  };
  add(said.of(client_last ? Place::kServer : Place::kClient));
  add(said.of(client_last ? Place::kClient : Place::kServer));
  add(said.of(Place::kRst));
  add(said.window);
  std::copy(said.server_name.begin(), said.server_name.end(), out.server_name.begin());
}

}  // namespace

void make(const Ending& e, const context::Context& said, const attribute::Facts& f, const attribute::Verdict& v,
          uint64_t input, Event& out) {
  // Only the counts say which array entries mean anything: the arrays are not cleared.
  const End c = e.client();
  const End s = other(c);
  const Direction& client = e.of(c);
  const Direction& server = e.of(s);
  out.id = id_of(e, input);
  out.time_ns = e.time;
  out.start_ns = e.cold.first_ns;
  out.count = 1;
  out.idle_ns = static_cast<uint64_t>(f.value(FactId::kIdleMs)) * kMs;
  out.rtt_client_ns = client.rtt_us * kUs;
  out.rtt_server_ns = server.rtt_us * kUs;
  out.client_bytes = client.bytes;
  out.server_bytes = server.bytes;
  out.client_pkts = client.pkts + e.rst_count[static_cast<size_t>(c)];
  out.server_pkts = server.pkts + e.rst_count[static_cast<size_t>(s)];
  // Sent and never acknowledged, either way; the SYN and FIN take a number each and are no loss. An end's own RST may
  // acknowledge more than its packets before; a forged one acknowledges for nobody.
  out.lost_bytes = 0;
  const bool own_rst = e.kind == EndKind::kRst && (e.rst[0].flags & packet::kAck) != 0 &&
                       (v.origin == Origin::kClient || v.origin == Origin::kServer);
  for (const End end : {c, s}) {
    const Direction& from = e.of(end);
    const Direction& to = e.of(other(end));
    if (from.bytes == 0 || to.acked == 0) continue;
    const bool rst_speaks = own_rst && e.rst[0].from == other(end) && seq_after(e.rst[0].ack, to.acked);
    const int32_t fin = (from.bits & flow::kFinSent) != 0 ? 1 : 0;
    const int32_t missing = seq_diff(from.next, rst_speaks ? e.rst[0].ack : to.acked) - fin;
    if (missing > 0)
      out.lost_bytes += static_cast<uint32_t>(std::min<uint64_t>(static_cast<uint64_t>(missing), from.bytes));
  }
  out.network_tag = e.hot.key.tag;
  const bool client_is_hi = c == End::kHi;
  out.client = {client_is_hi ? e.hot.key.hi : e.hot.key.lo, client_is_hi ? e.hot.key.hi_port : e.hot.key.lo_port};
  out.server = {client_is_hi ? e.hot.key.lo : e.hot.key.hi, client_is_hi ? e.hot.key.lo_port : e.hot.key.hi_port};
  out.confidence = v.confidence;
  out.second_confidence = v.second_confidence;
  out.cause = v.cause;
  out.second_cause = v.second;
  out.origin = v.origin;
  out.stage = f.stage;
  out.ending = f.ending;
  out.claimed_sender = e.kind == EndKind::kRst ? f.sender : Side::kUnknown;  // silence bears nobody's address
  out.severity = v.severity;
  out.zeek_state = zeek_state(e, f);
  out.cloudflare_stage = cloudflare_stage(f.stage);
  out.linux_reason = v.linux_reason;
  out.rst_count = static_cast<uint16_t>(std::min<uint32_t>(uint32_t{e.rst_count[0]} + e.rst_count[1], UINT16_MAX));
  const auto flag = [&out](bool on, Flag which) {
    if (on) out.flags = static_cast<uint16_t>(out.flags | static_cast<uint16_t>(which));
  };
  out.flags = 0;
  flag((e.hot.marks & flow::kClientKnown) == 0, Flag::kClientGuessed);
  flag(f.has(FactId::kOneSided), Flag::kOneSided);
  flag((e.hot.marks & flow::kMidstream) != 0, Flag::kMidstream);
  flag((e.hot.marks & flow::kIpv6) != 0, Flag::kIpv6);
  flag(e.crowded, Flag::kTablePressure);
  flag(e.lossy, Flag::kLossy);
  flag((e.hot.marks & flow::kDuplicates) != 0, Flag::kMirrorDuplicates);
  out.fact_count = 0;
  out.exemplar_count = 0;
  evidence(f, v, out);
  meanings(e, said, out);
  timeline(e, out);
}

}  // namespace rs::event
