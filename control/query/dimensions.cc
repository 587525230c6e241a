// SPDX-License-Identifier: Apache-2.0
#include "control/query/dimensions.h"

#include <algorithm>
#include <array>
#include <map>

#include "control/correlate/knowledge.h"
#include "control/model/ip.h"
#include "control/query/encode.h"

namespace rs::query {
namespace {

using store::Dimension;

template <class E>
std::string name_text(uint64_t number) {
  const std::string_view text = name(static_cast<E>(number));
  return text.empty() ? std::to_string(number) : std::string(text);
}

std::string network_text(const model::Ip& ip) {
  const auto bits = model::is_v4(ip) ? store::kClientNetworkBitsV4 : store::kClientNetworkBitsV6;
  return correlate::ip_text(ip) + "/" + std::to_string(bits);
}

std::string with_name(const std::string& name, std::string address) {
  return name.empty() ? address : name + " (" + address + ")";
}

Result<Dimension> dimension_of(v1::Dimension dimension) {
  switch (dimension) {
    case v1::DIMENSION_TIME:
      return Dimension::kTime;
    case v1::DIMENSION_SERVICE:
      return Dimension::kService;
    case v1::DIMENSION_SERVER_IP:
      return Dimension::kServerIp;
    case v1::DIMENSION_SERVER_NETWORK:
      return Dimension::kServerNetwork;
    case v1::DIMENSION_CLIENT_IP:
      return Dimension::kClientIp;
    case v1::DIMENSION_CLIENT_NETWORK:
      return Dimension::kClientNetwork;
    case v1::DIMENSION_CAUSE:
      return Dimension::kCause;
    case v1::DIMENSION_FAMILY:
      return Dimension::kFamily;
    case v1::DIMENSION_ORIGIN:
      return Dimension::kOrigin;
    case v1::DIMENSION_STAGE:
      return Dimension::kStage;
    case v1::DIMENSION_SENSOR:
      return Dimension::kSensor;
    case v1::DIMENSION_IDLE_TIME:
      return Dimension::kIdleTime;
    case v1::DIMENSION_SEVERITY:
      return Dimension::kSeverity;
    case v1::DIMENSION_PORT:
      return Dimension::kPort;
    case v1::DIMENSION_ENDING:
      return Dimension::kEnding;
    case v1::DIMENSION_SITE:
      return Dimension::kServerIp;
    default:
      return Error{Code::kInvalid,
                   "dimension " + std::to_string(dimension) + " is unspecified or unknown: choose one of DIMENSION_*"};
  }
}

}  // namespace

Result<Axis> axis_of(v1::Dimension dimension) {
  const auto stored = dimension_of(dimension);
  if (!stored) return stored.error();
  return Axis{dimension, *stored};
}

store::Metric metric_of(v1::Metric metric) {
  switch (metric) {
    case v1::METRIC_LOST_BYTES:
      return store::Metric::kLostBytes;
    case v1::METRIC_RESETS:
      return store::Metric::kResets;
    case v1::METRIC_REFUSED:
      return store::Metric::kRefused;
    case v1::METRIC_TIMED_OUT:
      return store::Metric::kTimedOut;
    default:
      return store::Metric::kEndings;
  }
}

store::Key key_of(const Axis& axis, const store::Key& stored, const model::Names& names) {
  if (axis.asked != v1::DIMENSION_SITE) return stored;
  store::Key key;
  key.text = names.find(stored.ip, 0).site;
  return key;
}

void regroup(const std::vector<Axis>& axes, const model::Names& names, std::vector<store::Group>& groups) {
  if (std::ranges::none_of(axes, [](const Axis& axis) { return axis.asked == v1::DIMENSION_SITE; })) return;
  struct Sum {
    store::Group group;
    double most = -1;  // of the group that gives cause and origin
  };
  std::map<std::array<store::Key, 2>, Sum> sums;
  for (const store::Group& group : groups) {
    std::array<store::Key, 2> keys;
    for (size_t i = 0; i < axes.size(); ++i) keys[i] = key_of(axes[i], group.keys[i], names);
    Sum& sum = sums[keys];
    sum.group.value += group.value;
    sum.group.last_ns = std::max(sum.group.last_ns, group.last_ns);
    if (group.value <= sum.most) continue;
    sum.most = group.value;
    sum.group.top_cause = group.top_cause;
    sum.group.top_origin = group.top_origin;
  }
  groups.clear();
  for (auto& [keys, sum] : sums) {
    sum.group.keys = keys;
    groups.push_back(std::move(sum.group));
  }
}

bool has_order(const Axis& axis) {
  switch (axis.stored) {
    case Dimension::kTime:
    case Dimension::kIdleTime:
    case Dimension::kStage:
    case Dimension::kSeverity:
      return true;
    default:
      return false;
  }
}

std::string key_text(const Axis& axis, const store::Key& key, const model::Names& names) {
  if (axis.asked == v1::DIMENSION_SITE) return key.text.empty() ? "(no site)" : key.text;
  switch (axis.stored) {
    case Dimension::kTime:
      return time_text(key.number);
    case Dimension::kService: {
      const model::Endpoint server{key.ip, static_cast<uint16_t>(key.number)};
      return with_name(names.text(server), correlate::endpoint_text(server));
    }
    case Dimension::kServerIp:
    case Dimension::kClientIp:
      return with_name(names.text({key.ip, 0}), correlate::ip_text(key.ip));
    case Dimension::kServerNetwork:
    case Dimension::kClientNetwork:
      return network_text(key.ip);
    case Dimension::kCause:
      return name_text<Cause>(key.number);
    case Dimension::kFamily:
      return name_text<Family>(key.number);
    case Dimension::kOrigin:
      return name_text<Origin>(key.number);
    case Dimension::kStage:
      return name_text<Stage>(key.number);
    case Dimension::kSensor:
      return key.text;
    case Dimension::kIdleTime:
      return std::to_string(key.number / 1'000'000'000) + "s";
    case Dimension::kSeverity:
      return name_text<Severity>(key.number);
    case Dimension::kPort:
      return std::to_string(key.number);
    case Dimension::kEnding:
      return name_text<Ending>(key.number);
  }
  return {};
}

}  // namespace rs::query
