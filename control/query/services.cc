// SPDX-License-Identifier: Apache-2.0
//
// ListServices: what the connections of each service (or server, network, site, port) came to, worst first.
#include <algorithm>
#include <map>
#include <vector>

#include "control/query/calls.h"
#include "control/query/dimensions.h"
#include "control/query/encode.h"
#include "control/query/rates.h"
#include "control/query/steps.h"

namespace rs::query {
namespace {

constexpr size_t kDefaultRows = 100;
constexpr size_t kMostRows = 10'000;

struct Row {
  store::Key key;
  store::ServiceTotals sum;
  Cause top_cause = Cause::kUnknown;
};

uint64_t failed(const store::ServiceTotals& s) { return s.refused + s.reset + s.timed_out; }

double per_1000(uint64_t part, uint64_t attempted) {
  return attempted == 0 ? 0 : static_cast<double>(part) * 1000 / static_cast<double>(attempted);
}

Result<Axis> axis_of_request(const v1::ListServicesRequest& in) {
  const auto by = in.by() == v1::DIMENSION_UNSPECIFIED ? v1::DIMENSION_SERVICE : in.by();
  switch (by) {
    case v1::DIMENSION_SERVICE:
    case v1::DIMENSION_SERVER_IP:
    case v1::DIMENSION_SERVER_NETWORK:
    case v1::DIMENSION_SITE:
    case v1::DIMENSION_PORT:
      return axis_of(by);
    default:
      return Error{Code::kInvalid,
                   "by: service, server_ip, server_network, site or port; connections are counted by these only"};
  }
}

store::Key key_of_server(const Axis& axis, const model::Endpoint& server, const model::Names& names) {
  store::Key key;
  if (axis.stored == store::Dimension::kPort) {
    key.number = server.port;
    return key;
  }
  key.ip = axis.stored == store::Dimension::kServerNetwork ? store::network_of(server.ip) : server.ip;
  if (axis.stored == store::Dimension::kService) key.number = server.port;
  return key_of(axis, key, names);
}

Result<std::map<store::Key, store::ServiceTotals>> sums(const Parts& parts, const Axis& axis,
                                                        const model::Filter& filter, const store::TimeRange& range,
                                                        const store::Patience& patience, const model::Names& names) {
  const auto services = service_totals(parts, {filter, range}, patience);
  if (!services) return services.error();
  std::map<store::Key, store::ServiceTotals> out;
  for (const store::ServiceTotals& one : *services) {
    store::ServiceTotals& sum = out[key_of_server(axis, one.server, names)];
    sum.server = one.server;
    sum.attempted += one.attempted;
    sum.established += one.established;
    sum.closed_cleanly += one.closed_cleanly;
    sum.refused += one.refused;
    sum.reset += one.reset;
    sum.timed_out += one.timed_out;
    sum.lost_bytes += one.lost_bytes;
  }
  return out;
}

void encode_row(const Axis& axis, const Row& row, const model::Names& names, v1::Service& out) {
  const store::ServiceTotals& s = row.sum;
  if (axis.stored == store::Dimension::kService) encode(s.server, names, *out.mutable_server());
  out.set_key(key_text(axis, row.key, names));
  out.set_attempted(s.attempted);
  out.set_established(s.established);
  out.set_closed_cleanly(s.closed_cleanly);
  out.set_refused(s.refused);
  out.set_reset(s.reset);
  out.set_timed_out(s.timed_out);
  out.set_lost_bytes(s.lost_bytes);
  out.set_top_cause(static_cast<v1::Cause>(row.top_cause));
  out.set_failed_per_1000(per_1000(failed(s), s.attempted));
  out.set_reset_per_1000(per_1000(s.reset, s.attempted));
}

}  // namespace

grpc::Status list_services(const Parts& parts, grpc::ServerContext& context, const v1::ListServicesRequest& in,
                           v1::ListServicesResponse& out) {
  const auto filter = wanted(parts, in.filter(), false);
  if (!filter) return status_of(filter.error(), context);
  const auto range = range_of(in.range());
  if (!range) return status_of(range.error(), context);
  const auto limit = limit_of(in.limit(), kDefaultRows, kMostRows, "limit");
  if (!limit) return status_of(limit.error(), context);
  const auto axis = axis_of_request(in);
  if (!axis) return status_of(axis.error(), context);
  if (auto possible = comparable(in.compare(), in.range(), {*axis}); !possible)
    return status_of(possible.error(), context);
  const auto names = parts.names.get();
  const store::Patience patience = patience_of(context);
  const auto services = sums(parts, *axis, filter->asked, *range, patience, *names);
  if (!services) return status_of(services.error(), context);

  store::AggregateQuery query;
  query.filter = filter->applied;
  query.range = *range;
  query.by = {axis->stored};
  auto endings = parts.store.aggregate(query, patience);
  if (!endings) return status_of(endings.error(), context);
  regroup({*axis}, *names, *endings);
  std::map<store::Key, Cause> causes;
  for (const store::Group& group : *endings) causes[group.keys[0]] = group.top_cause;

  std::vector<Row> rows;
  for (const auto& [key, sum] : *services) {
    const auto cause = causes.find(key);
    rows.push_back({key, sum, cause == causes.end() ? Cause::kUnknown : cause->second});
  }
  std::ranges::sort(rows, [](const Row& a, const Row& b) {
    return failed(a.sum) != failed(b.sum) ? failed(a.sum) > failed(b.sum) : a.key < b.key;
  });
  const size_t beyond = rows.size() > *limit ? rows.size() - *limit : 0;
  rows.resize(rows.size() - beyond);
  for (const Row& row : rows) encode_row(*axis, row, *names, *out.add_services());
  if (in.compare())
    for (const uint64_t days : {1, 7}) {
      const store::TimeRange then = days_before(closed_now(*range), days);
      const auto watched = was_watched(parts, then, patience);
      if (!watched) return status_of(watched.error(), context);
      if (!*watched) continue;
      const auto before = sums(parts, *axis, filter->asked, then, patience, *names);
      if (!before) return status_of(before.error(), context);
      for (size_t i = 0; i < rows.size(); ++i) {
        const auto found = before->find(rows[i].key);
        if (found == before->end() || found->second.attempted == 0) continue;
        const double rate = per_1000(failed(found->second), found->second.attempted);
        v1::Before& into = *out.mutable_services(static_cast<int>(i))->mutable_before();
        days == 1 ? into.set_yesterday(rate) : into.set_last_week(rate);
      }
    }
  if (beyond > 0) out.mutable_completeness()->add_notes(std::to_string(beyond) + " more services beyond the limit");
  if (auto done = complete(parts, *range, nullptr, patience, *out.mutable_completeness()); !done)
    return status_of(done.error(), context);
  return grpc::Status::OK;
}

}  // namespace rs::query
