// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/correlation.h"

#include <algorithm>

#include "control/correlate/incident_pack.h"
#include "control/correlate/incident_text.h"
#include "control/model/pack.h"

namespace rs::correlate {
namespace {

// Below this an incident or a place is context, not a reason to name another cause.
constexpr double kSure = 0.7;

const std::string& name_of(const std::vector<std::string>& sensors, model::SensorNumber number) {
  static const std::string kNone;
  return number < sensors.size() ? sensors[number] : kNone;
}

// The ending says by itself what a restart only makes likely.
bool is_nearer(Cause own, Cause incidents) {
  return incidents == Cause::kProcessCrash && (own == Cause::kAdminKill || own == Cause::kListenerClosedBacklog);
}

bool is_folded(const model::Event& event) { return event.count > 1 || event.has(Flag::kFolded); }

// What a reset by a device on the path is called at this stage.
Cause path_cause(const model::Event& event) {
  return event.stage == Stage::kSyn ? Cause::kPathFwReject : Cause::kFwMidstreamReject;
}

}  // namespace

std::string key_of_id(uint64_t id) {
  std::string key(8, '\0');
  for (size_t i = 8; i-- > 0; id >>= 8) key[i] = static_cast<char>(id & 0xff);
  return key;
}

void Correlation::take(const Intake& intake, const std::vector<std::string>& sensors, uint64_t now_ns,
                       uint64_t counted) {
  const std::lock_guard lock(mutex_);
  paths_.know(sensors);
  // Denominators first: they tell whether a service worked before.
  for (const model::Served& served : intake.served) {
    incidents_.add(served);
    if (served.attempted > 0 || served.established > 0)
      paths_.watched(served.server, served.sensor, served.from_ns, served.to_ns);
  }
  for (const model::Ended& ended : intake.ended) {
    const std::string& sensor = name_of(sensors, ended.sensor);
    const bool warm = ended.cursor <= counted && ended.cursor != 0;
    incidents_.add(ended, sensor, now_ns, warm);
    paths_.add(ended.client, ended.server, ended.sensor, ended.rtt_client_ns, ended.rtt_server_ns);
    if (!warm) idle_.add(ended);
    for (const Relay& relay : chains_.add(ended)) relays_.push_back(relay);
  }
  if (!intake.sightings.empty()) has_sightings_ = true;
  if (!relays_.empty()) has_relays_ = true;
  for (const Intake::Seen& seen : intake.sightings)
    paths_.add(seen.client, seen.server, seen.sensor, seen.rtt_client_ns, seen.rtt_server_ns);
  for (const Intake::Progress& progress : intake.progress) {
    incidents_.advance(progress.sensor, progress.packet_ns, progress.over, now_ns);
    if (progress.over)
      paths_.ended(progress.sensor);
    else
      paths_.connected(progress.sensor);
  }
  cursor_ = std::max(cursor_, intake.cursor);
}

void Correlation::set_names(std::shared_ptr<const model::Names> names) {
  const std::lock_guard lock(mutex_);
  chains_.set_names(std::move(names));
}

void Correlation::expire(uint64_t now_ns) {
  const std::lock_guard lock(mutex_);
  incidents_.expire(now_ns);
}

model::Findings Correlation::changed() {
  const std::lock_guard lock(mutex_);
  model::Findings out;
  out.cursor = cursor_;
  for (const uint64_t id : incidents_.dropped()) out.rows.push_back({kIncidentFinding, key_of_id(id), {}, 0, true});
  for (const uint64_t id : incidents_.changed())
    if (const model::Incident* incident = incidents_.find(id))
      out.rows.push_back({kIncidentFinding, key_of_id(id), pack(*incident), incident->end_ns, false});
  for (IdleLearner::Packed& path : idle_.changed())
    out.rows.push_back({kIdleFinding, std::move(path.key), std::move(path.value), path.time_ns, false});
  for (const Relay& relay : relays_) {
    std::string value;
    model::put_varint(value, relay.root_id);
    model::put_varint(value, static_cast<uint64_t>(relay.confidence * 1000));
    out.rows.push_back({kRelayFinding, key_of_id(relay.event_id), std::move(value), relay.time_ns, false});
  }
  relays_.clear();
  return out;
}

void Correlation::restore(const model::Finding& finding) {
  const std::lock_guard lock(mutex_);
  if (finding.kind == kIncidentFinding) {
    if (auto incident = unpack(finding.value)) incidents_.restore(std::move(*incident));
  } else if (finding.kind == kIdleFinding) {
    idle_.restore(finding.key, finding.value);
  }
}

void Correlation::start_at(uint64_t cursor) {
  const std::lock_guard lock(mutex_);
  cursor_ = cursor;
}

uint64_t Correlation::cursor() const {
  const std::lock_guard lock(mutex_);
  return cursor_;
}

Annotation Correlation::annotate(const model::Event& event, const std::vector<model::Sighting>& sightings,
                                 const model::Names& names, uint64_t stored_root, Summaries& summaries) const {
  Annotation out;
  const std::lock_guard lock(mutex_);
  if (const model::Incident* incident = incidents_.explain(event)) {
    out.incident_id = incident->id;
    out.incident_kind = incident->kind;
    if (incident->cause != Cause::kUnknown && incident->cause != event.cause && incident->confidence >= kSure &&
        !is_nearer(event.cause, incident->cause)) {
      out.cause = incident->cause;
      out.reason = summaries.of(*incident, names);
    }
  }
  const uint64_t root = chains_.root(event.id);
  out.root_id = root != event.id ? root : stored_root;
  if (out.root_id != 0) {
    out.cause = Cause::kProxyRelayed;
    out.reason = "the proxy passed on an ending of its other leg";
  }
  if (paths_.many_taps() && !is_folded(event) && (event.ending == Ending::kReset || event.ending == Ending::kRefused)) {
    const Side claimed = event.ending == Ending::kRefused ? Side::kServer : event.claimed_sender;
    out.located = locate(claimed, paths_.taps(event, sightings, names));
  }
  if (out.located && out.located->origin != Origin::kUnknown && out.located->confidence >= kSure &&
      out.located->origin != event.origin) {
    out.origin = out.located->origin;
    out.cause = path_cause(event);
    out.reason = out.located->text;
  }
  return out;
}

std::vector<model::Incident> Correlation::incidents(uint64_t since_ns, uint64_t until_ns, uint64_t revision) const {
  const std::lock_guard lock(mutex_);
  std::vector<model::Incident> out;
  for (const auto& [id, incident] : incidents_.incidents())
    if (incident.start_ns < until_ns && (incident.end_ns >= since_ns || incident.open) && incident.revision > revision)
      out.push_back(incident);
  return out;
}

std::optional<model::Incident> Correlation::incident(uint64_t id) const {
  const std::lock_guard lock(mutex_);
  const model::Incident* found = incidents_.find(id);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

uint64_t Correlation::revision() const {
  const std::lock_guard lock(mutex_);
  return incidents_.revision();
}

std::vector<LearnedTimeout> Correlation::timeouts() const {
  const std::lock_guard lock(mutex_);
  return idle_.learned();
}

std::vector<LearnedTimeout> Correlation::timeouts(const model::Endpoint& server) const {
  const std::lock_guard lock(mutex_);
  return idle_.learned(server);
}

Correlation::Overflow Correlation::overflow() const {
  const std::lock_guard lock(mutex_);
  return {incidents_.counters().no_room, incidents_.counters().too_late, idle_.overflow()};
}

}  // namespace rs::correlate
