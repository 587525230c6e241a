// SPDX-License-Identifier: Apache-2.0
#include "control/incident_alerts.h"

#include "control/correlate/incident_text.h"
#include "control/store/store.h"

namespace rs::control {
namespace {

// Our choice: critical is what breaks a service for its clients now; the rest can wait for working hours.
std::string severity_of(model::IncidentKind kind) {
  switch (kind) {
    case model::IncidentKind::kRestart:
    case model::IncidentKind::kFailover:
    case model::IncidentKind::kPolicyChange:
    case model::IncidentKind::kOverload:
    case model::IncidentKind::kFlood:
      return "critical";
    default:
      return "warning";
  }
}

alerts::Alert alert_of(const model::Incident& incident, const model::Names& names) {
  alerts::Alert alert;
  alert.id = incident.id;
  alert.revision = incident.revision;
  alert.open = incident.open;
  alert.start_ns = incident.start_ns;
  alert.end_ns = incident.end_ns;
  alert.kind = model::name(incident.kind);
  alert.severity = severity_of(incident.kind);
  alert.scope = correlate::scope_text(incident, names);
  alert.summary = correlate::summary(incident, names);
  alert.filter = incident.scope.filter_text();
  alert.endings = incident.endings;
  alert.clients = incident.client_count();
  alert.servers = incident.server_count();
  alert.confidence = incident.confidence;
  return alert;
}

}  // namespace

std::unique_ptr<alerts::Sender> start_alerts(const Config& config, const correlate::Correlation& correlation,
                                             const model::NamesHolder& names) {
  if (config.alerts_url.empty()) return nullptr;
  alerts::SenderConfig sending;
  sending.url = config.alerts_url;
  sending.form = config.alerts_format == AlertFormat::kWebhook ? alerts::Form::kWebhook : alerts::Form::kAlertmanager;
  auto sender = std::make_unique<alerts::Sender>(std::move(sending), [&correlation, &names](uint64_t revision) {
    std::vector<alerts::Alert> out;
    const auto called = names.get();
    for (const model::Incident& one : correlation.incidents(0, store::kForever, revision))
      out.push_back(alert_of(one, *called));
    return out;
  });
  sender->start();
  return sender;
}

}  // namespace rs::control
