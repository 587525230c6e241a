// SPDX-License-Identifier: Apache-2.0
#include "control/query/request.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "control/query/encode.h"
#include "control/query/filter_text.h"

namespace rs::query {
namespace {

constexpr uint64_t kNsPerS = 1'000'000'000;
// A sensor that has been away longer is taken for retired, not for missing.
constexpr uint64_t kExpectedForNs = 24 * 3600 * kNsPerS;
// Clocks that NTP keeps are never so far apart: our choice.
constexpr int64_t kClockOffNs = 5 * static_cast<int64_t>(kNsPerS);
// Our choice: an answer about many stored events stays one that is waited for.
constexpr uint64_t kManyEvents = 1'000'000;
constexpr auto kCountHiddenFor = std::chrono::milliseconds(30);

Result<uint64_t> ns_of(const google::protobuf::Timestamp& time, const char* name) {
  constexpr int64_t kLatest = static_cast<int64_t>(store::kForever / kNsPerS) - 1;
  if (time.nanos() < 0 || time.nanos() >= static_cast<int32_t>(kNsPerS))
    return Error{Code::kInvalid, std::string("range.") + name + ": nanos " + std::to_string(time.nanos()) +
                                     " is not within 0 and 999,999,999"};
  if (time.seconds() < 0) return uint64_t{0};
  return static_cast<uint64_t>(std::min(time.seconds(), kLatest)) * kNsPerS + static_cast<uint64_t>(time.nanos());
}

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

void describe(const store::Coverage& c, bool connected, uint64_t silent_until, v1::Completeness& out) {
  const std::string who = "sensor " + c.sensor;
  if (!c.ended && !connected && c.last_seen_ns < silent_until)
    out.add_notes(who + " has been silent since " + time_text(c.last_seen_ns / kNsPerS * kNsPerS));
  if (c.missed_pkts > 0)
    out.add_notes(who + " missed " + std::to_string(c.missed_pkts) + " of " +
                  std::to_string(c.rx_pkts + c.missed_pkts) + " packets");
  if (c.lost_events > 0)
    out.add_notes(who + " lost " + std::to_string(c.lost_events) + " events before they could be sent");
  if (c.missing_batches > 0) out.add_notes(who + ": " + std::to_string(c.missing_batches) + " batches never arrived");
}

}  // namespace

Result<Wanted> wanted(const Parts& parts, const std::string& filter, bool include_benign) {
  const auto names = parts.names.get();
  auto parsed = parse_filter(filter, *names);
  if (!parsed) return parsed.error();
  Wanted w;
  w.asked = std::move(*parsed);
  w.hides_benign = !include_benign && !model::mentions(w.asked, model::Field::kSeverity);
  w.applied = w.hides_benign ? model::all_of({w.asked, model::test(model::Field::kSeverity, model::Op::kNe,
                                                                   static_cast<uint64_t>(Severity::kBenign))})
                             : w.asked;
  return w;
}

Result<store::TimeRange> range_of(const v1::TimeRange& range) {
  store::TimeRange out;
  if (range.has_since()) {
    const auto since = ns_of(range.since(), "since");
    if (!since) return since.error();
    out.since_ns = *since;
  }
  if (range.has_until()) {
    const auto until = ns_of(range.until(), "until");
    if (!until) return until.error();
    out.until_ns = *until;
  }
  if (out.since_ns > out.until_ns)
    return Error{Code::kInvalid,
                 "range.since " + time_text(out.since_ns) + " is after range.until " + time_text(out.until_ns)};
  return out;
}

Result<size_t> limit_of(uint32_t asked, size_t by_default, size_t most, const char* name) {
  if (asked > most)
    return Error{Code::kInvalid, std::string(name) + " " + std::to_string(asked) + ": at most " + std::to_string(most)};
  return asked == 0 ? by_default : asked;
}

store::Patience patience_of(const grpc::ServerContextBase& context) {
  const auto left =
      std::min<std::chrono::nanoseconds>(context.deadline() - std::chrono::system_clock::now(), kLongestCall);
  return {std::chrono::steady_clock::now() + left, [&context] { return context.IsCancelled(); }};
}

grpc::Status status_of(const Error& error, const grpc::ServerContextBase& context) {
  grpc::StatusCode code = grpc::StatusCode::INTERNAL;
  switch (error.code) {
    case Code::kInvalid:
      code = grpc::StatusCode::INVALID_ARGUMENT;
      break;
    case Code::kNotFound:
      code = grpc::StatusCode::NOT_FOUND;
      break;
    case Code::kPermission:
      code = grpc::StatusCode::PERMISSION_DENIED;
      break;
    case Code::kResource:
      code = grpc::StatusCode::RESOURCE_EXHAUSTED;
      break;
    case Code::kCorrupt:
      code = grpc::StatusCode::DATA_LOSS;
      break;
    case Code::kInternal:
      break;
    case Code::kUnavailable:
      code = context.IsCancelled() ? grpc::StatusCode::CANCELLED : grpc::StatusCode::DEADLINE_EXCEEDED;
      break;
  }
  return {code, error.text};
}

Result<void> complete(const Parts& parts, const store::TimeRange& range, const Wanted* count_hidden,
                      const store::Patience& patience, v1::Completeness& out) {
  const auto sensors = parts.store.coverage(range);
  if (!sensors) return sensors.error();
  const uint64_t end = std::min(range.until_ns, now_ns());
  uint64_t received = 0;
  uint64_t missed = 0;
  uint64_t lost = 0;
  uint32_t reporting = 0;
  uint32_t expected = 0;
  for (const store::Coverage& c : *sensors) {
    const bool connected = parts.presence.is_connected(c.sensor);
    const bool is_expected = c.reported || (!c.ended && c.last_seen_ns + kExpectedForNs > end);
    reporting += c.reported ? 1 : 0;
    expected += is_expected ? 1 : 0;
    received += c.rx_pkts;
    missed += c.missed_pkts;
    lost += c.lost_events;
    if (is_expected) describe(c, connected, end, out);
    if (const auto skew = parts.presence.skew_ns(c.sensor); connected && skew && std::abs(*skew) > kClockOffNs)
      out.add_notes("the clock of sensor " + c.sensor + " is " +
                    std::to_string(std::abs(*skew) / static_cast<int64_t>(kNsPerS)) +
                    (*skew > 0 ? " s ahead" : " s behind, or it still sends what it had kept"));
  }
  out.set_sensors_reporting(reporting);
  out.set_sensors_expected(expected);
  out.set_received_packets(received);
  out.set_missed_packets(missed);
  out.set_lost_events(lost);
  if (const std::string trouble = parts.store.trouble(); !trouble.empty())
    out.add_notes("new data cannot be stored: " + trouble);
  if (count_hidden == nullptr || !count_hidden->hides_benign) return {};
  store::AggregateQuery query;
  query.filter = model::all_of({count_hidden->asked, model::test(model::Field::kSeverity, model::Op::kEq,
                                                                 static_cast<uint64_t>(Severity::kBenign))});
  query.range = range;
  // What sums cannot tell is counted ending by ending: of many not for longer than an answer may take.
  store::Patience counting = patience;
  if (parts.store.newest_cursor() > kManyEvents)
    counting.deadline = std::min(counting.deadline, std::chrono::steady_clock::now() + kCountHiddenFor);
  const auto hidden = parts.store.aggregate(query, counting);
  if (!hidden && hidden.error().code == Code::kUnavailable && counting.deadline < patience.deadline) {
    out.add_notes("benign endings are hidden and were not counted, which would take long: ask with include_benign");
    return {};
  }
  if (!hidden) return hidden.error();
  for (const store::Group& group : *hidden) out.set_hidden_benign(static_cast<uint64_t>(group.value));
  return {};
}

}  // namespace rs::query
