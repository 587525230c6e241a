// SPDX-License-Identifier: Apache-2.0
//
// Top: the greatest groups by one or two dimensions.
#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "control/query/calls.h"
#include "control/query/dimensions.h"
#include "control/query/encode.h"
#include "control/query/rates.h"
#include "control/query/steps.h"

namespace rs::query {
namespace {

constexpr size_t kDefaultRows = 20;
constexpr size_t kMostRows = 1000;
constexpr uint64_t kNsPerHour = 3600ull * 1'000'000'000;

Result<std::vector<Axis>> axes_of(const v1::TopRequest& in) {
  if (in.by_size() < 1 || in.by_size() > 2)
    return Error{Code::kInvalid, "by: one or two dimensions, not " + std::to_string(in.by_size())};
  if (in.by_size() == 2 && in.by(0) == in.by(1)) return Error{Code::kInvalid, "by: the same dimension twice"};
  std::vector<Axis> axes;
  for (const int by : in.by()) {
    const auto axis = axis_of(static_cast<v1::Dimension>(by));
    if (!axis) return axis.error();
    axes.push_back(*axis);
  }
  return axes;
}

struct Ranking {
  std::vector<store::Group> groups;
  double total = 0;
  size_t uncounted = 0;  // groups left out of rates
  std::string caveat;
};

// All groups of one range with their values, as counts or rates; those without value are left out.
Result<Ranking> ranking(const Parts& parts, const v1::TopRequest& in, const std::vector<Axis>& axes,
                        const Wanted& filter, const store::TimeRange& range, const store::Patience& patience,
                        const model::Names& names) {
  store::AggregateQuery query;
  query.filter = filter.applied;
  query.range = range;
  query.metric = metric_of(in.metric());
  query.step_ns = kNsPerHour;
  for (const Axis& axis : axes) query.by.push_back(axis.stored);
  auto groups = parts.store.aggregate(query, patience);
  if (!groups) return groups.error();
  Ranking out;
  out.groups = std::move(*groups);
  regroup(axes, names, out.groups);
  for (const store::Group& group : out.groups) out.total += group.value;
  if (in.metric() == v1::METRIC_PER_1000_CONNECTIONS) {
    const auto connections = Denominators::read(parts, axes, query.filter, range, query.step_ns, patience, names);
    if (!connections) return connections.error();
    out.caveat = connections->caveat();
    out.total = connections->total() > 0 ? out.total * 1000 / connections->total() : 0;
    std::erase_if(out.groups, [&](store::Group& group) {
      const auto attempted = connections->of(group.keys);
      if (attempted) group.value = group.value * 1000 / *attempted;
      out.uncounted += attempted ? 0 : 1;
      return !attempted;
    });
  }
  std::erase_if(out.groups, [](const store::Group& group) { return group.value <= 0; });
  return out;
}

// Fills what the same hours of yesterday and last week came to, where anything was watched then.
Result<void> compare(const Parts& parts, const v1::TopRequest& in, const std::vector<Axis>& axes, const Wanted& filter,
                     const store::TimeRange& range, const std::vector<store::Group>& shown,
                     const store::Patience& patience, const model::Names& names, v1::TopResponse& out) {
  for (const uint64_t days : {1, 7}) {
    const store::TimeRange then = days_before(range, days);
    const auto watched = was_watched(parts, then, patience);
    if (!watched) return watched.error();
    if (!*watched) continue;
    const auto before = ranking(parts, in, axes, filter, then, patience, names);
    if (!before) return before.error();
    std::map<std::array<store::Key, 2>, double> values;
    for (const store::Group& group : before->groups) values[group.keys] = group.value;
    const auto set = [&](v1::Before& into, double value) {
      days == 1 ? into.set_yesterday(value) : into.set_last_week(value);
    };
    set(*out.mutable_before(), before->total);
    for (size_t i = 0; i < shown.size(); ++i) {
      const auto found = values.find(shown[i].keys);
      set(*out.mutable_rows(static_cast<int>(i))->mutable_before(), found == values.end() ? 0 : found->second);
    }
  }
  return {};
}

}  // namespace

grpc::Status top(const Parts& parts, grpc::ServerContext& context, const v1::TopRequest& in, v1::TopResponse& out) {
  const auto filter = wanted(parts, in.filter(), in.include_benign());
  if (!filter) return status_of(filter.error(), context);
  auto range = range_of(in.range());
  if (!range) return status_of(range.error(), context);
  const auto limit = limit_of(in.limit(), kDefaultRows, kMostRows, "limit");
  if (!limit) return status_of(limit.error(), context);
  const auto axes = axes_of(in);
  if (!axes) return status_of(axes.error(), context);
  if (auto possible = comparable(in.compare(), in.range(), *axes); !possible)
    return status_of(possible.error(), context);
  const bool rate = in.metric() == v1::METRIC_PER_1000_CONNECTIONS;

  const auto names = parts.names.get();
  const store::Patience patience = patience_of(context);
  auto ranked = ranking(parts, in, *axes, *filter, *range, patience, *names);
  if (!ranked) return status_of(ranked.error(), context);
  auto& groups = ranked->groups;
  const auto order = [](const store::Group& a, const store::Group& b) {
    return a.value != b.value ? a.value > b.value : a.keys < b.keys;
  };
  const size_t shown = std::min(*limit, groups.size());
  std::ranges::partial_sort(groups, groups.begin() + static_cast<ptrdiff_t>(shown), order);
  groups.resize(shown);

  out.set_total(ranked->total);
  double other = ranked->total;
  for (const store::Group& group : groups) {
    v1::TopRow& row = *out.add_rows();
    for (size_t k = 0; k < axes->size(); ++k) row.add_keys(key_text((*axes)[k], group.keys[k], *names));
    row.set_value(group.value);
    if (!rate && ranked->total > 0) row.set_share(group.value / ranked->total);
    row.set_top_cause(static_cast<v1::Cause>(group.top_cause));
    row.set_top_origin(static_cast<v1::Origin>(group.top_origin));
    encode_time(group.last_ns, *row.mutable_last_seen());
    other -= group.value;
  }
  if (!rate) out.set_other(std::max(0.0, other));  // rates do not add up
  if (ranked->uncounted > 0)
    out.mutable_completeness()->add_notes(std::to_string(ranked->uncounted) +
                                          " rows are left out: no sensor reported how many connections they had");
  if (!ranked->caveat.empty()) out.mutable_completeness()->add_notes(ranked->caveat);
  if (in.compare()) {
    auto now = closed_now(*range);
    if (auto done = compare(parts, in, *axes, *filter, now, groups, patience, *names, out); !done)
      return status_of(done.error(), context);
  }
  if (auto done = complete(parts, *range, &*filter, patience, *out.mutable_completeness()); !done)
    return status_of(done.error(), context);
  return grpc::Status::OK;
}

}  // namespace rs::query
