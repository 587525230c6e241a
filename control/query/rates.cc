// SPDX-License-Identifier: Apache-2.0
#include "control/query/rates.h"

#include <algorithm>
#include <tuple>
#include <vector>

namespace rs::query {
namespace {

constexpr uint64_t kServiceStepNs = 10'000'000'000;  // event.fbs ServiceStats: one every 10 s

using model::Field;
using model::Filter;

bool every_field(const Filter& f, bool (*holds)(Field)) {
  if (f.kind == Filter::Kind::kTest) return holds(f.field);
  return std::ranges::all_of(f.children, [&](const Filter& child) { return every_field(child, holds); });
}

bool of_server(Field f) {
  return f == Field::kServerIp || f == Field::kServerPort || f == Field::kTag || f == Field::kSensor;
}

bool of_ending(Field f) {
  switch (f) {
    case Field::kCause:
    case Field::kSecondCause:
    case Field::kFamily:
    case Field::kOrigin:
    case Field::kStage:
    case Field::kEnding:
    case Field::kSeverity:
    case Field::kClaimedSender:
    case Field::kConfidence:
      return true;
    default:
      return false;
  }
}

Result<Filter> server_part(const Filter& filter) {
  const std::vector<Filter> parts = filter.kind == Filter::Kind::kAnd ? filter.children : std::vector{filter};
  std::vector<Filter> chosen;
  for (const Filter& part : parts) {
    if (every_field(part, of_server))
      chosen.push_back(part);
    else if (!every_field(part, of_ending))
      return Error{Code::kInvalid,
                   "per 1,000 connections can be filtered by the server (server_ip, server_port, tag, sensor) and by "
                   "the ending (cause, stage ...), "
                   "joined by and: connections are not counted by anything else"};
  }
  return model::all_of(std::move(chosen));
}

// Whether service statistics tell this dimension's keys apart.
bool counted_by(const Axis& axis) {
  switch (axis.stored) {
    case store::Dimension::kTime:
    case store::Dimension::kService:
    case store::Dimension::kServerIp:
    case store::Dimension::kServerNetwork:
    case store::Dimension::kPort:
    case store::Dimension::kSensor:
      return true;
    default:
      return false;
  }
}

bool of_clients(const Axis& axis) {
  return axis.stored == store::Dimension::kClientIp || axis.stored == store::Dimension::kClientNetwork;
}

store::Key key_of(const Axis& axis, const store::ServiceTotals& totals, const model::Names& names) {
  store::Key key;
  switch (axis.stored) {
    case store::Dimension::kTime:
      key.number = totals.at_ns;
      return key;
    case store::Dimension::kService:
      key.ip = totals.server.ip;
      key.number = totals.server.port;
      return key;
    case store::Dimension::kServerIp:
      key.ip = totals.server.ip;
      return query::key_of(axis, key, names);
    case store::Dimension::kServerNetwork:
      key.ip = store::network_of(totals.server.ip);
      return key;
    case store::Dimension::kPort:
      key.number = totals.server.port;
      return key;
    case store::Dimension::kSensor:
      key.text = totals.sensor;
      return key;
    default:
      return key;  // one for all
  }
}

// Sensors that saw the same endings of a service saw the same connections of it: of these the greatest count holds;
// those of sensors that have nothing in common add up.
std::vector<store::ServiceTotals> merged(const std::vector<store::ServiceTotals>& rows,
                                         const std::vector<store::Overlap>& overlaps) {
  constexpr uint64_t kLeastShared = 3;                                   // one in common may be chance or a moved tap
  std::map<std::pair<model::Endpoint, std::string>, std::string> group;  // sensor -> one of its group, for a service
  const auto root = [&](const model::Endpoint& server, std::string sensor) {
    for (auto at = group.find({server, sensor}); at != group.end(); at = group.find({server, sensor}))
      sensor = at->second;
    return sensor;
  };
  for (const store::Overlap& overlap : overlaps) {
    if (overlap.sightings < kLeastShared) continue;
    const std::string one = root(overlap.server, overlap.one), other = root(overlap.server, overlap.other);
    if (one != other) group[{overlap.server, other}] = one;
  }
  std::map<std::tuple<model::Endpoint, uint64_t, std::string>, store::ServiceTotals> greatest;
  for (const store::ServiceTotals& row : rows) {
    auto& best = greatest[{row.server, row.at_ns, root(row.server, row.sensor)}];
    if (best.sensor.empty() || row.attempted > best.attempted) best = row;
  }
  std::map<std::pair<model::Endpoint, uint64_t>, store::ServiceTotals> sums;
  for (const auto& [key, row] : greatest) {
    store::ServiceTotals& sum = sums[{row.server, row.at_ns}];
    sum.server = row.server;
    sum.at_ns = row.at_ns;
    sum.attempted += row.attempted;
    sum.established += row.established;
    sum.closed_cleanly += row.closed_cleanly;
    sum.refused += row.refused;
    sum.reset += row.reset;
    sum.timed_out += row.timed_out;
    sum.lost_bytes += row.lost_bytes;
  }
  std::vector<store::ServiceTotals> out;
  for (auto& [key, sum] : sums) out.push_back(std::move(sum));
  return out;
}

}  // namespace

Result<std::vector<store::ServiceTotals>> service_totals(const Parts& parts, store::ServiceQuery query,
                                                         const store::Patience& patience) {
  if (query.by_sensor || !parts.correlation.has_sightings()) return parts.store.services(query, patience);
  const auto overlaps = parts.store.overlaps();
  if (!overlaps) return overlaps.error();
  query.by_sensor = true;
  auto rows = parts.store.services(query, patience);
  if (!rows) return rows.error();
  return merged(*rows, *overlaps);
}

Result<Denominators> Denominators::read(const Parts& parts, std::vector<Axis> axes, const Filter& filter,
                                        const store::TimeRange& range, uint64_t step_ns,
                                        const store::Patience& patience, const model::Names& names) {
  auto servers = server_part(filter);
  if (!servers) return servers.error();
  const auto by = [&](store::Dimension d) { return std::ranges::find(axes, d, &Axis::stored) != axes.end(); };
  const bool by_time = by(store::Dimension::kTime);
  if (by_time && (step_ns == 0 || step_ns % kServiceStepNs != 0))
    return Error{Code::kInvalid,
                 "per 1,000 connections needs a step of whole tens of seconds: so often are they counted"};
  store::ServiceQuery query{std::move(*servers), range, by_time ? step_ns : 0, by(store::Dimension::kSensor)};
  const auto totals = service_totals(parts, std::move(query), patience);
  if (!totals) return totals.error();
  Denominators out;
  out.axes_ = std::move(axes);
  for (const store::ServiceTotals& one : *totals) {
    std::array<store::Key, 2> keys;
    for (size_t i = 0; i < out.axes_.size(); ++i) keys[i] = key_of(out.axes_[i], one, names);
    const auto attempted = static_cast<double>(one.attempted);
    out.attempted_[keys] += attempted;
    out.total_ += attempted;
  }
  return out;
}

std::array<store::Key, 2> Denominators::known_part(const std::array<store::Key, 2>& keys) const {
  std::array<store::Key, 2> known;
  for (size_t i = 0; i < axes_.size(); ++i)
    if (counted_by(axes_[i])) known[i] = keys[i];
  return known;
}

std::optional<double> Denominators::of(const std::array<store::Key, 2>& keys) const {
  const auto found = attempted_.find(known_part(keys));
  if (found == attempted_.end() || found->second <= 0) return std::nullopt;
  return found->second;
}

std::string Denominators::caveat() const {
  if (std::ranges::none_of(axes_, of_clients)) return {};
  return "connections are not counted by client: the rates are per 1,000 connections of all clients";
}

}  // namespace rs::query
