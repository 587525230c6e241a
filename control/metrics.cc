// SPDX-License-Identifier: Apache-2.0
#include "control/metrics.h"

#include <algorithm>

#include "proto/tls.h"
#include "proto/vocabulary.h"

namespace rs::control {
namespace {

using metrics::Page;

constexpr size_t kMostSensors = 1000;  // told one by one, the first by name; an installation has hundreds
constexpr double kNs = 1e-9;

void fill_sensors(const MetricsParts& parts, Page& page) {
  auto sensors = parts.store.sensors();
  if (!sensors) return;
  if (sensors->size() > kMostSensors) sensors->resize(kMostSensors);
  const auto each = [&](auto&& value) {
    for (const store::Sensor& s : *sensors) page.add(value(s), {{"sensor", s.name}});
  };
  page.gauge("resetscope_control_sensor_connected", "1 while the sensor has a stream open.");
  each([&](const store::Sensor& s) { return uint64_t{parts.presence.is_connected(s.name) ? 1u : 0u}; });
  page.gauge("resetscope_control_sensor_last_seen_timestamp_seconds", "When the sensor's last batch came.");
  each([](const store::Sensor& s) { return static_cast<double>(s.last_seen_ns) * kNs; });
  page.gauge("resetscope_control_sensor_flows", "Connections the sensor tracks.");
  each([](const store::Sensor& s) { return s.health.flows; });
  page.counter("resetscope_control_sensor_received_packets_total", "Packets the sensor took in since its start.");
  each([](const store::Sensor& s) { return s.health.rx_pkts; });
  page.counter("resetscope_control_sensor_missed_packets_total",
               "Packets dropped before the sensor could look at them, since its start.");
  each([](const store::Sensor& s) { return s.health.missed_pkts; });
  page.counter("resetscope_control_sensor_blind_seconds_total", "Seconds in which the sensor lost packets.");
  each([](const store::Sensor& s) { return s.health.blind_seconds; });
  page.counter("resetscope_control_sensor_lost_events_total", "Events lost by a full ring or spool of the sensor.");
  each([](const store::Sensor& s) { return s.health.lost_events + s.health.ring_dropped_events; });
  page.counter("resetscope_control_sensor_missing_batches_total", "Gaps in the numbers of the sensor's batches.");
  each([](const store::Sensor& s) { return s.missing_batches; });
  page.counter("resetscope_control_sensor_events_total", "Events stored of the sensor.");
  each([](const store::Sensor& s) { return s.events; });
  page.gauge("resetscope_control_sensor_clock_skew_seconds", "The sensor's clock minus ours, transit included.");
  for (const store::Sensor& s : *sensors)
    if (const auto skew = parts.presence.skew_ns(s.name))
      page.add(static_cast<double>(*skew) * kNs, {{"sensor", s.name}});
}

void fill_store(const MetricsParts& parts, Page& page) {
  page.gauge("resetscope_control_store_writable", "0 while nothing can be stored, as when the disk is full.")
      .add(uint64_t{parts.store.trouble().empty() ? 1u : 0u});
  const uint64_t newest = parts.store.newest_cursor();
  page.gauge("resetscope_control_correlation_lag_events", "Stored events that correlation has not looked at yet.")
      .add(newest - std::min(newest, parts.correlation.cursor()));
  const auto overflow = parts.correlation.overflow();
  page.counter("resetscope_control_correlation_overflow_total", "Endings or keys beyond the bounds of correlation.")
      .add(overflow.incident_keys, {{"bound", "incident_keys"}})
      .add(overflow.too_late, {{"bound", "too_late"}})
      .add(overflow.idle_paths, {{"bound", "idle_paths"}});
  const auto info = parts.store.info();
  if (!info) return;
  page.gauge("resetscope_control_store_events", "Events in the store.").add(info->events);
  page.gauge("resetscope_control_store_endings", "Endings they stand for.").add(info->endings);
  page.gauge("resetscope_control_store_bytes", "Disk or memory the store uses.").add(info->bytes);
  if (info->oldest_ns)
    page.gauge("resetscope_control_store_oldest_timestamp_seconds", "Time of the oldest ending in the store.")
        .add(static_cast<double>(*info->oldest_ns) * kNs);
  if (info->newest_ns)
    page.gauge("resetscope_control_store_newest_timestamp_seconds", "Time of the newest ending in the store.")
        .add(static_cast<double>(*info->newest_ns) * kNs);
}

void fill_incidents(const MetricsParts& parts, Page& page) {
  std::array<uint64_t, model::kIncidentKinds> open{};
  std::array<uint64_t, model::kIncidentKinds> all{};
  for (const model::Incident& one : parts.correlation.incidents(0, store::kForever, 0)) {
    const auto kind = static_cast<size_t>(one.kind);
    ++all[kind];
    if (one.open) ++open[kind];
  }
  page.gauge("resetscope_control_incidents_open", "Incidents under way.");
  for (size_t i = 1; i < open.size(); ++i)
    page.add(open[i], {{"kind", std::string(model::name(static_cast<model::IncidentKind>(i)))}});
  page.gauge("resetscope_control_incidents_kept", "Incidents remembered, open and closed.");
  for (size_t i = 1; i < all.size(); ++i)
    page.add(all[i], {{"kind", std::string(model::name(static_cast<model::IncidentKind>(i)))}});
}

void fill_access(const MetricsParts& parts, Page& page) {
  constexpr std::array<const char*, access::kNeedCount> kNeeds = {"publish", "read", "watch", "operate"};
  page.counter("resetscope_control_access_refused_total", "Calls refused because their caller may not make them.");
  for (size_t i = 0; i < kNeeds.size(); ++i)
    page.add(parts.gate.refused(static_cast<access::Need>(i)), {{"need", kNeeds[i]}});
  page.counter("resetscope_control_access_limited_total", "Calls refused because their caller makes too many.")
      .add(parts.gate.limited());
  page.counter("resetscope_control_audit_entries_total", "Entries of the audit log.").add(parts.gate.audit().entries());
  page.counter("resetscope_control_audit_write_failures_total", "Entries that could not be written to its file.")
      .add(parts.gate.audit().failed_writes());
  if (!parts.config.tls.any()) return;
  const auto own = tls::check(parts.config.tls, 0);
  if (own)
    page.gauge("resetscope_control_tls_certificate_expiry_timestamp_seconds", "When our certificate expires.")
        .add(static_cast<double>(own->not_after));
}

void fill_alerts(const MetricsParts& parts, Page& page) {
  if (parts.alerts == nullptr) return;
  const alerts::SenderStats stats = parts.alerts->stats();
  page.counter("resetscope_control_alerts_sent_total", "Posts that the alert receiver took.").add(stats.sent);
  page.counter("resetscope_control_alerts_failed_total", "Tries that failed; each is tried again.").add(stats.failed);
  page.counter("resetscope_control_alerts_dropped_total", "Changes given up: the queue was full, or it was refused.")
      .add(stats.dropped);
  page.gauge("resetscope_control_alerts_waiting", "Changes that wait to be posted.").add(stats.waiting);
}

}  // namespace

void EndingCounts::stored(const model::Batch& batch, const std::vector<uint32_t>& fresh,
                          const std::vector<model::Sighting>& sightings) {
  for (const uint32_t i : fresh) {
    const model::Event& e = batch.events[i];
    const auto add = [&](auto& counts, size_t at) { counts[at].fetch_add(e.count, std::memory_order_relaxed); };
    add(by_cause_, static_cast<size_t>(e.cause) * kOriginCount + static_cast<size_t>(e.origin));
    add(by_stage_, static_cast<size_t>(e.stage) * kEndingCount + static_cast<size_t>(e.ending));
    add(by_severity_, static_cast<size_t>(e.severity));
    lost_bytes_.fetch_add(e.lost_bytes, std::memory_order_relaxed);
  }
  sightings_.fetch_add(sightings.size(), std::memory_order_relaxed);
}

void EndingCounts::fill(Page& page) const {
  page.counter("resetscope_control_endings_total", "Endings stored since the start, by cause and origin.");
  for (size_t i = 0; i < by_cause_.size(); ++i)
    if (const uint64_t n = by_cause_[i].load(std::memory_order_relaxed); n > 0)
      page.add(n, {{"cause", std::string(name(static_cast<Cause>(i / kOriginCount)))},
                   {"origin", std::string(name(static_cast<Origin>(i % kOriginCount)))}});
  page.counter("resetscope_control_endings_by_stage_total", "The same by stage and how they ended.");
  for (size_t i = 0; i < by_stage_.size(); ++i)
    if (const uint64_t n = by_stage_[i].load(std::memory_order_relaxed); n > 0)
      page.add(n, {{"stage", std::string(name(static_cast<Stage>(i / kEndingCount)))},
                   {"ending", std::string(name(static_cast<Ending>(i % kEndingCount)))}});
  page.counter("resetscope_control_endings_by_severity_total", "The same by severity.");
  for (size_t i = 0; i < by_severity_.size(); ++i)
    page.add(by_severity_[i].load(std::memory_order_relaxed),
             {{"severity", std::string(name(static_cast<Severity>(i)))}});
  page.counter("resetscope_control_sightings_total", "Endings that another sensor had told of before.")
      .add(sightings_.load(std::memory_order_relaxed));
  page.counter("resetscope_control_lost_bytes_total", "Bytes under way when their connections ended.")
      .add(lost_bytes_.load(std::memory_order_relaxed));
}

void CallCounts::called(const std::string& call, grpc::StatusCode code, double seconds, bool watch) {
  const std::lock_guard lock(mutex_);
  One& one = calls_[call];
  ++one.codes[code];
  if (!watch) one.seconds.add(seconds);
}

void CallCounts::fill(Page& page) const {
  constexpr std::array<const char*, 17> kCodes = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  const std::lock_guard lock(mutex_);
  page.counter("resetscope_control_calls_total", "Calls of query.proto answered, watches when they end.");
  for (const auto& [call, one] : calls_)
    for (const auto& [code, n] : one.codes)
      page.add(n, {{"call", call}, {"code", kCodes[std::min<size_t>(static_cast<size_t>(code), kCodes.size() - 1)]}});
  page.histogram("resetscope_control_call_duration_seconds", "How long calls took, watches left out.");
  for (const auto& [call, one] : calls_)
    if (!call.starts_with("Watch")) page.add(one.seconds, {{"call", call}});
}

void fill_page(const MetricsParts& parts, Page& page) {
  metrics::add_process(page, "resetscope_control");
  page.gauge("resetscope_control_config_last_reload_successful", "1 if the configuration was good when last read.")
      .add(uint64_t{parts.config_good.load() ? 1u : 0u});
  page.gauge("resetscope_control_config_last_reload_success_timestamp_seconds", "When it was last read and good.")
      .add(parts.config_read_s.load());
  page.gauge("resetscope_control_sensors_connected", "Sensors with a stream open.")
      .add(static_cast<uint64_t>(parts.presence.count()));
  page.gauge("resetscope_control_watchers", "Watches under way.").add(uint64_t{parts.feed.watchers()});
  page.counter("resetscope_control_batches_total", "Batches of sensors acknowledged.");
  for (size_t i = 0; i < kAckCodeCount; ++i)
    page.add(parts.ingest.acknowledgements(static_cast<AckCode>(i)),
             {{"code", std::string(name(static_cast<AckCode>(i)))}});
  page.histogram("resetscope_control_batch_age_seconds", "Age of batches when they came, by the sensor's clock.")
      .add(parts.ingest.batch_age());
  parts.endings.fill(page);
  fill_sensors(parts, page);
  fill_store(parts, page);
  fill_incidents(parts, page);
  parts.calls.fill(page);
  fill_access(parts, page);
  fill_alerts(parts, page);
}

}  // namespace rs::control
