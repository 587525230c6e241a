// SPDX-License-Identifier: Apache-2.0
//
// ListIdleTimeouts: who limits silence to how long.
#include <algorithm>
#include <cmath>

#include "control/correlate/incident_text.h"
#include "control/query/calls.h"
#include "control/query/encode.h"

namespace rs::query {
namespace {

constexpr size_t kDefaultRows = 100;
constexpr size_t kMostRows = 10'000;

Result<model::Filter> filter_of(const Parts& parts, const std::string& text) {
  auto filter = wanted(parts, text, true);
  if (!filter) return filter.error();
  for (const model::FieldInfo& field : model::fields()) {
    const bool known = field.field == model::Field::kServerIp || field.field == model::Field::kServerPort ||
                       field.field == model::Field::kOrigin || field.field == model::Field::kIdle;
    if (!known && model::mentions(filter->asked, field.field))
      return Error{Code::kInvalid, "timeouts are filtered by server_ip, server_port, origin and idle, not by " +
                                       std::string(field.name)};
  }
  return filter->asked;
}

int64_t ns_of(double seconds) { return std::llround(seconds * 1e3) * 1'000'000; }  // milliseconds are plenty

void encode_timeout(const correlate::LearnedTimeout& t, const std::vector<correlate::LearnedTimeout>& others,
                    const model::Names& names, v1::IdleTimeout& out) {
  encode(t.path.server, names, *out.mutable_server());
  out.set_path(correlate::path_text(t, names));
  encode_duration(ns_of(t.seconds), *out.mutable_value());
  encode_duration(ns_of(t.spread), *out.mutable_spread());
  out.set_samples(t.samples);
  out.set_enforced_by(static_cast<v1::Origin>(t.path.by));
  out.set_known_default(correlate::defaults_text(t));
  out.mutable_keepalive_to_set()->set_seconds(static_cast<int64_t>(t.keepalive_s));
  out.set_advice(correlate::advice(t, names));
  out.set_at_most(t.path.at_most);
  if (t.all > 0) out.set_share(static_cast<double>(t.samples) / static_cast<double>(t.all));
  out.set_disagreement(correlate::disagreement(t, others));
  encode_time(t.first_ns, *out.mutable_first_seen());
  encode_time(t.last_ns, *out.mutable_last_seen());
  out.set_ending(static_cast<v1::Ending>(t.ending));
}

}  // namespace

grpc::Status list_idle_timeouts(const Parts& parts, grpc::ServerContext& context, const v1::ListIdleTimeoutsRequest& in,
                                v1::ListIdleTimeoutsResponse& out) {
  const auto filter = filter_of(parts, in.filter());
  if (!filter) return status_of(filter.error(), context);
  const auto range = range_of(in.range());
  if (!range) return status_of(range.error(), context);
  const auto limit = limit_of(in.limit(), kDefaultRows, kMostRows, "limit");
  if (!limit) return status_of(limit.error(), context);
  const auto all = parts.correlation.timeouts();
  const auto names = parts.names.get();
  for (const correlate::LearnedTimeout& t : all) {
    if (t.last_ns < range->since_ns || t.first_ns >= range->until_ns) continue;
    model::Event event;
    event.server = t.path.server;
    event.origin = t.path.by;
    event.idle_ns = static_cast<uint64_t>(ns_of(t.seconds));
    if (!model::matches(*filter, event)) continue;
    if (static_cast<size_t>(out.timeouts_size()) == *limit) {
      out.mutable_completeness()->add_notes("more timeouts beyond the limit");
      break;
    }
    std::vector<correlate::LearnedTimeout> others;
    for (const correlate::LearnedTimeout& other : all)
      if (other.path.server == t.path.server) others.push_back(other);
    encode_timeout(t, others, *names, *out.add_timeouts());
  }
  const store::Patience patience = patience_of(context);
  if (auto done = complete(parts, *range, nullptr, patience, *out.mutable_completeness()); !done)
    return status_of(done.error(), context);
  return grpc::Status::OK;
}

}  // namespace rs::query
