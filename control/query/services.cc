// SPDX-License-Identifier: Apache-2.0
//
// ListServices: what each server endpoint's connections came to, worst first.
#include <algorithm>
#include <map>

#include "control/query/calls.h"
#include "control/query/encode.h"

namespace rs::query {
namespace {

constexpr size_t kDefaultRows = 100;
constexpr size_t kMostRows = 10'000;

uint64_t failed(const store::ServiceTotals& s) { return s.refused + s.reset + s.timed_out; }

}  // namespace

grpc::Status list_services(const Parts& parts, grpc::ServerContext& context, const v1::ListServicesRequest& in,
                           v1::ListServicesResponse& out) {
  const auto filter = wanted(in.filter(), false);
  if (!filter) return status_of(filter.error(), context);
  const auto range = range_of(in.range());
  if (!range) return status_of(range.error(), context);
  const auto limit = limit_of(in.limit(), kDefaultRows, kMostRows, "limit");
  if (!limit) return status_of(limit.error(), context);
  const store::Patience patience = patience_of(context);
  auto services = parts.store.services({filter->asked, *range}, patience);
  if (!services) return status_of(services.error(), context);

  store::AggregateQuery query;
  query.filter = filter->applied;
  query.range = *range;
  query.by = {store::Dimension::kService};
  const auto endings = parts.store.aggregate(query, patience);
  if (!endings) return status_of(endings.error(), context);
  std::map<model::Endpoint, Cause> causes;
  for (const store::Group& group : *endings)
    causes[{group.keys[0].ip, static_cast<uint16_t>(group.keys[0].number)}] = group.top_cause;

  std::ranges::sort(*services, [](const auto& a, const auto& b) {
    return failed(a) != failed(b) ? failed(a) > failed(b) : a.server < b.server;
  });
  for (const store::ServiceTotals& s : *services) {
    if (static_cast<size_t>(out.services_size()) == *limit) break;
    v1::Service& service = *out.add_services();
    encode(s.server, *service.mutable_server());
    service.set_attempted(s.attempted);
    service.set_established(s.established);
    service.set_closed_cleanly(s.closed_cleanly);
    service.set_refused(s.refused);
    service.set_reset(s.reset);
    service.set_timed_out(s.timed_out);
    service.set_lost_bytes(s.lost_bytes);
    const auto cause = causes.find(s.server);
    if (cause != causes.end()) service.set_top_cause(static_cast<v1::Cause>(cause->second));
  }
  if (services->size() > *limit)
    out.mutable_completeness()->add_notes(std::to_string(services->size() - *limit) +
                                          " more services beyond the limit");
  if (auto done = complete(parts, *range, nullptr, patience, *out.mutable_completeness()); !done)
    return status_of(done.error(), context);
  return grpc::Status::OK;
}

}  // namespace rs::query
