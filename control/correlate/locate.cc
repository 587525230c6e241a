// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/locate.h"

#include <algorithm>

#include "control/model/incident.h"
#include "control/model/ip.h"

namespace rs::correlate {
namespace {

constexpr double kSmoothing = 0.1;
constexpr uint64_t kSlackNs = 20ull * 1'000'000'000;  // two intervals of service statistics

model::Ip network_of(const model::Ip& ip) {
  const auto bits = static_cast<uint8_t>(model::is_v4(ip) ? model::kMappedBits + 24 : 64);
  return model::first_of({ip, bits});
}

// From client to server: by the names file's sides, else by round trips. False when the order of two is not known.
bool sort_along_path(std::vector<TapView>& taps) {
  const auto place = [](const TapView& tap) -> double {
    if (tap.side == model::TapSide::kClient) return 0;
    if (tap.side == model::TapSide::kServer) return 1;
    if (tap.client_ns <= 0 || tap.server_ns <= 0) return -1;
    return tap.client_ns / (tap.client_ns + tap.server_ns);
  };
  if (std::ranges::any_of(taps, [&](const TapView& tap) { return place(tap) < 0; })) return false;
  std::ranges::stable_sort(taps, {}, place);
  // Two taps a hair apart have no order: the difference has to stand out of the jitter of round trips.
  for (size_t i = 1; i < taps.size(); ++i)
    if (place(taps[i]) - place(taps[i - 1]) < 0.05) return false;
  return true;
}

std::string list(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i)
    text.append(i == 0 ? "" : i + 1 == names.size() ? " and " : ", ").append(names[i]);
  return text;
}

}  // namespace

std::optional<Located> locate(Side claimed, std::vector<TapView> taps) {
  if (taps.size() < 2 || claimed == Side::kUnknown) return std::nullopt;
  const auto saw = [](const TapView& tap) { return tap.saw; };
  if (std::ranges::none_of(taps, saw) || !sort_along_path(taps)) return std::nullopt;
  const char* sender = claimed == Side::kServer ? "server" : "client";
  const char* receiver = claimed == Side::kServer ? "client" : "server";
  // From here on in the direction of the reset: from its claimed sender to its receiver.
  if (claimed == Side::kServer) std::ranges::reverse(taps);
  const size_t first = static_cast<size_t>(std::ranges::find_if(taps, saw) - taps.begin());
  std::vector<std::string> unseen_beyond;
  for (size_t i = first + 1; i < taps.size(); ++i)
    if (!taps[i].saw) unseen_beyond.push_back(taps[i].sensor);

  Located out;
  out.before = taps[first].sensor;
  if (first > 0) {
    out.after = taps[first - 1].sensor;
    out.origin = Origin::kMiddlebox;
    out.confidence = 0.95;
    out.text = "the reset was seen at " + out.before + " and not at " + out.after + ", which is nearer to the " +
               sender + ", lies on the path and was watching: a device between the two sent it";
    return out;
  }
  // All the way: does its TTL fall from tap to tap as it would from the sender?
  bool falls = true, rises = true, known = true;
  for (size_t i = 1; i < taps.size(); ++i) {
    if (!taps[i].saw) continue;
    known = known && taps[i].rst_ttl != 0 && taps[i - 1].rst_ttl != 0;
    falls = falls && taps[i].rst_ttl < taps[i - 1].rst_ttl;
    rises = rises && taps[i].rst_ttl > taps[i - 1].rst_ttl;
  }
  if (!unseen_beyond.empty()) {
    out.after = sender;
    out.confidence = 0.6;
    out.text = "the reset passed " + out.before + " and did not reach " + list(unseen_beyond) + " nearer to the " +
               receiver + ": something between swallowed it";
    return out;
  }
  if (known && rises) {
    out.after = receiver;
    out.before = taps.back().sensor;
    out.origin = Origin::kMiddlebox;
    out.confidence = 0.9;
    out.text =
        std::string("its TTL grows towards the ") + receiver + ": it came from that side, whatever address it bears";
    return out;
  }
  out.after = sender;
  out.confidence = known && falls ? 0.8 : 0.6;
  out.origin = Origin::kUnknown;
  out.text = "every tap on the path saw it, " + out.before + " nearest to the " + sender +
             (known && falls ? ", and its TTL falls hop by hop from there" : "") + ": it came from beyond " +
             out.before;
  return out;
}

size_t PathMap::PathHash::operator()(const PathKey& key) const {
  return model::hash_of(key.client) * 3 ^ model::hash_of(key.server);
}

size_t PathMap::PathHash::operator()(const WatchedKey& key) const {
  return model::hash_of(key.server) * 3 ^ key.sensor;
}

void PathMap::know(const std::vector<std::string>& sensors) {
  if (sensors_.size() < sensors.size()) sensors_.resize(sensors.size());
  for (size_t i = named_; i < sensors.size(); ++i) sensors_[i].name = sensors[i];
  named_ = std::max(named_, sensors.size());
}

PathMap::Sensor& PathMap::at(model::SensorNumber sensor) {
  if (sensor >= sensors_.size()) sensors_.resize(sensor + size_t{1});
  return sensors_[sensor];
}

PathMap::PathKey PathMap::key_of(const model::Endpoint& client, const model::Endpoint& server) {
  return {network_of(client.ip), network_of(server.ip)};
}

const PathMap::Path* PathMap::find(const PathKey& key) const {
  const Set& set = sets_[PathHash()(key) % sets_.size()];
  const auto path = std::ranges::find(set, key, &Path::key);
  return path == set.end() || path->taps.empty() ? nullptr : &*path;
}

void PathMap::add(const model::Endpoint& client, const model::Endpoint& server, model::SensorNumber sensor,
                  uint64_t rtt_client_ns, uint64_t rtt_server_ns) {
  if (Sensor& one = at(sensor); !one.heard) {
    one.heard = true;
    ++heard_;
  }
  const PathKey key = key_of(client, server);
  Set& set = sets_[PathHash()(key) % sets_.size()];
  auto path = std::ranges::find(set, key, &Path::key);
  if (path == set.end()) {
    path = std::ranges::min_element(set, {}, &Path::used);
    path->key = key;
    path->taps.clear();
  }
  path->used = ++clock_;
  auto& taps = path->taps;
  auto found = std::ranges::find(taps, sensor, &Tap::sensor);
  if (found == taps.end()) found = taps.insert(taps.end(), Tap{sensor});
  Tap& tap = *found;
  ++tap.seen;
  const auto smooth = [](double& into, uint64_t value) {
    if (value == 0) return;
    const auto v = static_cast<double>(value);
    into = into <= 0 ? v : into + kSmoothing * (v - into);
  };
  smooth(tap.client_ns, rtt_client_ns);
  smooth(tap.server_ns, rtt_server_ns);
}

void PathMap::watched(const model::Endpoint& server, model::SensorNumber sensor, uint64_t from_ns, uint64_t to_ns) {
  const WatchedKey key{server, sensor};
  const auto found = watched_.find(key);
  if (found == watched_.end()) {
    if (watched_.size() >= kMaxWatched) watched_.erase(watched_.begin());
    watched_.emplace(key, Span{from_ns, to_ns});
    return;
  }
  Span& span = found->second;
  // A gap starts it anew; what comes late before it changes nothing.
  if (from_ns > span.to_ns + kSlackNs) span = {from_ns, to_ns};
  if (to_ns + kSlackNs < span.from_ns) return;
  span.from_ns = std::min(span.from_ns, from_ns);
  span.to_ns = std::max(span.to_ns, to_ns);
}

std::vector<TapView> PathMap::taps(const model::Event& event, const std::vector<model::Sighting>& sightings,
                                   const model::Names& names) const {
  std::vector<TapView> out;
  const Path* path = find(key_of(event.client, event.server));
  const auto add = [&](const std::string& sensor, bool saw, uint64_t client_ns, uint64_t server_ns, uint8_t ttl) {
    TapView view{sensor, saw, static_cast<double>(client_ns), static_cast<double>(server_ns), ttl};
    if (const model::Tap* tap = names.tap(sensor)) view.side = tap->side;
    if (path != nullptr)
      for (const Tap& known : path->taps)
        if (sensors_[known.sensor].name == sensor) {
          view.client_ns = known.client_ns;
          view.server_ns = known.server_ns;
        }
    out.push_back(std::move(view));
  };
  const model::Sighting own = model::sighting_of(event, event.sensor);
  add(own.sensor, true, own.rtt_client_ns, own.rtt_server_ns, own.rst_ttl);
  for (const model::Sighting& s : sightings) add(s.sensor, true, s.rtt_client_ns, s.rtt_server_ns, s.rst_ttl);
  if (path == nullptr) return out;
  std::vector<const Tap*> others;
  for (const Tap& tap : path->taps)
    if (tap.seen >= kLeastShared && std::ranges::find(out, sensors_[tap.sensor].name, &TapView::sensor) == out.end())
      others.push_back(&tap);
  // By name: answers repeat.
  std::ranges::sort(others, {}, [this](const Tap* tap) -> const std::string& { return sensors_[tap->sensor].name; });
  for (const Tap* tap : others) {
    const Sensor& sensor = sensors_[tap->sensor];
    const auto span = watched_.find({event.server, tap->sensor});
    if (span == watched_.end() || event.time_ns < span->second.from_ns) continue;
    // What it saw may still be under way.
    const uint64_t needed = event.time_ns + (sensor.ended ? 0 : kReportedNs);
    if (needed > span->second.to_ns) continue;
    add(sensor.name, false, 0, 0, 0);
  }
  return out;
}

}  // namespace rs::correlate
