// SPDX-License-Identifier: Apache-2.0
//
// Timeline: one value a step, in one series or one a key.
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "control/query/calls.h"
#include "control/query/dimensions.h"
#include "control/query/encode.h"
#include "control/query/rates.h"
#include "control/query/steps.h"

namespace rs::query {
namespace {

constexpr uint64_t kNsPerS = 1'000'000'000;
constexpr uint64_t kPoints = 200;  // wanted when the step is ours to choose
constexpr uint64_t kMostPoints = 10'000;
constexpr size_t kDefaultSeries = 7;  // as many colours as people tell apart
constexpr size_t kMostSeries = 100;

Result<uint64_t> step_of(const v1::TimelineRequest& in, const store::TimeRange& range) {
  const uint64_t span = range.until_ns - range.since_ns;
  uint64_t step = 0;
  if (in.has_step()) {
    const int64_t seconds = in.step().seconds();
    if (seconds <= 0 || in.step().nanos() != 0 || seconds > 366 * 86400)
      return Error{Code::kInvalid, "step: whole seconds, from 1 to a year"};
    step = static_cast<uint64_t>(seconds) * kNsPerS;
  } else {
    step = step_for(range, kPoints);
  }
  if (span / step > kMostPoints)
    return Error{Code::kInvalid, "step: gives more than " + std::to_string(kMostPoints) +
                                     " points; take a wider step or a shorter range"};
  return step;
}

}  // namespace

grpc::Status timeline(const Parts& parts, grpc::ServerContext& context, const v1::TimelineRequest& in,
                      v1::TimelineResponse& out) {
  const auto filter = wanted(parts, in.filter(), in.include_benign());
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
  std::vector<Axis> axes = {{v1::DIMENSION_TIME, store::Dimension::kTime}};
  const bool split = in.split_by() != v1::DIMENSION_UNSPECIFIED;
  if (split) {
    const auto axis = axis_of(in.split_by());
    if (!axis) return status_of(axis.error(), context);
    if (axis->stored == store::Dimension::kTime)
      return {grpc::StatusCode::INVALID_ARGUMENT, "split_by: a timeline is by time already"};
    axes.push_back(*axis);
    query.by.push_back(axis->stored);
  }
  const auto names = parts.names.get();
  const store::Patience patience = patience_of(context);
  auto groups = parts.store.aggregate(query, patience);
  if (!groups) return status_of(groups.error(), context);
  regroup(axes, *names, *groups);
  std::optional<Denominators> connections;
  if (in.metric() == v1::METRIC_PER_1000_CONNECTIONS) {
    auto read = Denominators::read(parts, axes, query.filter, *range, *step, patience, *names);
    if (!read) return status_of(read.error(), context);
    connections = std::move(*read);
    if (const std::string caveat = connections->caveat(); !caveat.empty())
      out.mutable_completeness()->add_notes(caveat);
  }

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
    one->set_key(split ? key_text(axes[1], ranked[i].second, *names) : "all");
    one->mutable_values()->Resize(static_cast<int>(points), 0);
    series.emplace(ranked[i].second, one);
  }
  v1::TimelineSeries* other = nullptr;
  if (ranked.size() > *limit && !connections) {  // rates do not add up
    other = out.add_series();
    other->set_key("other");
    other->mutable_values()->Resize(static_cast<int>(points), 0);
  }
  bool uncounted = false;
  for (const store::Group& group : *groups) {
    const auto found = series.find(group.keys[1]);
    v1::TimelineSeries* into = found != series.end() ? found->second : other;
    const size_t at = (group.keys[0].number - start) / *step;
    if (into == nullptr || at >= points) continue;
    double value = group.value;
    if (connections) {
      const auto attempted = connections->of(group.keys);
      uncounted |= !attempted;
      if (!attempted) continue;
      value = value * 1000 / *attempted;
    }
    into->set_values(static_cast<int>(at), into->values(static_cast<int>(at)) + value);
  }
  if (uncounted)
    out.mutable_completeness()->add_notes(
        "where no sensor reported how many connections there were, the rate stands as 0");
  encode_time(start, *out.mutable_start());
  encode_duration(static_cast<int64_t>(*step), *out.mutable_step());
  if (auto done = complete(parts, *range, &*filter, patience, *out.mutable_completeness()); !done)
    return status_of(done.error(), context);
  return grpc::Status::OK;
}

}  // namespace rs::query
