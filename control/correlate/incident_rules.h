// SPDX-License-Identifier: Apache-2.0
//
// What makes an incident, as a table: which endings, by which key, how many in what time from how many places. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "control/model/ended.h"
#include "control/model/incident.h"

namespace rs::correlate {

// What endings are gathered by. Rules of one kind that share a key form share their incidents.
enum class By : uint8_t { kClient, kService, kServerHost, kServerNetwork, kClientAndService, kEverything };
// What a window counts distinct ones of.
enum class Places : uint8_t { kClients, kConnections, kServices, kServerHosts };

struct RuleKey {
  model::IncidentKind kind = model::IncidentKind::kUnspecified;
  By by = By::kClient;
  model::Ip one{};
  model::Ip two{};
  uint16_t port = 0;
  bool operator==(const RuleKey&) const = default;
};

// What is known beside the ending.
struct RuleContext {
  bool served_before = false;  // the service established connections in the last hour
  bool host_serves = false;    // another service of the same host did in the last two minutes
  bool hops_changed = false;   // the resets of this host come over another number of hops than before
};

struct Rule {
  model::IncidentKind kind;
  By by;
  Cause cause;  // what its endings come from; unknown: each its own
  bool (*counts)(const model::Ended&, const RuleContext&);
  model::Scope (*scope)(const model::Ended&);  // what belongs once it is open; includes all that counts
  uint64_t window_ns;
  uint64_t quiet_ns;       // no more endings for so long: it is over
  uint64_t least_endings;  // in a window
  size_t least_places;     // distinct
  Places places;
  double log_chance;     // at most so probable by chance beside what is usual; 0: not asked
  double weight;         // log-odds at the threshold
  std::string_view why;  // one sentence: the physical or protocol reason
};

inline constexpr size_t kRuleCount = 12;
// Whether any rule asks what the service did before (served_before, host_serves).
bool asks_for_history(const model::Ended& ended);

// In order of precedence: an ending that one counts is not offered to those below.
std::span<const Rule> incident_rules();

RuleKey key_of(const Rule& rule, const model::Ended& ended);
// The keys under which incidents that may explain an event are found.
RuleKey key_of(model::IncidentKind kind, By by, const model::Endpoint& client, const model::Endpoint& server);

}  // namespace rs::correlate
