// SPDX-License-Identifier: Apache-2.0
#include "control/model/names.h"

#include <algorithm>
#include <cstring>

namespace rs::model {

size_t Names::IpHash::operator()(const Ip& ip) const {
  uint64_t halves[2];
  std::memcpy(halves, ip.data(), sizeof halves);
  return std::hash<uint64_t>{}(halves[0] * 0x9e3779b97f4a7c15ull ^ halves[1]);  // 2^64 / golden ratio
}

Names::Names(std::vector<NameEntry> entries, std::map<std::string, Tap> taps)
    : entries_(std::move(entries)), proxies_(entries_.size()), taps_(std::move(taps)) {
  std::map<uint8_t, Level, std::greater<>> levels;
  std::map<std::string, uint32_t> proxies;
  uint32_t next_proxy = 1;
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    const NameEntry& entry = entries_[i];
    Level& level = levels[entry.network.bits];
    level.bits = entry.network.bits;
    auto& there = level.networks[entry.network.ip];
    there.insert(entry.port != 0 ? there.begin() : there.end(), i);
    if (entry.role != Role::kProxy) continue;
    if (entry.service.empty()) {
      proxies_[i] = next_proxy++;
    } else {
      const auto [found, added] = proxies.try_emplace(entry.service, next_proxy);
      next_proxy += added ? 1 : 0;
      proxies_[i] = found->second;
    }
  }
  for (auto& [bits, level] : levels) levels_.push_back(std::move(level));
}

Named Names::find(const Ip& ip, uint16_t port) const {
  Named named;
  for (const Level& level : levels_) {
    // ::/0 holds no IPv4.
    if (level.bits < kMappedBits && is_v4(ip)) continue;
    const auto found = level.networks.find(first_of({ip, level.bits}));
    if (found == level.networks.end()) continue;
    for (const uint32_t i : found->second) {
      const NameEntry& entry = entries_[i];
      if (entry.port != 0 && entry.port != port) continue;
      if (named.site.empty()) named.site = entry.site;
      if (named.service.empty()) named.service = entry.service;
      if (named.owner.empty()) named.owner = entry.owner;
      if (named.role == Role::kNone) named.role = entry.role;
    }
  }
  return named;
}

const Tap* Names::tap(const std::string& sensor) const {
  const auto found = taps_.find(sensor);
  return found == taps_.end() ? nullptr : &found->second;
}

uint32_t Names::proxy_of(const Ip& ip) const {
  for (const Level& level : levels_) {
    const auto found = level.networks.find(first_of({ip, level.bits}));
    if (found == level.networks.end()) continue;
    for (const uint32_t i : found->second)
      if (proxies_[i] != 0) return proxies_[i];
  }
  return 0;
}

std::string Names::text(const Endpoint& endpoint) const {
  const Named named = find(endpoint);
  std::string text(named.service);
  if (!named.site.empty()) text.append(text.empty() ? "@ " : " @ ").append(named.site);
  return text;
}

}  // namespace rs::model
