// SPDX-License-Identifier: Apache-2.0
//
// GetReset and Why: one ending with everything known about it and what to do. Benign endings are never hidden here:
// who asks about one connection wants its truth.
#include "control/model/ip.h"
#include "control/query/calls.h"
#include "control/query/present.h"

namespace rs::query {
namespace {

constexpr size_t kMostExplained = 100;

Result<model::Event> event_by_id(const Parts& parts, const std::string& text) {
  const auto id = parse_id(text);
  if (!id)
    return Error{Code::kInvalid, "event id \"" + text.substr(0, 40) + "\": 16 hexadecimal digits, as lists print them"};
  auto found = parts.store.get(*id);
  if (!found) return found.error();
  if (!*found)
    return Error{Code::kNotFound, "no event " + text + ": it was never stored here, or retention has removed it"};
  return std::move(**found);
}

Result<model::Endpoint> endpoint_of(const std::string& text, const char* name) {
  if (const auto endpoint = model::parse_endpoint(text)) return *endpoint;
  return Error{Code::kInvalid, std::string(name) + " \"" + text.substr(0, 60) +
                                   "\" is no address: 10.0.0.1, 10.0.0.1:443, 2001:db8::1 or [2001:db8::1]:443"};
}

// One side is this endpoint; port 0 is any.
model::Filter side_is(const model::Endpoint& endpoint, model::Field ip, model::Field port) {
  std::vector<model::Filter> tests = {model::test(ip, model::Op::kEq, model::Prefix{endpoint.ip, 128})};
  if (endpoint.port != 0) tests.push_back(model::test(port, model::Op::kEq, uint64_t{endpoint.port}));
  return model::all_of(std::move(tests));
}
model::Filter client_is(const model::Endpoint& e) {
  return side_is(e, model::Field::kClientIp, model::Field::kClientPort);
}
model::Filter server_is(const model::Endpoint& e) {
  return side_is(e, model::Field::kServerIp, model::Field::kServerPort);
}

// Between the two in either role; with one of them only: it on either side.
Result<model::Filter> between(const v1::WhyRequest& in) {
  if (in.client().empty() && in.server().empty())
    return Error{Code::kInvalid, "give an event_id, or client and server as address[:port]"};
  std::vector<model::Endpoint> ends;
  for (const auto& [text, name] : {std::pair(&in.client(), "client"), std::pair(&in.server(), "server")}) {
    if (text->empty()) continue;
    const auto endpoint = endpoint_of(*text, name);
    if (!endpoint) return endpoint.error();
    ends.push_back(*endpoint);
  }
  if (ends.size() == 1) return model::any_of({client_is(ends[0]), server_is(ends[0])});
  return model::any_of({model::all_of({client_is(ends[0]), server_is(ends[1])}),
                        model::all_of({client_is(ends[1]), server_is(ends[0])})});
}

void explain(const Parts& parts, const model::Event& event, v1::Explanation& out) {
  present(parts, event, Detail::kFull, *out.mutable_event());
  encode_advice(event, event.cause, *out.mutable_advice());
  if (event.second_cause != Cause::kUnknown && event.second_cause != event.cause)
    encode_advice(event, event.second_cause, *out.mutable_second());
  out.set_margin(event.confidence - event.second_confidence);
}

}  // namespace

grpc::Status get_reset(const Parts& parts, grpc::ServerContext& context, const v1::GetResetRequest& in,
                       v1::GetResetResponse& out) {
  const auto event = event_by_id(parts, in.id());
  if (!event) return status_of(event.error(), context);
  present(parts, *event, Detail::kFull, *out.mutable_event());
  encode_advice(*event, event->cause, *out.mutable_advice());
  return grpc::Status::OK;
}

grpc::Status why(const Parts& parts, grpc::ServerContext& context, const v1::WhyRequest& in, v1::WhyResponse& out) {
  const store::Patience patience = patience_of(context);
  const auto range = range_of(in.range());
  if (!range) return status_of(range.error(), context);
  if (!in.event_id().empty()) {
    if (!in.client().empty() || !in.server().empty())
      return {grpc::StatusCode::INVALID_ARGUMENT, "give an event_id or addresses, not both"};
    const auto event = event_by_id(parts, in.event_id());
    if (!event) return status_of(event.error(), context);
    explain(parts, *event, *out.add_explanations());
    out.set_matching(event->count);
  } else {
    const auto filter = between(in);
    if (!filter) return status_of(filter.error(), context);
    const auto limit = limit_of(in.limit(), 1, kMostExplained, "limit");
    if (!limit) return status_of(limit.error(), context);
    store::ListQuery query;
    query.filter = *filter;
    query.range = *range;
    query.newest_first = true;
    query.limit = *limit;
    const auto listed = parts.store.list(query, patience, [&](const model::Event& event) {
      explain(parts, event, *out.add_explanations());
      return true;
    });
    if (!listed) return status_of(listed.error(), context);
    store::AggregateQuery count;
    count.filter = *filter;
    count.range = *range;
    const auto matching = parts.store.aggregate(count, patience);
    if (!matching) return status_of(matching.error(), context);
    for (const store::Group& group : *matching) out.set_matching(static_cast<uint64_t>(group.value));
  }
  if (auto done = complete(parts, *range, nullptr, patience, *out.mutable_completeness()); !done)
    return status_of(done.error(), context);
  return grpc::Status::OK;
}

}  // namespace rs::query
