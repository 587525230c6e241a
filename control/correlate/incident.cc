// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/incident.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace rs::correlate {
namespace {

using model::Ended;
using model::Incident;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kServedLongNs = 3600 * kSecond;  // a service that worked within the hour is expected to work
constexpr uint64_t kHostServesNs = 120 * kSecond;
constexpr uint64_t kAwayNs = 600 * kSecond;  // our clock: sensors that far behind do not come back to an incident
constexpr size_t kMostSensors = 16;          // named in an incident

// In the order of their beginnings, and apart by key.
uint64_t id_of(const RuleKey& key, uint64_t start_ns) {
  const uint64_t hash =
      model::hash_of(key.one) ^ (model::hash_of(key.two) << 1) ^
      (uint64_t{key.port} << 8 | static_cast<uint64_t>(key.kind) << 4 | static_cast<uint64_t>(key.by));
  // Milliseconds take 44 bits until the year 2527; the rest tells incidents of one instant apart.
  return start_ns / 1'000'000 << 20 | (hash * 0x9e3779b97f4a7c15ull) >> 44;
}

uint32_t short_hash(uint64_t hash) { return static_cast<uint32_t>(hash ^ hash >> 32); }

double confidence_of(const Incident& incident) {
  double sum = 0;
  for (const model::IncidentFact& fact : incident.evidence) sum += fact.weight;
  return 1 / (1 + std::exp(-sum));
}

void set_fact(Incident& incident, std::string_view fact_name, int64_t value, double weight) {
  for (model::IncidentFact& fact : incident.evidence)
    if (fact.name == fact_name) {
      fact.value = value;
      fact.weight = weight;
      return;
    }
  incident.evidence.push_back({std::string(fact_name), value, weight, {}});
}

Window::Place place_of(const Rule& rule, const Ended& e) {
  Window::Place place;
  place.client = short_hash(model::hash_of(e.client.ip));
  place.server = short_hash(model::hash_of(e.server));
  switch (rule.places) {
    case Places::kClients:
      place.key = place.client;
      break;
    case Places::kConnections:
      place.key = short_hash(model::hash_of(e.client));
      break;
    case Places::kServices:
      place.key = place.server;
      break;
    case Places::kServerHosts:
      place.key = short_hash(model::hash_of(e.server.ip));
      break;
  }
  return place;
}

// Of a greater one, which counts its endings from then on.
bool is_part(const Incident& incident) {
  return std::ranges::any_of(incident.evidence, [](const auto& fact) { return fact.name == "part_of"; });
}

const Rule* rule_of(model::IncidentKind kind, By by) {
  for (const Rule& rule : incident_rules())
    if (rule.kind == kind && rule.by == by) return &rule;
  return nullptr;
}

By by_of(const Incident& incident) {
  const model::Scope& scope = incident.scope;
  if (scope.client) return scope.port ? By::kClientAndService : By::kClient;
  if (!scope.server) return By::kEverything;
  if (scope.port) return By::kService;
  return scope.server->bits == 128 ? By::kServerHost : By::kServerNetwork;
}

RuleKey key_of(const Incident& incident) {
  const model::Scope& scope = incident.scope;
  model::Endpoint client, server;
  if (scope.client) client.ip = scope.client->ip;
  if (scope.server) server.ip = scope.server->ip;
  if (scope.port) server.port = *scope.port;
  return correlate::key_of(incident.kind, by_of(incident), client, server);
}

}  // namespace

size_t IncidentTracker::KeyHash::operator()(const RuleKey& key) const {
  return model::hash_of(key.one) ^ model::hash_of(key.two) * 3 ^
         (uint64_t{key.port} << 16 | static_cast<uint64_t>(key.kind) << 8 | static_cast<uint64_t>(key.by)) *
             0x9e3779b97f4a7c15ull;  // 2^64 / golden ratio
}

void IncidentTracker::add_history(const Ended& e, RuleContext& context) const {
  const auto served = served_.lower_bound({e.server.ip, 0});
  for (auto at = served; at != served_.end() && at->first.ip == e.server.ip; ++at) {
    const uint64_t since = at->second.established_ns;
    if (since == 0 || since > e.time_ns) continue;
    if (at->first == e.server)
      context.served_before = e.time_ns - since < kServedLongNs;
    else
      context.host_serves |= e.time_ns - since < kHostServesNs;
  }
}

bool IncidentTracker::hops_changed(const Ended& e) {
  if (e.rst_ttl == 0 || e.claimed_sender != Side::kServer || !e.has(model::kTtlOfSender)) return false;
  const RuleKey host{model::IncidentKind::kPathChange, By::kServerHost, e.server.ip, {}, e.sensor};
  const auto known = hops_.find(host);
  if (known == hops_.end()) {
    if (hops_.size() >= kMaxHosts) hops_.clear();  // learned anew within minutes
    hops_.emplace(host, e.rst_ttl);
    return false;
  }
  const int before = std::exchange(known->second, e.rst_ttl);
  return before != e.rst_ttl && std::abs(before - int{e.rst_ttl}) <= 8;  // more: another host behind it
}

void IncidentTracker::note_scope(const Incident& incident) {
  const auto rules = incident_rules();
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].kind != incident.kind || rules[i].by != by_of(incident)) continue;
    joinable_[i].causes |= incident.scope.causes;
    joinable_[i].stages = static_cast<uint16_t>(joinable_[i].stages | incident.scope.stages);
    joinable_[i].endings = static_cast<uint8_t>(joinable_[i].endings | incident.scope.endings);
  }
}

void IncidentTracker::touch(Incident& incident, uint64_t now_ns) {
  incident.revision = ++revision_;
  incident.updated_ns = now_ns;
  incident.confidence = confidence_of(incident);
  if (changed_.empty() || changed_.back() != incident.id) changed_.push_back(incident.id);
}

void IncidentTracker::count(Incident& incident, const Ended& e, const std::string& sensor, uint64_t now_ns) {
  incident.start_ns = std::min(incident.start_ns, e.time_ns);
  incident.end_ns = std::max(incident.end_ns, e.time_ns);
  incident.endings += e.count;
  incident.clients.add(short_hash(model::hash_of(e.client.ip)));
  incident.servers.add(short_hash(model::hash_of(e.server)));
  incident.by_cause[static_cast<size_t>(e.cause) % incident.by_cause.size()] += e.count;
  incident.counted_cursor = std::max(incident.counted_cursor, e.cursor);
  bool new_sensor = true;
  if (incident.open) {
    auto& seen = seen_by_[incident.id];
    new_sensor = std::ranges::find(seen, e.sensor) == seen.end();
    if (new_sensor) seen.push_back(e.sensor);
  }
  if (new_sensor && incident.sensors.size() < kMostSensors &&
      std::ranges::find(incident.sensors, sensor) == incident.sensors.end())
    incident.sensors.push_back(sensor);
  if (incident.kind == model::IncidentKind::kRestart && e.cause == Cause::kPortClosed) {
    const auto refused = static_cast<int64_t>(incident.by_cause[static_cast<size_t>(Cause::kPortClosed)]);
    set_fact(incident, "refused_after", refused, 1.5);
  }
  if (e.has(model::kScannerSyn) && incident.kind == model::IncidentKind::kScan)
    set_fact(incident, "scanner_syn", 1, 2.0);
  touch(incident, now_ns);
}

// Counts the ending in the key's incident it belongs to, open or closed; false when there is none.
bool IncidentTracker::join(const Rule& rule, const RuleKey& key, const Ended& e, const std::string& sensor,
                           uint64_t now_ns) {
  const auto known = by_key_.find(key);
  if (known == by_key_.end()) return false;
  for (auto at = known->second.rbegin(); at != known->second.rend(); ++at) {
    Incident& incident = **at;
    const bool before = e.time_ns + rule.window_ns < incident.start_ns;
    const bool after = e.time_ns > incident.end_ns + rule.quiet_ns;
    if (before || after || !incident.scope.matches(e) || is_part(incident)) continue;
    // Read again after a restart: it was counted.
    if (e.cursor == 0 || e.cursor > incident.counted_cursor) count(incident, e, sensor, now_ns);
    return true;
  }
  return false;
}

Window* IncidentTracker::window_for(size_t rule, const RuleKey& key, uint64_t time_ns) {
  auto& windows = windows_[rule];
  if (const auto found = windows.find(key); found != windows.end()) return &found->second;
  if (windows.size() >= kMaxKeys) {
    const uint64_t window_ns = incident_rules()[rule].window_ns;
    if (time_ns > swept_ns_[rule] + window_ns / 4) {  // not at each ending of a flood
      swept_ns_[rule] = time_ns;
      absl::erase_if(windows, [&](const auto& item) { return item.second.last_ns(window_ns) + window_ns < time_ns; });
    }
    if (windows.size() >= kMaxKeys) {
      ++counters_.no_room;
      return nullptr;
    }
  }
  return &windows[key];
}

void IncidentTracker::open(const Rule& rule, const RuleKey& key, const Window& window, const Window::Peak& peak,
                           const RuleContext& context, const Ended& e, const std::string& sensor, uint64_t now_ns) {
  make_room();
  Incident incident;
  incident.id = id_of(key, e.time_ns);
  incident.kind = rule.kind;
  incident.start_ns = std::min(peak.since_ns, e.time_ns);
  incident.end_ns = std::max(peak.until_ns, e.time_ns);
  incident.scope = rule.scope(e);
  incident.cause = rule.cause;
  // What the window holds is in; this ending is part of it and is counted below.
  incident.endings = peak.endings - e.count;
  window.places(e.time_ns, rule.window_ns, [&](const Window::Place& place) {
    incident.clients.add(place.client);
    incident.servers.add(place.server);
  });
  incident.by_cause[static_cast<size_t>(e.cause) % incident.by_cause.size()] = incident.endings;
  set_fact(incident, "endings_in_window", static_cast<int64_t>(peak.endings), rule.weight);
  set_fact(incident, "window_ms", static_cast<int64_t>(rule.window_ns / 1'000'000), 0);
  set_fact(incident, "places", static_cast<int64_t>(peak.places), peak.places >= 2 * rule.least_places ? 0.5 : 0);
  if (rule.log_chance < 0)
    set_fact(incident, "usual_per_1000_windows", static_cast<int64_t>(window.usual() * 1000), 0.5);
  if (context.served_before) set_fact(incident, "served_before", 1, 0.5);
  if (context.host_serves && rule.kind == model::IncidentKind::kPolicyChange)
    set_fact(incident, "host_serves_others", 1, 1.0);
  if (const auto served = served_.find(e.server);
      rule.by == By::kService && served != served_.end() && served->second.to_ns > incident.start_ns)
    incident.attempted = served->second.attempted;
  const uint64_t id = incident.id;
  const auto [at, added] = incidents_.try_emplace(id, std::move(incident));
  if (!added) return;  // the same key at the same instant: it is there
  by_key_[key].push_back(&at->second);
  note_scope(at->second);
  ++of_kind_[static_cast<size_t>(rule.kind)];
  count(at->second, e, sensor, now_ns);
  if (rule.kind == model::IncidentKind::kFailover) absorb(at->second, rule.window_ns, now_ns);
}

void IncidentTracker::add(const Ended& e, const std::string& sensor, uint64_t now_ns, bool warm) {
  RuleContext context;
  context.hops_changed = hops_changed(e);
  const bool history = asks_for_history(e);
  if (history) add_history(e, context);
  const auto rules = incident_rules();
  bool late = false;
  for (size_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    const bool known = !warm && of_kind_[static_cast<size_t>(rule.kind)] > 0 && joinable_[i].may(e);
    const bool counts = rule.counts(e, context);
    if (!known && !counts) continue;
    const RuleKey key = correlate::key_of(rule, e);
    if (known && join(rule, key, e, sensor, now_ns)) return;
    if (!counts) continue;
    Window* window = window_for(i, key, e.time_ns);
    if (window == nullptr) continue;
    if (!window->add(e.time_ns, rule.window_ns, e.count, place_of(rule, e))) {
      late = true;
      continue;
    }
    if (warm) continue;
    const Window::Peak peak = window->peak(e.time_ns, rule.window_ns, rule.least_endings);
    if (peak.endings < rule.least_endings || peak.places < rule.least_places) continue;
    if (rule.log_chance < 0 && log_chance(peak.endings, window->usual()) > rule.log_chance) continue;
    if (!history) add_history(e, context);
    open(rule, key, *window, peak, context, e, sensor, now_ns);
    return;
  }
  counters_.too_late += late ? 1 : 0;
}

// What looked like the death of each of many servers was one thing: theirs become part of it.
void IncidentTracker::absorb(const Incident& whole, uint64_t window_ns, uint64_t now_ns) {
  const uint64_t from = whole.start_ns > window_ns ? whole.start_ns - window_ns : 0;
  for (auto at = incidents_.rbegin(); at != incidents_.rend(); ++at) {
    Incident& part = at->second;
    if (part.kind != model::IncidentKind::kRestart || part.start_ns < from) continue;
    if (part.start_ns > whole.end_ns + window_ns) continue;
    set_fact(part, "part_of", static_cast<int64_t>(whole.id), -4);
    part.open = false;
    seen_by_.erase(part.id);
    touch(part, now_ns);
  }
}

void IncidentTracker::add(const model::Served& s) {
  auto found = served_.find(s.server);
  if (found == served_.end()) {
    if (served_.size() >= kMaxServices) {
      // The least recent one of an arbitrary few goes: near enough to the oldest.
      auto oldest = served_.begin();
      auto at = served_.lower_bound(s.server);
      for (int i = 0; i < 8 && at != served_.end(); ++i, ++at)
        if (at->second.to_ns < oldest->second.to_ns) oldest = at;
      served_.erase(oldest);
    }
    found = served_.try_emplace(s.server).first;
  }
  ServedState& state = found->second;
  if (s.established > 0) state.established_ns = std::max(state.established_ns, s.from_ns + 1);
  if (s.from_ns == state.from_ns) {
    state.attempted += s.attempted;  // another worker's share of the same interval
  } else if (s.from_ns > state.from_ns) {
    state.from_ns = s.from_ns;
    state.to_ns = s.to_ns;
    state.attempted = s.attempted;
  }
  for (const auto kind : {model::IncidentKind::kFlood, model::IncidentKind::kRateLimit, model::IncidentKind::kOverload,
                          model::IncidentKind::kPolicyChange, model::IncidentKind::kRestart}) {
    if (of_kind_[static_cast<size_t>(kind)] == 0) continue;
    const auto known = by_key_.find(correlate::key_of(kind, By::kService, {}, s.server));
    if (known == by_key_.end()) continue;
    Incident& incident = *known->second.back();
    // Several sensors may count the same connections: the first that saw the incident speaks for all.
    const auto seen = seen_by_.find(incident.id);
    const bool speaks = seen != seen_by_.end() && (seen->second.empty() || seen->second.front() == s.sensor);
    if (speaks && s.to_ns > incident.start_ns) incident.attempted += s.attempted;
  }
}

void IncidentTracker::advance(model::SensorNumber sensor, uint64_t packet_ns, bool over, uint64_t now_ns) {
  Progress& progress = progress_[sensor];
  progress.packet_ns = std::max(progress.packet_ns, packet_ns);
  progress.over = over;
  for (auto seen = seen_by_.begin(); seen != seen_by_.end();) {
    Incident& incident = incidents_.at(seen->first);
    const Rule* rule = rule_of(incident.kind, by_of(incident));
    const uint64_t quiet = rule != nullptr ? rule->quiet_ns : 60 * kSecond;
    // Without sensors: it was open when this program started.
    const bool done =
        seen->second.empty()
            ? packet_ns > incident.end_ns + quiet
            : std::ranges::all_of(seen->second, [&](model::SensorNumber number) {
                const auto at = progress_.find(number);
                return at != progress_.end() && (at->second.over || at->second.packet_ns > incident.end_ns + quiet);
              });
    if (!done) {
      ++seen;
      continue;
    }
    incident.open = false;
    touch(incident, now_ns);
    seen = seen_by_.erase(seen);
  }
}

void IncidentTracker::expire(uint64_t now_ns) {
  for (auto seen = seen_by_.begin(); seen != seen_by_.end();) {
    Incident& incident = incidents_.at(seen->first);
    if (incident.updated_ns + kAwayNs > now_ns) {
      ++seen;
      continue;
    }
    incident.open = false;
    touch(incident, now_ns);
    seen = seen_by_.erase(seen);
  }
}

void IncidentTracker::make_room() {
  while (incidents_.size() >= kMaxIncidents) {
    auto oldest = std::ranges::find_if(incidents_, [](const auto& item) { return !item.second.open; });
    if (oldest == incidents_.end()) oldest = incidents_.begin();
    const uint64_t id = oldest->first;
    auto& same = by_key_[key_of(oldest->second)];
    std::erase(same, &oldest->second);
    if (same.empty()) by_key_.erase(key_of(oldest->second));
    --of_kind_[static_cast<size_t>(oldest->second.kind)];
    seen_by_.erase(id);
    dropped_.push_back(id);
    std::erase(changed_, id);
    incidents_.erase(oldest);
  }
}

const Incident* IncidentTracker::find(uint64_t id) const {
  const auto found = incidents_.find(id);
  return found == incidents_.end() ? nullptr : &found->second;
}

const Incident* IncidentTracker::explain(const model::Event& e) const {
  const Incident* best = nullptr;
  for (const Rule& rule : incident_rules()) {
    const auto known = by_key_.find(correlate::key_of(rule.kind, rule.by, e.client, e.server));
    if (known == by_key_.end()) continue;
    for (const Incident* one : known->second) {
      const Incident& incident = *one;
      if (e.time_ns < incident.start_ns || e.time_ns > incident.end_ns || !incident.scope.matches(e)) continue;
      if (best == nullptr || incident.confidence > best->confidence) best = &incident;
    }
  }
  return best;
}

std::vector<uint64_t> IncidentTracker::changed() {
  std::ranges::sort(changed_);
  changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
  return std::exchange(changed_, {});
}

std::vector<uint64_t> IncidentTracker::dropped() { return std::exchange(dropped_, {}); }

void IncidentTracker::restore(Incident incident) {
  make_room();
  revision_ = std::max(revision_, incident.revision);
  // Which sensors may still add to it is not known any more: time closes it.
  if (incident.open) seen_by_[incident.id];
  ++of_kind_[static_cast<size_t>(incident.kind)];
  const uint64_t id = incident.id;
  Incident& kept = incidents_.insert_or_assign(id, std::move(incident)).first->second;
  auto& same = by_key_[key_of(kept)];
  same.insert(std::ranges::upper_bound(same, id, {}, &Incident::id), &kept);
  note_scope(kept);
}

}  // namespace rs::correlate
