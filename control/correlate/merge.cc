// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/merge.h"

#include <algorithm>
#include <cstring>

#include "control/model/ip.h"

namespace rs::correlate {
namespace {

uint64_t apart(uint64_t a, uint64_t b) { return a > b ? a - b : b - a; }

bool is_folded(const model::Event& e) { return e.count > 1 || e.has(Flag::kFolded); }

}  // namespace

size_t Merger::Key::hash() const {
  uint64_t hash = 0x243f6a8885a308d3ull;  // digits of pi
  for (const uint64_t word : words) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;  // 2^64 / golden ratio
    hash ^= hash >> 32;
  }
  return hash;
}

// Both roles give one key: which end is the client may be a guess. VLAN and tunnel tags differ from tap to tap.
Merger::Key Merger::key_of(const model::Event& e, bool folded) {
  Key key;
  model::Endpoint a = e.client, b = e.server;
  if (folded) {
    const auto bits = static_cast<uint8_t>(model::is_v4(a.ip) ? model::kMappedBits + 24 : 64);
    a = {model::first_of({a.ip, bits}), 0};
    key.words[4] = 1ull << 63;
  } else if (b < a) {
    std::swap(a, b);
  }
  std::memcpy(&key.words[0], a.ip.data(), 16);
  std::memcpy(&key.words[2], b.ip.data(), 16);
  key.words[4] |= uint64_t{a.port} << 16 | b.port;
  return key;
}

uint16_t Merger::number_of(const std::string& sensor) {
  return sensors_.try_emplace(sensor, static_cast<uint16_t>(sensors_.size())).first->second;
}

int64_t Merger::skew_between(uint16_t sensor, uint16_t other, bool& known) const {
  known = false;
  const bool turned = sensor > other;
  const auto found = skews_.find(turned ? std::pair(other, sensor) : std::pair(sensor, other));
  if (found == skews_.end() || found->second.samples < kSkewSamples) return 0;
  known = true;
  return turned ? -found->second.ns : found->second.ns;
}

void Merger::learn_skew(uint16_t sensor, uint16_t other, int64_t ns) {
  const bool turned = sensor > other;
  Skew& skew = skews_[turned ? std::pair(other, sensor) : std::pair(sensor, other)];
  const int64_t value = turned ? -ns : ns;
  // The first few by their mean, then slowly: clocks drift by parts in a million.
  const auto weight = static_cast<int64_t>(std::min<uint32_t>(++skew.samples, 16));
  skew.ns += (value - skew.ns) / weight;
}

void Merger::remember(const Key& key, const model::Event& event, uint16_t sensor) {
  const auto at = static_cast<uint32_t>(next_);
  Recent& one = ring_[at];
  if (one.used) {
    uint32_t* link = &heads_[one.key.hash() % kHeads];
    while (*link != at) link = &ring_[*link].next;
    *link = one.next;
  } else {
    ++used_;
  }
  next_ = (next_ + 1) % kMaxRecent;
  one.used = true;
  one.key = key;
  one.id = event.id;
  one.time_ns = event.time_ns;
  one.length_ns = event.time_ns > event.start_ns && event.start_ns > 0 ? event.time_ns - event.start_ns : 0;
  one.count = event.count;
  one.sensor = sensor;
  one.ending = event.ending;
  one.seen.clear();
  uint32_t& head = heads_[key.hash() % kHeads];
  one.next = head;
  head = at;
}

std::optional<model::Sighting> Merger::judge(const model::Event& event, const std::string& sensor) {
  const uint16_t number = number_of(sensor);
  const bool folded = is_folded(event);
  const Key key = key_of(event, folded);
  const auto answer = [&](const Recent& recent, const Seen& seen) {
    model::Sighting out = model::sighting_of(event, sensor);
    out.event_id = recent.id;
    out.count = seen.count;
    out.total = seen.total;
    out.skew_ns = seen.skew_ns;
    return out;
  };
  bool itself = false;
  Recent* best = nullptr;
  uint64_t best_off = UINT64_MAX;
  const uint64_t length = event.time_ns > event.start_ns && event.start_ns > 0 ? event.time_ns - event.start_ns : 0;
  for (uint32_t at = heads_[key.hash() % kHeads]; at != kNone; at = ring_[at].next) {
    Recent& recent = ring_[at];
    if (recent.key != key) continue;
    // Itself, asked about again; when it is what was left of a folded one, its other part is told below.
    if (recent.id == event.id) {
      itself = true;
      continue;
    }
    for (const Seen& seen : recent.seen)
      if (seen.id == event.id) return answer(recent, seen);
    if (recent.sensor == number || recent.ending != event.ending) continue;
    uint64_t credited = 0;
    bool seen_before = false;
    for (const Seen& seen : recent.seen)
      if (seen.sensor == number) credited += seen.count, seen_before = true;
    if (folded ? credited >= recent.count : seen_before) continue;
    bool known = false;
    const int64_t skew = skew_between(number, recent.sensor, known);
    const uint64_t off = apart(event.time_ns, static_cast<uint64_t>(static_cast<int64_t>(recent.time_ns) + skew));
    const bool near = off <= (known ? kNearKnownNs : kNearNs);
    const bool same_length = !folded && length > 0 && recent.length_ns > 0 &&
                             apart(length, recent.length_ns) <= kSameLengthNs && off <= kFarNs && !known;
    // Folded ones have the time of the first of up to a second's.
    if ((near || same_length || (folded && off <= kNearNs)) && off < best_off) best = &recent, best_off = off;
  }
  if (itself) return std::nullopt;
  if (best == nullptr) {
    remember(key, event, number);
    return std::nullopt;
  }
  const auto difference = static_cast<int64_t>(event.time_ns - best->time_ns);
  if (!folded) learn_skew(number, best->sensor, difference);
  bool known = false;
  const int64_t skew = skew_between(number, best->sensor, known);
  uint64_t credited = 0;
  for (const Seen& seen : best->seen) credited += seen.sensor == number ? seen.count : 0;
  const uint64_t count = folded ? std::min(event.count, best->count - credited) : event.count;
  best->seen.push_back({number, event.id, count, event.count, known ? skew : difference});
  model::Sighting out = answer(*best, best->seen.back());
  // What is left of a folded one counts as an event of its own, which others may be sightings of.
  if (count < event.count) {
    model::Event rest = event;
    rest.count -= count;
    remember(key, rest, number);
  }
  return out;
}

std::optional<int64_t> Merger::skew_ns(const std::string& sensor, const std::string& other) const {
  const auto a = sensors_.find(sensor);
  const auto b = sensors_.find(other);
  if (a == sensors_.end() || b == sensors_.end()) return std::nullopt;
  bool known = false;
  const int64_t ns = skew_between(a->second, b->second, known);
  return known ? std::optional(ns) : std::nullopt;
}

}  // namespace rs::correlate
