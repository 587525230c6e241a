// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/encode.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "proto/event_generated.h"

namespace rs::event {
namespace {

namespace fb = resetscope::event;
using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

// No encoded item is larger: 40 facts, 20 steps, 4 exemplars, 4 meanings, a name, 34 fields; services are smaller.
constexpr size_t kItemBytes = 2048;
static_assert(kMaxFacts * 16 + kMaxSteps * 16 + kMaxExemplars * 32 + kMaxMeanings * (kMeaningBytes + 12) +
                  kServerNameBytes + 400 <
              kItemBytes);
constexpr size_t kMostBytes = 3U << 20;
// Bounds on health, so that a batch stays below 4 MiB whatever the program counts: 1000 * (128 + 40) bytes.
constexpr size_t kMaxCounters = 1000;
constexpr size_t kMaxPorts = 1000;
constexpr size_t kMaxLosses = 1000;
constexpr size_t kMaxNameBytes = 128;

fb::Endpoint endpoint(const Endpoint& from) {
  return {flatbuffers::span<const uint8_t, 16>(from.ip.bytes.data(), 16), from.port};
}

template <class To, class From>
To same(From value) {
  static_assert(sizeof(To) == sizeof(From));
  return static_cast<To>(value);
}

float probability(float value) { return std::isfinite(value) ? std::clamp(value, 0.0F, 1.0F) : 0.0F; }

// Fixed text field: up to its NUL, or whole.
Offset<flatbuffers::String> text(FlatBufferBuilder& fbb, const char* field, size_t size) {
  std::array<char, 256> clean;
  const size_t length = strnlen(field, std::min(size, clean.size()));
  for (size_t i = 0; i < length; ++i) clean[i] = field[i] >= ' ' && field[i] <= '~' ? field[i] : '?';
  return fbb.CreateString(clean.data(), length);
}

Offset<fb::Event> encode_event(FlatBufferBuilder& fbb, const Event& e) {
  const size_t facts = std::min<size_t>(e.fact_count, kMaxFacts);
  const size_t steps = std::min<size_t>(e.step_count, kMaxSteps);
  const size_t exemplars = std::min<size_t>(e.exemplar_count, kMaxExemplars);
  const size_t meanings = std::min<size_t>(e.meaning_count, kMaxMeanings);

  Offset<flatbuffers::Vector<const fb::Fact*>> evidence;
  if (facts > 0) {
    fb::Fact* out = nullptr;
    evidence = fbb.CreateUninitializedVectorOfStructs(facts, &out);
    for (size_t i = 0; i < facts; ++i) {
      out[i] = fb::Fact(same<fb::FactId>(e.facts[i].id), e.facts[i].weight, e.facts[i].value);
    }
  }
  Offset<flatbuffers::Vector<const fb::Step*>> timeline;
  if (steps > 0) {
    fb::Step* out = nullptr;
    timeline = fbb.CreateUninitializedVectorOfStructs(steps, &out);
    for (size_t i = 0; i < steps; ++i) {
      const Step& step = e.steps[i];
      out[i] = fb::Step(step.at_ns, step.value, same<fb::StepKind>(step.kind), same<fb::Side>(step.side));
    }
  }
  Offset<flatbuffers::Vector<const fb::Exemplar*>> others;
  if (exemplars > 0) {
    fb::Exemplar* out = nullptr;
    others = fbb.CreateUninitializedVectorOfStructs(exemplars, &out);
    for (size_t i = 0; i < exemplars; ++i) {
      out[i] = fb::Exemplar(e.exemplars[i].time_ns, endpoint(e.exemplars[i].client));
    }
  }
  Offset<flatbuffers::Vector<Offset<flatbuffers::String>>> meant;
  if (meanings > 0) {
    std::array<Offset<flatbuffers::String>, kMaxMeanings> strings;
    for (size_t i = 0; i < meanings; ++i) strings[i] = text(fbb, e.meanings[i].data(), kMeaningBytes);
    meant = fbb.CreateVector(strings.data(), meanings);
  }
  Offset<flatbuffers::String> server_name;
  if (e.server_name[0] != '\0') server_name = text(fbb, e.server_name.data(), kServerNameBytes);

  const fb::Endpoint client = endpoint(e.client);
  const fb::Endpoint server = endpoint(e.server);
  fb::EventBuilder b(fbb);
  b.add_id(e.id);
  b.add_time_ns(e.time_ns);
  b.add_start_ns(e.start_ns);
  b.add_count(e.count);
  b.add_idle_ns(e.idle_ns);
  b.add_rtt_client_ns(e.rtt_client_ns);
  b.add_rtt_server_ns(e.rtt_server_ns);
  b.add_client_bytes(e.client_bytes);
  b.add_server_bytes(e.server_bytes);
  if (facts > 0) b.add_evidence(evidence);
  if (steps > 0) b.add_timeline(timeline);
  if (exemplars > 0) b.add_exemplars(others);
  if (meanings > 0) b.add_meanings(meant);
  if (!server_name.IsNull()) b.add_server_name(server_name);
  b.add_network_tag(e.network_tag);
  b.add_confidence(probability(e.confidence));
  b.add_second_confidence(probability(e.second_confidence));
  b.add_client_pkts(e.client_pkts);
  b.add_server_pkts(e.server_pkts);
  b.add_lost_bytes(e.lost_bytes);
  b.add_client(&client);
  b.add_server(&server);
  b.add_rst_count(e.rst_count);
  b.add_flags(same<fb::Flag>(e.flags));
  b.add_claimed_sender(same<fb::Side>(e.claimed_sender));
  b.add_origin(same<fb::Origin>(e.origin));
  b.add_stage(same<fb::Stage>(e.stage));
  b.add_ending(same<fb::Ending>(e.ending));
  b.add_cause(same<fb::Cause>(e.cause));
  b.add_second_cause(same<fb::Cause>(e.second_cause));
  b.add_severity(same<fb::Severity>(e.severity));
  b.add_zeek_state(same<fb::ZeekState>(e.zeek_state));
  b.add_cloudflare_stage(same<fb::CloudflareStage>(e.cloudflare_stage));
  b.add_linux_reason(same<fb::LinuxReason>(e.linux_reason));
  return b.Finish();
}

Offset<fb::ServiceStats> encode_service(FlatBufferBuilder& fbb, const ServiceStats& s) {
  std::array<fb::CauseCount, kCauseCount> causes;
  size_t used = 0;
  for (size_t i = 0; i < kCauseCount; ++i) {
    if (s.by_cause[i] != 0) causes[used++] = fb::CauseCount(static_cast<fb::Cause>(i), s.by_cause[i]);
  }
  Offset<flatbuffers::Vector<const fb::CauseCount*>> by_cause;
  if (used > 0) by_cause = fbb.CreateVectorOfStructs(causes.data(), used);
  const fb::Endpoint server = endpoint(s.server);
  fb::ServiceStatsBuilder b(fbb);
  b.add_server(&server);
  b.add_network_tag(s.network_tag);
  b.add_from_ns(s.from_ns);
  b.add_to_ns(s.to_ns);
  b.add_worker(s.worker);
  b.add_attempted(s.attempted);
  b.add_established(s.established);
  b.add_closed_cleanly(s.closed_cleanly);
  b.add_refused(s.refused);
  b.add_reset(s.reset);
  b.add_timed_out(s.timed_out);
  b.add_client_bytes(s.client_bytes);
  b.add_server_bytes(s.server_bytes);
  b.add_lost_bytes(s.lost_bytes);
  if (used > 0) b.add_by_cause(by_cause);
  return b.Finish();
}

Offset<fb::Health> encode_health(FlatBufferBuilder& fbb, const Health& h) {
  std::vector<Offset<flatbuffers::String>> ports;
  for (size_t i = 0; i < std::min(h.ports.size(), kMaxPorts); ++i) {
    ports.push_back(fbb.CreateString(printable(h.ports[i], kMaxNameBytes)));
  }
  std::vector<Offset<fb::Counter>> counters;
  for (size_t i = 0; i < std::min(h.counters.size(), kMaxCounters); ++i) {
    const auto name = fbb.CreateString(printable(h.counters[i].first, kMaxNameBytes));
    counters.push_back(fb::CreateCounter(fbb, name, h.counters[i].second));
  }
  std::vector<fb::LossSecond> losses;
  for (size_t i = 0; i < std::min(h.losses.size(), kMaxLosses); ++i) {
    const LossSecond& l = h.losses[i];
    losses.emplace_back(l.second, l.missed_pkts, l.handover_dropped_pkts, l.table_full_pkts, l.evicted_flows,
                        l.ring_dropped_events);
  }
  const auto loss_vector = fbb.CreateVectorOfStructs(losses);
  const auto version = fbb.CreateString(printable(h.version, kMaxNameBytes));
  const auto port_vector = fbb.CreateVector(ports);
  const auto counter_vector = fbb.CreateVector(counters);
  fb::HealthBuilder b(fbb);
  b.add_time_ns(h.time_ns);
  b.add_version(version);
  b.add_workers(h.workers);
  b.add_ports(port_vector);
  b.add_rx_pkts(h.rx_pkts);
  b.add_rx_bytes(h.rx_bytes);
  b.add_missed_pkts(h.missed_pkts);
  b.add_flows(h.flows);
  b.add_flow_capacity(h.flow_capacity);
  b.add_ring_dropped_events(h.ring_dropped_events);
  b.add_lost_batches(h.lost_batches);
  b.add_lost_events(h.lost_events);
  b.add_counters(counter_vector);
  b.add_losses(loss_vector);
  b.add_blind_seconds(h.blind_seconds);
  return b.Finish();
}

}  // namespace

struct Encoder::State {
  explicit State(EncoderConfig c) : config(std::move(c)), fbb(config.max_bytes + 64 * 1024) {}

  EncoderConfig config;
  FlatBufferBuilder fbb;
  std::vector<Offset<fb::Event>> events;
  std::vector<Offset<fb::ServiceStats>> services;
  uint64_t endings = 0;
  bool sealed = false;  // the builder still holds the last batch
};

Encoder::Encoder(EncoderConfig config) {
  config.sensor = printable(config.sensor, kMaxNameBytes);
  config.max_bytes = std::clamp(config.max_bytes, 2 * kItemBytes, kMostBytes);
  config.max_items = std::max<size_t>(config.max_items, 1);
  state_ = std::make_unique<State>(std::move(config));
}

Encoder::~Encoder() = default;

bool Encoder::empty() const { return state_->sealed || (state_->events.empty() && state_->services.empty()); }

bool Encoder::add(const Item& item) {
  State& s = *state_;
  if (s.sealed) {
    s.fbb.Clear();
    s.events.clear();
    s.services.clear();
    s.endings = 0;
    s.sealed = false;
  }
  if (item.kind != ItemKind::kEvent && item.kind != ItemKind::kService) return true;
  const size_t items = s.events.size() + s.services.size();
  if (items >= s.config.max_items || s.fbb.GetSize() + items * sizeof(uint32_t) + kItemBytes > s.config.max_bytes) {
    return false;
  }
  if (item.kind == ItemKind::kEvent) {
    s.events.push_back(encode_event(s.fbb, item.event));
    s.endings += item.event.count;
  } else {
    s.services.push_back(encode_service(s.fbb, item.service));
  }
  return true;
}

Sealed Encoder::seal(uint64_t sequence, uint64_t sent_ns, const Health* health, bool last) {
  State& s = *state_;
  if (s.sealed) (void)add(Item{});  // clears the builder; an item of no kind leaves no trace
  const auto events = s.fbb.CreateVector(s.events);
  const auto services = s.fbb.CreateVector(s.services);
  const auto sensor = s.fbb.CreateString(s.config.sensor);
  Offset<fb::Health> state;
  if (health != nullptr) state = encode_health(s.fbb, *health);
  fb::BatchBuilder b(s.fbb);
  b.add_sensor(sensor);
  b.add_boot(s.config.boot);
  b.add_input(s.config.input);
  b.add_sequence(sequence);
  b.add_sent_ns(sent_ns);
  b.add_events(events);
  b.add_services(services);
  if (health != nullptr) b.add_health(state);
  b.add_last(last);
  s.fbb.Finish(b.Finish());
  s.sealed = true;
  return {s.fbb.GetBufferPointer(), s.fbb.GetSize(), s.events.size(), s.endings, s.services.size()};
}

std::string printable(std::string_view text, size_t most) {
  std::string out(text.substr(0, most));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

}  // namespace rs::event
