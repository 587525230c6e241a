// SPDX-License-Identifier: Apache-2.0
#include "control/alerts/payload.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

namespace rs::alerts {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kName = "ResetscopeIncident";
constexpr const char* kNever = "0001-01-01T00:00:00Z";  // as Alertmanager writes "not yet"

std::string time_text(uint64_t ns) {
  const auto seconds = static_cast<time_t>(ns / 1'000'000'000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string millis = std::to_string(ns / 1'000'000 % 1000);
  millis.insert(0, 3 - millis.size(), '0');
  return std::string(text, size) + "." + millis + "Z";
}

std::string id_text(uint64_t id) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out(16, '0');
  for (size_t i = 16; i-- > 0; id >>= 4) out[i] = kHex[id & 15];
  return out;
}

Json labels_of(const Alert& alert) {
  return {{"alertname", kName}, {"incident", id_text(alert.id)}, {"kind", alert.kind}, {"severity", alert.severity}};
}

Json annotations_of(const Alert& alert) {
  return {{"summary", alert.summary},
          {"scope", alert.scope},
          {"state", alert.open ? "open" : "closed"},
          {"endings", std::to_string(alert.endings)},
          {"clients", std::to_string(alert.clients)},
          {"servers", std::to_string(alert.servers)},
          {"confidence", std::to_string(static_cast<int>(alert.confidence * 100 + 0.5)) + "%"},
          {"filter", alert.filter}};
}

// Names come from a file and from packets: bytes that are no UTF-8 are replaced.
std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string alertmanager_body(const std::vector<Alert>& alerts) {
  Json all = Json::array();
  for (const Alert& alert : alerts) {
    Json one = {
        {"labels", labels_of(alert)}, {"annotations", annotations_of(alert)}, {"startsAt", time_text(alert.start_ns)}};
    if (!alert.open) one["endsAt"] = time_text(std::max(alert.end_ns, alert.start_ns));
    all.push_back(std::move(one));
  }
  return text_of(all);
}

std::string webhook_body(const std::vector<Alert>& alerts) {
  const bool firing = std::ranges::any_of(alerts, &Alert::open);
  Json all = Json::array();
  for (const Alert& alert : alerts)
    all.push_back({{"status", alert.open ? "firing" : "resolved"},
                   {"labels", labels_of(alert)},
                   {"annotations", annotations_of(alert)},
                   {"startsAt", time_text(alert.start_ns)},
                   {"endsAt", alert.open ? kNever : time_text(std::max(alert.end_ns, alert.start_ns))},
                   {"generatorURL", ""},
                   {"fingerprint", id_text(alert.id)}});
  const Json group = {{"alertname", kName}};
  return text_of({{"version", "4"},
                  {"groupKey", std::string("{}:{alertname=\"") + kName + "\"}"},
                  {"truncatedAlerts", 0},
                  {"status", firing ? "firing" : "resolved"},
                  {"receiver", "resetscope"},
                  {"groupLabels", group},
                  {"commonLabels", group},
                  {"commonAnnotations", Json::object()},
                  {"externalURL", ""},
                  {"alerts", std::move(all)}});
}

std::string alertmanager_url(const std::string& base) {
  std::string url = base;
  while (url.ends_with('/')) url.pop_back();
  return url.ends_with("/api/v2/alerts") ? url : url + "/api/v2/alerts";
}

}  // namespace rs::alerts
