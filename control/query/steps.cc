// SPDX-License-Identifier: Apache-2.0
#include "control/query/steps.h"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace rs::query {
namespace {

constexpr uint64_t kNsPerS = 1'000'000'000;
constexpr uint64_t kNsPerDay = 86'400 * kNsPerS;
// All whole multiples of the finest rollup.
constexpr uint64_t kSteps[] = {10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 86400, 7 * 86400};

}  // namespace

uint64_t step_for(const store::TimeRange& range, uint64_t points) {
  const uint64_t last = std::max(range.until_ns, range.since_ns + 1) - 1;
  for (const uint64_t seconds : kSteps) {
    const uint64_t step = seconds * kNsPerS;
    if (last / step - range.since_ns / step < points) return step;
  }
  const uint64_t widest = std::end(kSteps)[-1] * kNsPerS;
  return ((last - range.since_ns) / std::max<uint64_t>(points - 1, 1) / widest + 1) * widest;
}

Result<store::TimeRange> closed(const Parts& parts, store::TimeRange range) {
  if (range.since_ns > 0 && range.until_ns != store::kForever) return range;
  const auto info = parts.store.info();
  if (!info) return info.error();
  if (range.since_ns == 0) range.since_ns = info->oldest_ns.value_or(0);
  if (range.until_ns == store::kForever) range.until_ns = info->newest_ns.value_or(0) + 1;
  range.until_ns = std::max(range.until_ns, range.since_ns);
  return range;
}

store::TimeRange closed_now(store::TimeRange range) {
  const auto now =
      static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
  range.until_ns = std::max(range.since_ns, std::min(range.until_ns, now));
  return range;
}

Result<void> comparable(bool asked, const v1::TimeRange& range, const std::vector<Axis>& axes) {
  if (!asked) return {};
  if (!range.has_since())
    return Error{Code::kInvalid, "compare: give range.since, so that there is a range to find on other days"};
  if (std::ranges::any_of(axes, [](const Axis& axis) { return axis.stored == store::Dimension::kTime; }))
    return Error{Code::kInvalid, "compare: time cannot be one of the dimensions"};
  return {};
}

Result<bool> was_watched(const Parts& parts, const store::TimeRange& range, const store::Patience& patience) {
  if (range.until_ns <= range.since_ns) return false;
  const auto sensors = parts.store.watched(range, 0, patience);
  if (!sensors) return sensors.error();
  return std::ranges::any_of(*sensors, [&](const store::Watched& one) {
    return std::ranges::any_of(one.steps, [](const store::WatchedStep& step) { return step.watching; });
  });
}

store::TimeRange days_before(const store::TimeRange& range, uint64_t days) {
  const uint64_t shift = days * kNsPerDay;
  return {range.since_ns > shift ? range.since_ns - shift : 0, range.until_ns > shift ? range.until_ns - shift : 0};
}

}  // namespace rs::query
