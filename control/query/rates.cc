// SPDX-License-Identifier: Apache-2.0
#include "control/query/rates.h"

#include <algorithm>
#include <vector>

#include "control/model/ip.h"

namespace rs::query {
namespace {

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

Result<store::Key> key_of(store::Dimension by, const model::Endpoint& server) {
  store::Key key;
  switch (by) {
    case store::Dimension::kService:
      key.ip = server.ip;
      key.number = server.port;
      return key;
    case store::Dimension::kServerIp:
      key.ip = server.ip;
      return key;
    case store::Dimension::kServerNetwork:
      key.ip = model::first_of(
          {server.ip, static_cast<uint8_t>(model::is_v4(server.ip) ? model::kMappedBits + store::kClientNetworkBitsV4
                                                                   : store::kClientNetworkBitsV6)});
      return key;
    case store::Dimension::kPort:
      key.number = server.port;
      return key;
    default:
      return Error{Code::kInvalid,
                   "per 1,000 connections needs the one dimension service, server_ip, server_network or port: "
                   "connections are not counted by anything else"};
  }
}

}  // namespace

Result<Attempts> attempts(const Parts& parts, store::Dimension by, const Filter& filter, const store::TimeRange& range,
                          const store::Patience& patience) {
  auto servers = server_part(filter);
  if (!servers) return servers.error();
  if (const auto possible = key_of(by, {}); !possible) return possible.error();
  const auto totals = parts.store.services({std::move(*servers), range}, patience);
  if (!totals) return totals.error();
  Attempts out;
  for (const store::ServiceTotals& one : *totals) {
    out.by_key[*key_of(by, one.server)] += static_cast<double>(one.attempted);
    out.total += static_cast<double>(one.attempted);
  }
  return out;
}

}  // namespace rs::query
