// SPDX-License-Identifier: Apache-2.0
#include "control/ingest/decode.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "control/ingest/text.h"
#include "control/model/filter.h"
#include "proto/event_generated.h"

namespace rs::ingest {
namespace {

namespace fb = resetscope::event;

constexpr unsigned kMaxDepth = 8;  // Batch -> Health -> Counter is three
constexpr unsigned kMaxTables = kMaxEvents + kMaxServices + kMaxCounters + 16;

// What a store can sum over years without overflow of 63 bits in one row; no real counter comes near.
constexpr uint64_t kMaxNumber = 1ull << 53;
constexpr uint64_t kMaxTime = std::numeric_limits<int64_t>::max();  // year 2262

// Carries a refusal out of the nested readers; caught in decode() and nowhere else.
struct Refusal {
  std::string text;
};

uint64_t number(uint64_t v) { return std::min(v, kMaxNumber); }
uint64_t time_of(uint64_t v) { return std::min(v, kMaxTime); }

double share(float v) { return static_cast<double>(model::share_units(static_cast<double>(v))) / model::kShareUnits; }

class Reader {
 public:
  Reader(size_t bytes, Decoded& out) : element_budget_(bytes), text_budget_(4 * bytes), out_(out) {}

  model::Batch batch(const fb::Batch& in) {
    if (in.schema() == 0 || in.schema() > kSchema)
      throw Refusal{"batch schema " + std::to_string(in.schema()) + "; this control plane reads 1 to " +
                    std::to_string(kSchema) + ": upgrade the control plane first, then the sensors"};
    model::Batch batch;
    batch.sensor = sensor_name(*in.sensor());
    batch.boot = in.boot();
    batch.input = in.input();
    batch.sequence = in.sequence();
    if (batch.sequence == 0 || batch.sequence > kMaxTime)
      throw Refusal{"sequence " + std::to_string(in.sequence()) + ": it counts 1, 2, 3 ... within a boot"};
    batch.sent_ns = time_of(in.sent_ns());
    batch.last = in.last();
    const size_t events = size(in.events(), kMaxEvents, "events");
    batch.events.reserve(events);
    for (size_t i = 0; i < events; ++i)
      batch.events.push_back(event(*in.events()->Get(static_cast<flatbuffers::uoffset_t>(i)), i));
    const size_t services = size(in.services(), kMaxServices, "services");
    batch.services.reserve(services);
    for (size_t i = 0; i < services; ++i)
      batch.services.push_back(service(*in.services()->Get(static_cast<flatbuffers::uoffset_t>(i)), i));
    if (in.health() != nullptr) batch.health = health(*in.health());
    return batch;
  }

 private:
  // A list's length, refused beyond `max`.
  template <class Vector>
  size_t size(const Vector* list, size_t max, const char* what) {
    if (list == nullptr) return 0;
    if (list->size() > max)
      throw Refusal{std::to_string(list->size()) + " " + what + "; at most " + std::to_string(max) + " are taken"};
    return list->size();
  }

  // Lists of structs; many tables may point to one list, so what is copied is held to the size of the buffer.
  template <class Vector>
  size_t structs(const Vector* list, size_t max, const char* what) {
    const size_t n = size(list, max, what);
    const size_t bytes = n * sizeof(typename std::remove_pointer_t<typename Vector::return_type>);
    if (bytes > element_budget_)
      throw Refusal{std::string(what) + " point to each other: the batch unpacks to more than it is"};
    element_budget_ -= bytes;
    return n;
  }

  std::string text(const flatbuffers::String* in) {
    if (in == nullptr) return {};
    const std::string_view all(in->data(), in->size());
    if (std::min(all.size(), kMaxTextBytes) > text_budget_)
      throw Refusal{"texts point to each other: the batch unpacks to more than it is"};
    text_budget_ -= std::min(all.size(), kMaxTextBytes);
    return clean_text(all, kMaxTextBytes);
  }

  static std::string sensor_name(const flatbuffers::String& in) {
    const std::string name(in.data(), in.size());
    const auto allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
             c == '.' || c == ':' || c == '@';
    };
    if (name.empty() || name.size() > kMaxSensorBytes || !std::ranges::all_of(name, allowed))
      throw Refusal{"sensor name \"" + clean_text(name, kMaxSensorBytes) + "\": 1 to " +
                    std::to_string(kMaxSensorBytes) + " letters, digits and - _ . : @"};
    return name;
  }

  // Numbers this program does not know become `unknown`: a newer sensor says more than we understand.
  template <class E, class Wire>
  E known(Wire wire, size_t count) {
    const auto value = static_cast<size_t>(wire);
    if (value < count) return static_cast<E>(value);
    ++out_.unknown_values;
    return E{};
  }

  static model::Endpoint endpoint(const fb::Endpoint& in) {
    model::Endpoint out;
    std::memcpy(out.ip.data(), in.ip()->data(), out.ip.size());
    out.port = in.port();
    return out;
  }

  // The cause keeps its number as a meaning when it is newer than this program.
  Cause cause(fb::Cause wire, const char* which, model::Event& e) {
    const auto value = static_cast<size_t>(wire);
    if (value >= kCauseCount) e.meanings.push_back(std::string(which) + "=" + std::to_string(value));
    return known<Cause>(wire, kCauseCount);
  }

  model::Event event(const fb::Event& in, size_t index) {
    if (in.client() == nullptr || in.server() == nullptr)
      throw Refusal{"event " + std::to_string(index) + " has no client or no server"};
    model::Event e;
    e.id = in.id();
    e.time_ns = time_of(in.time_ns());
    e.start_ns = std::min(time_of(in.start_ns()), e.time_ns);
    e.client = endpoint(*in.client());
    e.server = endpoint(*in.server());
    e.network_tag = in.network_tag();
    e.claimed_sender = known<Side>(in.claimed_sender(), kSideCount);
    e.origin = known<Origin>(in.origin(), kOriginCount);
    e.stage = known<Stage>(in.stage(), kStageCount);
    e.ending = known<Ending>(in.ending(), kEndingCount);
    e.severity = known<Severity>(in.severity(), kSeverityCount);
    e.confidence = share(in.confidence());
    e.second_confidence = share(in.second_confidence());
    meanings(in, e);
    e.cause = cause(in.cause(), "unknown_cause", e);
    e.second_cause = cause(in.second_cause(), "unknown_second_cause", e);
    e.server_name = text(in.server_name());
    e.idle_ns = time_of(in.idle_ns());
    e.rtt_client_ns = time_of(in.rtt_client_ns());
    e.rtt_server_ns = time_of(in.rtt_server_ns());
    e.client_bytes = number(in.client_bytes());
    e.server_bytes = number(in.server_bytes());
    e.client_pkts = in.client_pkts();
    e.server_pkts = in.server_pkts();
    e.lost_bytes = in.lost_bytes();
    e.rst_count = in.rst_count();
    e.count = std::max<uint64_t>(1, number(in.count()));
    lists(in, e);
    e.flags = static_cast<uint16_t>(in.flags());
    e.zeek_state = known<ZeekState>(in.zeek_state(), kZeekStateCount);
    e.cloudflare_stage = known<CloudflareStage>(in.cloudflare_stage(), kCloudflareStageCount);
    e.linux_reason = known<LinuxReason>(in.linux_reason(), kLinuxReasonCount);
    return e;
  }

  void meanings(const fb::Event& in, model::Event& e) {
    const size_t n = size(in.meanings(), kMaxMeanings, "meanings in one event");
    e.meanings.reserve(n);
    for (size_t i = 0; i < n; ++i)
      e.meanings.push_back(text(in.meanings()->Get(static_cast<flatbuffers::uoffset_t>(i))));
  }

  void lists(const fb::Event& in, model::Event& e) {
    const size_t facts = structs(in.evidence(), kMaxFacts, "facts in one event");
    e.evidence.reserve(facts);
    for (size_t i = 0; i < facts; ++i) {
      const fb::Fact& fact = *in.evidence()->Get(static_cast<flatbuffers::uoffset_t>(i));
      e.evidence.push_back({static_cast<FactId>(fact.id()), fact.weight(), fact.value()});  // newer facts are kept
    }
    const size_t steps = structs(in.timeline(), kMaxSteps, "steps in one event");
    e.timeline.reserve(steps);
    for (size_t i = 0; i < steps; ++i) {
      const fb::Step& step = *in.timeline()->Get(static_cast<flatbuffers::uoffset_t>(i));
      e.timeline.push_back({step.at_ns(), step.value(), known<StepKind>(step.kind(), kStepKindCount),
                            known<Side>(step.side(), kSideCount)});
    }
    const size_t exemplars = structs(in.exemplars(), kMaxExemplars, "exemplars in one event");
    e.exemplars.reserve(exemplars);
    for (size_t i = 0; i < exemplars; ++i) {
      const fb::Exemplar& exemplar = *in.exemplars()->Get(static_cast<flatbuffers::uoffset_t>(i));
      e.exemplars.push_back({time_of(exemplar.time_ns()), endpoint(exemplar.client())});
    }
  }

  model::ServiceStats service(const fb::ServiceStats& in, size_t index) {
    if (in.server() == nullptr) throw Refusal{"service " + std::to_string(index) + " has no server"};
    model::ServiceStats s;
    s.server = endpoint(*in.server());
    s.network_tag = in.network_tag();
    s.from_ns = time_of(in.from_ns());
    s.to_ns = time_of(in.to_ns());
    s.worker = in.worker();
    s.attempted = number(in.attempted());
    s.established = number(in.established());
    s.closed_cleanly = number(in.closed_cleanly());
    s.refused = number(in.refused());
    s.reset = number(in.reset());
    s.timed_out = number(in.timed_out());
    s.client_bytes = number(in.client_bytes());
    s.server_bytes = number(in.server_bytes());
    s.lost_bytes = number(in.lost_bytes());
    const size_t causes = structs(in.by_cause(), std::numeric_limits<uint8_t>::max(), "causes in one service");
    for (size_t i = 0; i < causes; ++i) {
      const fb::CauseCount& one = *in.by_cause()->Get(static_cast<flatbuffers::uoffset_t>(i));
      s.by_cause.push_back({known<Cause>(one.cause(), kCauseCount), number(one.count())});
    }
    return s;
  }

  model::Health health(const fb::Health& in) {
    model::Health h;
    h.time_ns = time_of(in.time_ns());
    h.version = text(in.version());
    h.workers = in.workers();
    const size_t ports = size(in.ports(), kMaxPorts, "ports");
    for (size_t i = 0; i < ports; ++i) h.ports.push_back(text(in.ports()->Get(static_cast<flatbuffers::uoffset_t>(i))));
    h.rx_pkts = time_of(in.rx_pkts());
    h.rx_bytes = time_of(in.rx_bytes());
    h.missed_pkts = number(in.missed_pkts());
    h.flows = number(in.flows());
    h.flow_capacity = number(in.flow_capacity());
    h.ring_dropped_events = number(in.ring_dropped_events());
    h.lost_batches = number(in.lost_batches());
    h.lost_events = number(in.lost_events());
    const size_t counters = size(in.counters(), kMaxCounters, "counters");
    for (size_t i = 0; i < counters; ++i) {
      const fb::Counter& counter = *in.counters()->Get(static_cast<flatbuffers::uoffset_t>(i));
      h.counters.push_back({text(counter.name()), time_of(counter.value())});
    }
    const size_t losses = structs(in.losses(), kMaxLosses, "seconds with losses");
    for (size_t i = 0; i < losses; ++i) {
      const fb::LossSecond& l = *in.losses()->Get(static_cast<flatbuffers::uoffset_t>(i));
      h.losses.push_back({number(l.second()), number(l.missed_pkts()), number(l.handover_dropped_pkts()),
                          number(l.table_full_pkts()), number(l.evicted_flows()), number(l.ring_dropped_events())});
    }
    h.blind_seconds = number(in.blind_seconds());
    return h;
  }

  size_t element_budget_;
  size_t text_budget_;  // equal texts may rightly be shared by a few events
  Decoded& out_;
};

}  // namespace

Decoded decode(std::span<const uint8_t> bytes) {
  Decoded out;
  if (bytes.size() > kMaxBatchBytes) {
    out.refusal =
        "batch of " + std::to_string(bytes.size()) + " bytes; at most " + std::to_string(kMaxBatchBytes) + " are taken";
    return out;
  }
  // FlatBuffers reads words in place and wants them aligned; what comes off the wire need not be.
  std::vector<uint64_t> aligned;
  const uint8_t* data = bytes.data();
  if (reinterpret_cast<uintptr_t>(data) % alignof(uint64_t) != 0) {
    aligned.resize((bytes.size() + sizeof(uint64_t) - 1) / sizeof(uint64_t));
    if (!bytes.empty()) std::memcpy(aligned.data(), data, bytes.size());
    data = reinterpret_cast<const uint8_t*>(aligned.data());
  }
  flatbuffers::Verifier verifier(data, bytes.size(), kMaxDepth, kMaxTables);
  if (bytes.size() < sizeof(flatbuffers::uoffset_t) || !fb::VerifyBatchBuffer(verifier)) {
    out.refusal = "not a batch: " + std::to_string(bytes.size()) +
                  " bytes that do not verify as a FlatBuffer of resetscope.event.Batch";
    return out;
  }
  const fb::Batch& batch = *fb::GetBatch(data);
  out.boot = batch.boot();
  out.sequence = batch.sequence();
  try {
    out.batch = Reader(bytes.size(), out).batch(batch);
    out.batch->wire_bytes = bytes.size();
  } catch (const Refusal& refusal) {
    out.refusal = refusal.text;
  } catch (const std::bad_alloc&) {
    out.refusal = "out of memory";
  }
  return out;
}

}  // namespace rs::ingest
