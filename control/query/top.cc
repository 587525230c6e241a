// SPDX-License-Identifier: Apache-2.0
//
// Top: the greatest groups by one or two dimensions.
#include <algorithm>
#include <vector>

#include "control/query/calls.h"
#include "control/query/dimensions.h"
#include "control/query/encode.h"
#include "control/query/rates.h"

namespace rs::query {
namespace {

constexpr size_t kDefaultRows = 20;
constexpr size_t kMostRows = 1000;
constexpr uint64_t kNsPerHour = 3600ull * 1'000'000'000;

Result<store::AggregateQuery> query_of(const v1::TopRequest& in, const Wanted& filter, const store::TimeRange& range) {
  if (in.by_size() < 1 || in.by_size() > 2)
    return Error{Code::kInvalid, "by: one or two dimensions, not " + std::to_string(in.by_size())};
  if (in.by_size() == 2 && in.by(0) == in.by(1)) return Error{Code::kInvalid, "by: the same dimension twice"};
  store::AggregateQuery query;
  query.filter = filter.applied;
  query.range = range;
  query.metric = metric_of(in.metric());
  query.step_ns = kNsPerHour;
  for (const int by : in.by()) {
    const auto dimension = dimension_of(static_cast<v1::Dimension>(by));
    if (!dimension) return dimension.error();
    query.by.push_back(*dimension);
  }
  return query;
}

// Turns counts into rates; groups whose connections nobody counted are left out and said to be.
Result<double> divide(const Parts& parts, const store::AggregateQuery& query, const store::Patience& patience,
                      std::vector<store::Group>& groups, v1::Completeness& completeness) {
  if (query.by.size() != 1) return Error{Code::kInvalid, "per 1,000 connections takes one dimension"};
  const auto attempted = attempts(parts, query.by[0], query.filter, query.range, patience);
  if (!attempted) return attempted.error();
  double endings = 0;
  size_t left_out = 0;
  std::erase_if(groups, [&](store::Group& group) {
    endings += group.value;
    const auto found = attempted->by_key.find(group.keys[0]);
    if (found == attempted->by_key.end() || found->second <= 0) {
      ++left_out;
      return true;
    }
    group.value = group.value * 1000 / found->second;
    return false;
  });
  if (left_out > 0)
    completeness.add_notes(std::to_string(left_out) +
                           " rows are left out: no sensor reported how many connections they had");
  return attempted->total > 0 ? endings * 1000 / attempted->total : 0;
}

}  // namespace

grpc::Status top(const Parts& parts, grpc::ServerContext& context, const v1::TopRequest& in, v1::TopResponse& out) {
  const auto filter = wanted(in.filter(), in.include_benign());
  if (!filter) return status_of(filter.error(), context);
  const auto range = range_of(in.range());
  if (!range) return status_of(range.error(), context);
  const auto limit = limit_of(in.limit(), kDefaultRows, kMostRows, "limit");
  if (!limit) return status_of(limit.error(), context);
  const auto query = query_of(in, *filter, *range);
  if (!query) return status_of(query.error(), context);
  const bool rate = in.metric() == v1::METRIC_PER_1000_CONNECTIONS;

  const store::Patience patience = patience_of(context);
  auto groups = parts.store.aggregate(*query, patience);
  if (!groups) return status_of(groups.error(), context);
  double total = 0;
  for (const store::Group& group : *groups) total += group.value;
  if (rate) {
    const auto overall = divide(parts, *query, patience, *groups, *out.mutable_completeness());
    if (!overall) return status_of(overall.error(), context);
    total = *overall;
  }
  std::erase_if(*groups, [](const store::Group& group) { return group.value <= 0; });
  const auto order = [](const store::Group& a, const store::Group& b) {
    return a.value != b.value ? a.value > b.value : a.keys < b.keys;
  };
  const size_t shown = std::min(*limit, groups->size());
  std::ranges::partial_sort(*groups, groups->begin() + static_cast<ptrdiff_t>(shown), order);

  out.set_total(total);
  double other = total;
  for (size_t i = 0; i < shown; ++i) {
    const store::Group& group = (*groups)[i];
    v1::TopRow& row = *out.add_rows();
    for (size_t k = 0; k < query->by.size(); ++k) row.add_keys(key_text(query->by[k], group.keys[k]));
    row.set_value(group.value);
    if (!rate && total > 0) row.set_share(group.value / total);
    row.set_top_cause(static_cast<v1::Cause>(group.top_cause));
    row.set_top_origin(static_cast<v1::Origin>(group.top_origin));
    encode_time(group.last_ns, *row.mutable_last_seen());
    other -= group.value;
  }
  if (!rate) out.set_other(std::max(0.0, other));  // rates do not add up
  if (auto done = complete(parts, *range, &*filter, patience, *out.mutable_completeness()); !done)
    return status_of(done.error(), context);
  return grpc::Status::OK;
}

}  // namespace rs::query
