// SPDX-License-Identifier: Apache-2.0
//
// Timeline: one value a step, in one series or one a key.
#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "control/query/calls.h"
#include "control/query/dimensions.h"
#include "control/query/encode.h"

namespace rs::query {
namespace {

constexpr uint64_t kNsPerS = 1'000'000'000;
// Steps people read easily; all whole multiples of the finest rollup.
constexpr uint64_t kSteps[] = {10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 86400, 7 * 86400};
constexpr uint64_t kPoints = 200;  // wanted when the step is ours to choose
constexpr uint64_t kMostPoints = 10'000;
constexpr size_t kDefaultSeries = 7;  // as many colours as people tell apart
constexpr size_t kMostSeries = 100;

uint64_t chosen_step(uint64_t span_ns) {
  for (const uint64_t seconds : kSteps)
    if (span_ns / (seconds * kNsPerS) <= kPoints) return seconds * kNsPerS;
  return std::end(kSteps)[-1] * kNsPerS;
}

// An open range ends where the stored events do.
Result<store::TimeRange> closed(const Parts& parts, store::TimeRange range) {
  if (range.since_ns > 0 && range.until_ns != store::kForever) return range;
  const auto info = parts.store.info();
  if (!info) return info.error();
  if (range.since_ns == 0) range.since_ns = info->oldest_ns.value_or(0);
  if (range.until_ns == store::kForever) range.until_ns = info->newest_ns.value_or(0) + 1;
  range.until_ns = std::max(range.until_ns, range.since_ns);
  return range;
}

Result<uint64_t> step_of(const v1::TimelineRequest& in, const store::TimeRange& range) {
  const uint64_t span = range.until_ns - range.since_ns;
  uint64_t step = 0;
  if (in.has_step()) {
    const int64_t seconds = in.step().seconds();
    if (seconds <= 0 || in.step().nanos() != 0 || seconds > 366 * 86400)
      return Error{Code::kInvalid, "step: whole seconds, from 1 to a year"};
    step = static_cast<uint64_t>(seconds) * kNsPerS;
  } else {
    step = chosen_step(span);
  }
  if (span / step > kMostPoints)
    return Error{Code::kInvalid, "step: gives more than " + std::to_string(kMostPoints) +
                                     " points; take a wider step or a shorter range"};
  return step;
}

}  // namespace

grpc::Status timeline(const Parts& parts, grpc::ServerContext& context, const v1::TimelineRequest& in,
                      v1::TimelineResponse& out) {
  if (in.metric() == v1::METRIC_PER_1000_CONNECTIONS)
    return {grpc::StatusCode::UNIMPLEMENTED, "timelines of rates are not served by this version; take METRIC_ENDINGS"};
  const auto filter = wanted(in.filter(), in.include_benign());
  if (!filter) return status_of(filter.error(), context);
  auto range = range_of(in.range());
  if (range) range = closed(parts, *range);
  if (!range) return status_of(range.error(), context);
  const auto limit = limit_of(in.limit(), kDefaultSeries, kMostSeries, "limit");
  if (!limit) return status_of(limit.error(), context);
  const auto step = step_of(in, *range);
  if (!step) return status_of(step.error(), context);

  store::AggregateQuery query;
  query.filter = filter->applied;
  query.range = *range;
  query.metric = metric_of(in.metric());
  query.step_ns = *step;
  query.by = {store::Dimension::kTime};
  const bool split = in.split_by() != v1::DIMENSION_UNSPECIFIED;
  if (split) {
    const auto dimension = dimension_of(in.split_by());
    if (!dimension) return status_of(dimension.error(), context);
    if (*dimension == store::Dimension::kTime)
      return {grpc::StatusCode::INVALID_ARGUMENT, "split_by: a timeline is by time already"};
    query.by.push_back(*dimension);
  }
  const store::Patience patience = patience_of(context);
  const auto groups = parts.store.aggregate(query, patience);
  if (!groups) return status_of(groups.error(), context);

  const uint64_t start = range->since_ns - range->since_ns % *step;
  const size_t points = (range->until_ns - start + *step - 1) / *step;
  std::map<store::Key, double> totals;
  for (const store::Group& group : *groups) totals[group.keys[1]] += group.value;
  std::vector<std::pair<double, store::Key>> ranked;
  for (const auto& [key, total] : totals) ranked.emplace_back(-total, key);
  std::ranges::sort(ranked);
  std::map<store::Key, v1::TimelineSeries*> series;
  for (size_t i = 0; i < std::min(*limit, ranked.size()); ++i) {
    v1::TimelineSeries* one = out.add_series();
    one->set_key(split ? key_text(query.by[1], ranked[i].second) : "all");
    one->mutable_values()->Resize(static_cast<int>(points), 0);
    series.emplace(ranked[i].second, one);
  }
  v1::TimelineSeries* other = nullptr;
  if (ranked.size() > *limit) {
    other = out.add_series();
    other->set_key("other");
    other->mutable_values()->Resize(static_cast<int>(points), 0);
  }
  for (const store::Group& group : *groups) {
    const auto found = series.find(group.keys[1]);
    v1::TimelineSeries* into = found != series.end() ? found->second : other;
    const size_t at = (group.keys[0].number - start) / *step;
    if (into == nullptr || at >= points) continue;
    into->set_values(static_cast<int>(at), into->values(static_cast<int>(at)) + group.value);
  }
  encode_time(start, *out.mutable_start());
  encode_duration(static_cast<int64_t>(*step), *out.mutable_step());
  if (auto done = complete(parts, *range, &*filter, patience, *out.mutable_completeness()); !done)
    return status_of(done.error(), context);
  return grpc::Status::OK;
}

}  // namespace rs::query
