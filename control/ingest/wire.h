// SPDX-License-Identifier: Apache-2.0
//
// model::Batch -> FlatBuffer, for tests and benches: the sensor's own encoder lives in the data plane.
#pragma once

#include "control/model/batch.h"
#include "proto/event_generated.h"

namespace rs::ingest::testing {

namespace fb = resetscope::event;

inline fb::Endpoint wire(const model::Endpoint& e) {
  return {flatbuffers::span<const uint8_t, 16>(e.ip.data(), e.ip.size()), e.port};
}

inline flatbuffers::Offset<fb::Event> wire(flatbuffers::FlatBufferBuilder& b, const model::Event& e) {
  std::vector<fb::Fact> facts;
  for (const auto& f : e.evidence) facts.emplace_back(static_cast<fb::FactId>(f.id), f.weight, f.value);
  std::vector<fb::Step> steps;
  for (const auto& s : e.timeline)
    steps.emplace_back(s.at_ns, s.value, static_cast<fb::StepKind>(s.kind), static_cast<fb::Side>(s.side));
  std::vector<fb::Exemplar> exemplars;
  for (const auto& x : e.exemplars) exemplars.emplace_back(x.time_ns, wire(x.client));
  const auto evidence = b.CreateVectorOfStructs(facts);
  const auto timeline = b.CreateVectorOfStructs(steps);
  const auto folded = b.CreateVectorOfStructs(exemplars);
  const auto meanings = b.CreateVectorOfStrings(e.meanings);
  const auto name = b.CreateString(e.server_name);
  const fb::Endpoint client = wire(e.client);
  const fb::Endpoint server = wire(e.server);
  fb::EventBuilder out(b);
  out.add_id(e.id);
  out.add_time_ns(e.time_ns);
  out.add_start_ns(e.start_ns);
  out.add_client(&client);
  out.add_server(&server);
  out.add_network_tag(e.network_tag);
  out.add_claimed_sender(static_cast<fb::Side>(e.claimed_sender));
  out.add_origin(static_cast<fb::Origin>(e.origin));
  out.add_stage(static_cast<fb::Stage>(e.stage));
  out.add_ending(static_cast<fb::Ending>(e.ending));
  out.add_cause(static_cast<fb::Cause>(e.cause));
  out.add_second_cause(static_cast<fb::Cause>(e.second_cause));
  out.add_severity(static_cast<fb::Severity>(e.severity));
  out.add_confidence(static_cast<float>(e.confidence));
  out.add_second_confidence(static_cast<float>(e.second_confidence));
  out.add_evidence(evidence);
  out.add_meanings(meanings);
  out.add_server_name(name);
  out.add_idle_ns(e.idle_ns);
  out.add_rtt_client_ns(e.rtt_client_ns);
  out.add_rtt_server_ns(e.rtt_server_ns);
  out.add_client_bytes(e.client_bytes);
  out.add_server_bytes(e.server_bytes);
  out.add_client_pkts(static_cast<uint32_t>(e.client_pkts));
  out.add_server_pkts(static_cast<uint32_t>(e.server_pkts));
  out.add_lost_bytes(static_cast<uint32_t>(e.lost_bytes));
  out.add_rst_count(static_cast<uint16_t>(e.rst_count));
  out.add_count(e.count);
  out.add_exemplars(folded);
  out.add_timeline(timeline);
  out.add_flags(static_cast<fb::Flag>(e.flags));
  out.add_zeek_state(static_cast<fb::ZeekState>(e.zeek_state));
  out.add_cloudflare_stage(static_cast<fb::CloudflareStage>(e.cloudflare_stage));
  out.add_linux_reason(static_cast<fb::LinuxReason>(e.linux_reason));
  return out.Finish();
}

inline flatbuffers::Offset<fb::Batch> wire(flatbuffers::FlatBufferBuilder& b, const model::Batch& batch) {
  std::vector<flatbuffers::Offset<fb::Event>> events;
  for (const auto& e : batch.events) events.push_back(wire(b, e));
  std::vector<flatbuffers::Offset<fb::ServiceStats>> services;
  for (const auto& s : batch.services) {
    std::vector<fb::CauseCount> causes;
    for (const auto& c : s.by_cause) causes.emplace_back(static_cast<fb::Cause>(c.cause), c.count);
    const auto by_cause = b.CreateVectorOfStructs(causes);
    const fb::Endpoint server = wire(s.server);
    services.push_back(fb::CreateServiceStats(b, &server, s.network_tag, s.from_ns, s.to_ns, s.worker, s.attempted,
                                              s.established, s.closed_cleanly, s.refused, s.reset, s.timed_out,
                                              s.client_bytes, s.server_bytes, s.lost_bytes, by_cause));
  }
  flatbuffers::Offset<fb::Health> health;
  if (batch.health) {
    const model::Health& h = *batch.health;
    std::vector<flatbuffers::Offset<fb::Counter>> counters;
    for (const auto& c : h.counters) counters.push_back(fb::CreateCounterDirect(b, c.name.c_str(), c.value));
    const auto version = b.CreateString(h.version);
    const auto ports = b.CreateVectorOfStrings(h.ports);
    const auto all = b.CreateVector(counters);
    std::vector<fb::LossSecond> losses;
    for (const auto& l : h.losses)
      losses.emplace_back(l.second, l.missed_pkts, l.handover_dropped_pkts, l.table_full_pkts, l.evicted_flows,
                          l.ring_dropped_events);
    const auto lost = b.CreateVectorOfStructs(losses);
    health = fb::CreateHealth(b, h.time_ns, version, static_cast<uint16_t>(h.workers), ports, h.rx_pkts, h.rx_bytes,
                              h.missed_pkts, h.flows, h.flow_capacity, h.ring_dropped_events, h.lost_batches,
                              h.lost_events, all, lost, h.blind_seconds);
  }
  const auto sensor = b.CreateString(batch.sensor);
  const auto all_events = b.CreateVector(events);
  const auto all_services = b.CreateVector(services);
  return fb::CreateBatch(b, 1, sensor, batch.boot, batch.input, batch.sequence, batch.sent_ns, all_events, all_services,
                         health, batch.last);
}

}  // namespace rs::ingest::testing
