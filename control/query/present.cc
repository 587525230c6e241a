// SPDX-License-Identifier: Apache-2.0
#include "control/query/present.h"

#include "control/model/pack.h"

namespace rs::query {
namespace {

// An ending nobody else saw and no proxy passed on costs no read of the store.
std::vector<model::Sighting> sightings_of(const Parts& parts, const model::Event& event) {
  if (!parts.correlation.has_sightings()) return {};
  auto found = parts.store.sightings(event.id);
  return found ? std::move(*found) : std::vector<model::Sighting>{};
}

uint64_t stored_root(const Parts& parts, const model::Event& event) {
  if (!parts.correlation.has_relays()) return 0;
  const auto found = parts.store.finding(correlate::kRelayFinding, correlate::key_of_id(event.id));
  if (!found || !*found) return 0;
  return model::PackReader((*found)->value).varint();
}

void encode_sightings(const model::Event& event, const std::vector<model::Sighting>& sightings, v1::Event& out) {
  if (sightings.empty()) return;
  const auto add = [&](const model::Sighting& s) {
    v1::Sighting& to = *out.add_sightings();
    to.set_sensor(s.sensor);
    encode_time(s.time_ns, *to.mutable_time());
    to.set_event_id(s.id);
    to.set_origin(static_cast<v1::Origin>(s.origin));
    to.set_cause(static_cast<v1::Cause>(s.cause));
    to.set_confidence(s.confidence);
    to.set_rst_ttl(s.rst_ttl);
    if (s.rtt_client_ns > 0) encode_duration(static_cast<int64_t>(s.rtt_client_ns), *to.mutable_rtt_client());
    if (s.rtt_server_ns > 0) encode_duration(static_cast<int64_t>(s.rtt_server_ns), *to.mutable_rtt_server());
    encode_duration(s.skew_ns, *to.mutable_skew());
  };
  add(model::sighting_of(event, event.sensor));
  for (const model::Sighting& s : sightings) add(s);
}

}  // namespace

void Presenter::present(const model::Event& event, Detail detail, v1::Event& out) {
  encode(event, detail, *names_, out);
  const auto sightings = sightings_of(parts_, event);
  encode_sightings(event, sightings, out);
  const correlate::Annotation more =
      parts_.correlation.annotate(event, sightings, *names_, stored_root(parts_, event), summaries_);
  if (more.incident_id != 0) {
    out.set_incident_id(id_text(more.incident_id));
    out.set_incident_kind(static_cast<v1::IncidentKind>(more.incident_kind));
  }
  out.set_revised_cause(static_cast<v1::Cause>(more.cause));
  out.set_revised_origin(static_cast<v1::Origin>(more.origin));
  out.set_revised_reason(more.reason);
  if (more.root_id != 0) out.set_root_event_id(id_text(more.root_id));
  if (!more.located) return;
  v1::Location& location = *out.mutable_location();
  location.set_after(more.located->after);
  location.set_before(more.located->before);
  location.set_origin(static_cast<v1::Origin>(more.located->origin));
  location.set_confidence(more.located->confidence);
  location.set_text(more.located->text);
}

}  // namespace rs::query
