// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/rollup.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "control/store/sqlite/hash.h"

namespace rs::store::sqlite {
namespace {

void add_ip(Mixer& mixer, const model::Ip& ip) {
  uint64_t halves[2];
  std::memcpy(halves, ip.data(), sizeof halves);
  mixer.add(halves[0]);
  mixer.add(halves[1]);
}

// Keys in the order of the primary key: neighbouring rows share pages.
template <class Map>
std::vector<const typename Map::value_type*> in_order(const Map& map) {
  std::vector<const typename Map::value_type*> items;
  items.reserve(map.size());
  for (const auto& item : map) items.push_back(&item);
  std::ranges::sort(items, [](const auto* a, const auto* b) { return a->first < b->first; });
  return items;
}

}  // namespace

size_t KeyHash::operator()(const EndingKey& key) const {
  Mixer mixer;
  mixer.add(key.at_s << 24 ^ static_cast<uint64_t>(key.sensor));
  add_ip(mixer, key.server.ip);
  mixer.add(uint64_t{key.server.port} << 40 | static_cast<uint64_t>(key.cause) << 32 | key.tag);
  mixer.add(static_cast<uint64_t>(key.origin) << 24 | static_cast<uint64_t>(key.stage) << 16 |
            static_cast<uint64_t>(key.ending) << 8 | static_cast<uint64_t>(key.severity));
  return mixer.value();
}

size_t KeyHash::operator()(const ServiceKey& key) const {
  Mixer mixer;
  mixer.add(key.at_s << 24 ^ static_cast<uint64_t>(key.sensor));
  add_ip(mixer, key.server.ip);
  mixer.add(uint64_t{key.server.port} << 32 | key.tag);
  return mixer.value();
}

Result<void> Rollup::prepare(Connection& db) {
  for (size_t i = 0; i < kTiers.size(); ++i) {
    auto endings =
        db.prepare("INSERT INTO " + std::string(kTiers[i].table) +
                   " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET endings = endings + excluded.endings,"
                   " lost_bytes = lost_bytes + excluded.lost_bytes, last_ns = max(last_ns, excluded.last_ns)");
    if (!endings) return endings.error();
    upsert_endings_[i] = std::move(*endings);
    auto services = db.prepare(
        "INSERT INTO " + std::string(kTiers[i].service) +
        " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET attempted = attempted + excluded.attempted,"
        " established = established + excluded.established, closed_cleanly = closed_cleanly + excluded.closed_cleanly,"
        " refused = refused + excluded.refused, reset = reset + excluded.reset, timed_out = timed_out + "
        "excluded.timed_out,"
        " client_bytes = client_bytes + excluded.client_bytes, server_bytes = server_bytes + excluded.server_bytes,"
        " lost_bytes = lost_bytes + excluded.lost_bytes");
    if (!services) return services.error();
    upsert_services_[i] = std::move(*services);
  }
  return {};
}

void Rollup::add(const model::Event& e, int64_t sensor_id) {
  const uint64_t seconds = e.time_ns / kNsPerS;
  Endings& sum = endings_[{seconds - seconds % kTiers[0].seconds, sensor_id, e.server, e.network_tag, e.cause, e.origin,
                           e.stage, e.ending, e.severity}];
  sum.endings += e.count;
  sum.lost_bytes += e.lost_bytes;
  sum.last_ns = std::max(sum.last_ns, e.time_ns);
}

void Rollup::add(const model::ServiceStats& s, int64_t sensor_id) {
  const uint64_t seconds = s.from_ns / kNsPerS;
  Service& sum = services_[{seconds - seconds % kTiers[0].seconds, sensor_id, s.server, s.network_tag}];
  const Service one = {s.attempted, s.established,  s.closed_cleanly, s.refused,   s.reset,
                       s.timed_out, s.client_bytes, s.server_bytes,   s.lost_bytes};
  for (size_t i = 0; i < one.size(); ++i) sum[i] += one[i];
}

int Rollup::write(Statement& s, const EndingMap& sums) {
  for (const auto* item : in_order(sums)) {
    const auto& [key, sum] = *item;
    int i = 0;
    s.bind(++i, key.at_s);
    s.bind_ip(++i, key.server.ip);
    s.bind(++i, static_cast<int64_t>(key.server.port));
    s.bind(++i, static_cast<int64_t>(key.tag));
    for (const auto v :
         {static_cast<int64_t>(key.cause), static_cast<int64_t>(key.origin), static_cast<int64_t>(key.stage),
          static_cast<int64_t>(key.ending), static_cast<int64_t>(key.severity), key.sensor})
      s.bind(++i, v);
    s.bind(++i, sum.endings);
    s.bind(++i, sum.lost_bytes);
    s.bind(++i, sum.last_ns);
    if (const int code = s.run(); code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

int Rollup::write(Statement& s, const ServiceMap& sums) {
  for (const auto* item : in_order(sums)) {
    const auto& [key, sum] = *item;
    int i = 0;
    s.bind(++i, key.at_s);
    s.bind_ip(++i, key.server.ip);
    s.bind(++i, static_cast<int64_t>(key.server.port));
    s.bind(++i, static_cast<int64_t>(key.tag));
    s.bind(++i, key.sensor);
    for (const uint64_t v : sum) s.bind(++i, v);
    if (const int code = s.run(); code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

int Rollup::flush() {
  for (size_t tier = 0; tier < kTiers.size(); ++tier) {
    if (tier > 0) {  // the coarser tier is folded from the finer one
      const auto floor = [&](uint64_t at_s) { return at_s - at_s % kTiers[tier].seconds; };
      EndingMap endings;
      for (const auto& [key, sum] : endings_) {
        EndingKey coarse = key;
        coarse.at_s = floor(key.at_s);
        Endings& into = endings[coarse];
        into.endings += sum.endings;
        into.lost_bytes += sum.lost_bytes;
        into.last_ns = std::max(into.last_ns, sum.last_ns);
      }
      endings_ = std::move(endings);
      ServiceMap services;
      for (const auto& [key, sum] : services_) {
        ServiceKey coarse = key;
        coarse.at_s = floor(key.at_s);
        Service& into = services[coarse];
        for (size_t i = 0; i < sum.size(); ++i) into[i] += sum[i];
      }
      services_ = std::move(services);
    }
    if (const int code = write(upsert_endings_[tier], endings_); code != SQLITE_OK) return code;
    if (const int code = write(upsert_services_[tier], services_); code != SQLITE_OK) return code;
  }
  clear();
  return SQLITE_OK;
}

void Rollup::clear() {
  endings_.clear();
  services_.clear();
}

}  // namespace rs::store::sqlite
