// SPDX-License-Identifier: Apache-2.0
//
// ListSensors and GetServerInfo: the state of the system itself.
#include "control/query/calls.h"
#include "control/query/encode.h"
#include "control/query/feed.h"

namespace rs::query {
namespace {

constexpr const char* kServed[] = {
    "ListResets",    "WatchResets",    "GetReset",         "Why",         "Top",
    "Heatmap",       "Timeline",       "ListServices",     "ListSensors", "GetServerInfo",
    "ListIncidents", "WatchIncidents", "ListIdleTimeouts", "ListNames"};

}  // namespace

grpc::Status list_sensors(const Parts& parts, grpc::ServerContext& context, v1::ListSensorsResponse& out) {
  const auto sensors = parts.store.sensors();
  if (!sensors) return status_of(sensors.error(), context);
  for (const store::Sensor& s : *sensors) {
    v1::Sensor& sensor = *out.add_sensors();
    sensor.set_name(s.name);
    sensor.set_version(s.health.version);
    sensor.set_connected(parts.presence.is_connected(s.name));
    encode_time(s.last_seen_ns, *sensor.mutable_last_seen());
    if (s.health.time_ns > 0) encode_time(s.health.time_ns, *sensor.mutable_packet_time());
    for (const std::string& port : s.health.ports) sensor.add_ports(port);
    sensor.set_workers(s.health.workers);
    sensor.set_received_packets(s.health.rx_pkts);
    sensor.set_received_bytes(s.health.rx_bytes);
    sensor.set_missed_packets(s.health.missed_pkts);
    sensor.set_flows(s.health.flows);
    sensor.set_flow_capacity(s.health.flow_capacity);
    sensor.set_events(s.events);
    sensor.set_ring_dropped_events(s.health.ring_dropped_events);
    sensor.set_lost_batches(s.health.lost_batches);
    sensor.set_lost_events(s.health.lost_events);
    sensor.set_sequence_gaps(s.missing_batches);
    if (const auto skew = parts.presence.skew_ns(s.name)) encode_duration(*skew, *sensor.mutable_clock_skew());
    for (const model::Counter& counter : s.health.counters) (*sensor.mutable_counters())[counter.name] = counter.value;
    sensor.set_boot(s.boot);
    sensor.set_blind_seconds(s.health.blind_seconds);
    for (const model::LossSecond& l : s.health.losses) {
      v1::LossSecond& loss = *sensor.add_losses();
      loss.mutable_second()->set_seconds(static_cast<int64_t>(l.second));
      loss.set_missed_packets(l.missed_pkts);
      loss.set_handover_dropped_packets(l.handover_dropped_pkts);
      loss.set_table_full_packets(l.table_full_pkts);
      loss.set_evicted_flows(l.evicted_flows);
      loss.set_ring_dropped_events(l.ring_dropped_events);
    }
  }
  return grpc::Status::OK;
}

grpc::Status server_info(const Parts& parts, grpc::ServerContext& context, v1::GetServerInfoResponse& out) {
  const auto info = parts.store.info();
  if (!info) return status_of(info.error(), context);
  out.set_version(RS_VERSION);
  encode_time(parts.started_ns, *out.mutable_started());
  out.set_store(info->description);
  out.set_events(info->events);
  out.set_endings(info->endings);
  if (info->oldest_ns) encode_time(*info->oldest_ns, *out.mutable_oldest());
  if (info->newest_ns) encode_time(*info->newest_ns, *out.mutable_newest());
  out.set_sensors(static_cast<uint32_t>(parts.presence.count()));
  out.set_watchers(parts.feed.watchers());
  out.set_names(parts.names.state());
  out.set_correlated_cursor(parts.correlation.cursor());
  for (const char* call : kServed) out.add_calls(call);
  return grpc::Status::OK;
}

}  // namespace rs::query
