// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/summing.h"

#include <algorithm>
#include <bit>
#include <string>

#include "control/store/sqlite/hash.h"

namespace rs::store::sqlite {
namespace {

template <class E>
void add_to(std::vector<std::pair<E, double>>& parts, E part, double value) {
  const auto found = std::ranges::find(parts, part, &std::pair<E, double>::first);
  if (found != parts.end())
    found->second += value;
  else
    parts.emplace_back(part, value);
}

// The greatest; the lower number when two are equal, so that answers repeat.
template <class E>
E greatest(const std::vector<std::pair<E, double>>& parts) {
  E best{};
  double most = -1;
  for (const auto& [part, value] : parts)
    if (value > most || (value == most && part < best)) best = part, most = value;
  return best;
}

}  // namespace

size_t PlainHash::operator()(const PlainKey& key) const {
  Mixer mixer;
  for (const uint64_t word : std::bit_cast<std::array<uint64_t, 6>>(key)) mixer.add(word);
  return mixer.value();
}

double value_of(Metric metric, const Part& part) {
  const auto count = static_cast<double>(part.count);
  switch (metric) {
    case Metric::kEndings:
      return count;
    case Metric::kResets:
      return part.way.ending == Ending::kReset ? count : 0;
    case Metric::kRefused:
      return part.way.ending == Ending::kRefused ? count : 0;
    case Metric::kTimedOut:
      return part.way.ending == Ending::kTimedOut ? count : 0;
    case Metric::kLostBytes:
      return static_cast<double>(part.lost_bytes);
  }
  return count;
}

uint64_t way_number(Dimension d, const Way& way) {
  switch (d) {
    case Dimension::kCause:
      return static_cast<uint64_t>(way.cause);
    case Dimension::kFamily:
      return static_cast<uint64_t>(family_of(way.cause));
    case Dimension::kOrigin:
      return static_cast<uint64_t>(way.origin);
    case Dimension::kStage:
      return static_cast<uint64_t>(way.stage);
    case Dimension::kSensor:
      return static_cast<uint64_t>(way.sensor);
    case Dimension::kSeverity:
      return static_cast<uint64_t>(way.severity);
    case Dimension::kEnding:
      return static_cast<uint64_t>(way.ending);
    default:
      return 0;
  }
}

void service_key(Dimension d, const model::Endpoint& server, uint64_t at_ns, uint64_t step_ns, model::Ip& ip,
                 uint64_t& number) {
  switch (d) {
    case Dimension::kService:
      ip = server.ip;
      number = server.port;
      return;
    case Dimension::kServerIp:
      ip = server.ip;
      return;
    case Dimension::kServerNetwork:
      ip = network_of(server.ip);
      return;
    case Dimension::kPort:
      number = server.port;
      return;
    case Dimension::kTime:
      number = step_ns > 0 ? at_ns - at_ns % step_ns : at_ns;
      return;
    default:
      return;
  }
}

Result<void> Summing::add(const PlainKey& key, Cause cause, Origin origin, double value, uint64_t last_ns) {
  Total& sum = sums_[key];
  sum.value += value;
  sum.last_ns = std::max(sum.last_ns, last_ns);
  if (query_.with_top) {
    add_to(sum.causes, cause, value);
    add_to(sum.origins, origin, value);
  }
  if (sums_.size() <= query_.max_groups) return {};
  return Error{Code::kResource, "more than " + std::to_string(query_.max_groups) +
                                    " groups; narrow the time range or the filter, or choose a coarser dimension"};
}

std::vector<Group> Summing::groups(const SensorNames& names) const {
  std::vector<Group> groups;
  groups.reserve(sums_.size());
  for (const auto& [key, sum] : sums_) {
    Group group;
    for (size_t i = 0; i < query_.by.size(); ++i) {
      group.keys[i].ip = key.ips[i];
      group.keys[i].number = key.numbers[i];
      if (query_.by[i] != Dimension::kSensor) continue;
      const auto name = names.find(static_cast<int64_t>(key.numbers[i]));
      group.keys[i].number = 0;
      if (name != names.end()) group.keys[i].text = name->second;
    }
    group.value = sum.value;
    group.last_ns = sum.last_ns;
    group.top_cause = greatest(sum.causes);
    group.top_origin = greatest(sum.origins);
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace rs::store::sqlite
