// SPDX-License-Identifier: Apache-2.0
//
// ListIncidents and WatchIncidents: the patterns behind many endings.
#include <algorithm>
#include <chrono>
#include <thread>

#include "control/correlate/incident_text.h"
#include "control/query/calls.h"
#include "control/query/encode.h"
#include "control/query/feed.h"

namespace rs::query {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kDefaultRows = 100;
constexpr size_t kMostRows = 10'000;
constexpr size_t kTopCauses = 3;
constexpr uint32_t kMostWatchers = 256;  // each holds a thread
constexpr auto kHeartbeat = std::chrono::seconds(5);
constexpr auto kLook = std::chrono::milliseconds(250);

// The fields of an incident that filters know; others would never hold.
Result<model::Filter> filter_of(const Parts& parts, const std::string& text) {
  auto filter = wanted(parts, text, true);
  if (!filter) return filter.error();
  for (const model::FieldInfo& field : model::fields()) {
    switch (field.field) {
      case model::Field::kClientIp:
      case model::Field::kServerIp:
      case model::Field::kIp:
      case model::Field::kServerPort:
      case model::Field::kCause:
      case model::Field::kFamily:
      case model::Field::kSensor:
        continue;
      default:
        if (model::mentions(filter->asked, field.field))
          return Error{Code::kInvalid,
                       "incidents are filtered by client_ip, server_ip, ip, server_port, cause, family and sensor, "
                       "not by " +
                           std::string(field.name)};
    }
  }
  return filter->asked;
}

bool matches(const model::Filter& filter, const model::Incident& incident) {
  if (filter.kind == model::Filter::Kind::kAll) return true;
  model::Event event;
  event.cause = incident.cause;
  if (incident.scope.client) event.client.ip = incident.scope.client->ip;
  if (incident.scope.server) event.server.ip = incident.scope.server->ip;
  event.server.port = incident.scope.port.value_or(0);
  if (incident.sensors.empty()) return model::matches(filter, event);
  return std::ranges::any_of(incident.sensors, [&](const std::string& sensor) {
    event.sensor = sensor;
    return model::matches(filter, event);
  });
}

void encode(const model::Incident& incident, const model::Names& names, v1::Incident& out) {
  out.set_id(id_text(incident.id));
  out.set_kind(static_cast<v1::IncidentKind>(incident.kind));
  out.set_state(incident.open ? v1::INCIDENT_STATE_OPEN : v1::INCIDENT_STATE_CLOSED);
  encode_time(incident.start_ns, *out.mutable_start());
  encode_time(incident.end_ns, *out.mutable_end());
  encode_time(incident.updated_ns, *out.mutable_updated());
  out.set_scope(correlate::scope_text(incident, names));
  out.set_summary(correlate::summary(incident, names));
  for (const model::IncidentFact& fact : incident.evidence) {
    v1::Fact& f = *out.add_evidence();
    f.set_name(fact.name);
    f.set_value(fact.value);
    f.set_weight(fact.weight);
    f.set_text(correlate::fact_text(incident, fact));
  }
  out.set_endings(incident.endings);
  out.set_clients(incident.client_count());
  out.set_servers(incident.server_count());
  out.set_confidence(incident.confidence);
  out.set_cause(static_cast<v1::Cause>(incident.cause));
  out.set_filter(incident.scope.filter_text());
  out.set_revision(incident.revision);
  std::vector<std::pair<uint64_t, size_t>> causes;
  for (size_t i = 0; i < incident.by_cause.size(); ++i)
    if (incident.by_cause[i] > 0) causes.emplace_back(incident.by_cause[i], i);
  std::ranges::sort(causes, std::greater<>());
  for (size_t i = 0; i < std::min(causes.size(), kTopCauses); ++i)
    out.add_top_causes(static_cast<v1::Cause>(causes[i].second));
  for (const std::string& sensor : incident.sensors) out.add_sensors(sensor);
  if (incident.attempted > 0)
    out.set_share(std::min(1.0, static_cast<double>(incident.endings) / static_cast<double>(incident.attempted)));
}

}  // namespace

grpc::Status list_incidents(const Parts& parts, grpc::ServerContext& context, const v1::ListIncidentsRequest& in,
                            v1::ListIncidentsResponse& out) {
  const auto filter = filter_of(parts, in.filter());
  if (!filter) return status_of(filter.error(), context);
  const auto range = range_of(in.range());
  if (!range) return status_of(range.error(), context);
  const auto limit = limit_of(in.limit(), kDefaultRows, kMostRows, "limit");
  if (!limit) return status_of(limit.error(), context);
  auto incidents = parts.correlation.incidents(range->since_ns, range->until_ns, 0);
  std::erase_if(incidents,
                [&](const model::Incident& one) { return (in.open_only() && !one.open) || !matches(*filter, one); });
  std::ranges::stable_sort(incidents, {}, &model::Incident::start_ns);
  const size_t beyond = incidents.size() > *limit ? incidents.size() - *limit : 0;
  const auto names = parts.names.get();
  // The newest ones, newest last.
  for (size_t i = beyond; i < incidents.size(); ++i) encode(incidents[i], *names, *out.add_incidents());
  if (beyond > 0) out.mutable_completeness()->add_notes(std::to_string(beyond) + " older incidents beyond the limit");
  if (const auto overflow = parts.correlation.overflow(); overflow.incident_keys > 0)
    out.mutable_completeness()->add_notes(std::to_string(overflow.incident_keys) +
                                          " endings were too many different ones at once to look for incidents");
  const store::Patience patience = patience_of(context);
  if (auto done = complete(parts, *range, nullptr, patience, *out.mutable_completeness()); !done)
    return status_of(done.error(), context);
  return grpc::Status::OK;
}

grpc::Status watch_incidents(const Parts& parts, grpc::ServerContext& context, const v1::WatchIncidentsRequest& in,
                             grpc::ServerWriter<v1::WatchIncidentsResponse>& out) {
  const auto filter = filter_of(parts, in.filter());
  if (!filter) return status_of(filter.error(), context);
  const Feed::Watcher watcher(parts.feed);
  if (parts.feed.watchers() > kMostWatchers)
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "more than " + std::to_string(kMostWatchers) + " watches at once"};
  uint64_t revision = in.resume_revision();
  if (revision > parts.correlation.revision())
    return {grpc::StatusCode::OUT_OF_RANGE, "resume_revision " + std::to_string(revision) +
                                                " is beyond the newest: it comes from another store; start without it"};
  out.SendInitialMetadata();
  bool first = revision == 0;
  auto quiet_since = Clock::now();
  while (!context.IsCancelled()) {
    if (parts.feed.stopping())
      return {grpc::StatusCode::UNAVAILABLE,
              "the control plane is shutting down; resume after revision " + std::to_string(revision)};
    auto changed = parts.correlation.incidents(0, store::kForever, revision);
    std::ranges::sort(changed, {}, &model::Incident::revision);
    const auto names = parts.names.get();
    for (const model::Incident& incident : changed) {
      revision = std::max(revision, incident.revision);
      if ((first && !incident.open) || !matches(*filter, incident)) continue;
      v1::WatchIncidentsResponse response;
      encode(incident, *names, *response.mutable_incident());
      response.set_heartbeat_revision(revision);
      if (!out.Write(response)) return {grpc::StatusCode::CANCELLED, "the client left"};
      quiet_since = Clock::now();
    }
    first = false;
    if (Clock::now() - quiet_since >= kHeartbeat) {
      v1::WatchIncidentsResponse heartbeat;
      heartbeat.set_heartbeat_revision(revision);
      if (!out.Write(heartbeat)) return {grpc::StatusCode::CANCELLED, "the client left"};
      quiet_since = Clock::now();
    }
    std::this_thread::sleep_for(kLook);
  }
  return {grpc::StatusCode::CANCELLED, "the client left"};
}

}  // namespace rs::query
