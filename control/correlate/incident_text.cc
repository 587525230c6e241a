// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/incident_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "control/correlate/knowledge.h"
#include "control/model/ip.h"

namespace rs::correlate {
namespace {

std::string named(const std::string& name, const std::string& address) {
  return name.empty() ? address : name + " (" + address + ")";
}

std::string prefix_text(const model::Prefix& prefix) {
  const std::string ip = ip_text(prefix.ip);
  if (prefix.bits == 128) return ip;
  return ip + "/" + std::to_string(model::is_v4(prefix) ? prefix.bits - model::kMappedBits : prefix.bits);
}

std::string server_text(const model::Scope& scope, const model::Names& names) {
  if (!scope.server) return "many servers";
  const model::Endpoint server{scope.server->ip, scope.port.value_or(0)};
  return named(names.text(server), scope.port ? endpoint_text(server) : prefix_text(*scope.server));
}

std::string client_text(const model::Scope& scope, const model::Names& names) {
  if (!scope.client) return "many clients";
  return named(names.text({scope.client->ip, 0}), prefix_text(*scope.client));
}

std::string counted(uint64_t n, const char* one, const char* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

// "350 s", "1 h": short where it is round.
std::string seconds_text(double seconds) {
  const auto whole = static_cast<long>(std::lround(seconds));
  if (whole >= 3600 && whole % 3600 == 0) return std::to_string(whole / 3600) + " h";
  char text[32];
  std::snprintf(text, sizeof text, seconds < 10 ? "%.1f s" : "%.0f s", seconds);
  return text;
}

const char* who(Origin by) {
  switch (by) {
    case Origin::kClient:
      return "the client";
    case Origin::kServer:
      return "the server";
    case Origin::kMiddlebox:
      return "a device on the path";
    default:
      return "somebody on the path";
  }
}

// Its port was closed afterwards, or the sensor itself saw a process die.
bool was_seen_down(const model::Incident& incident) {
  return incident.by_cause[static_cast<size_t>(Cause::kPortClosed)] != 0 ||
         incident.by_cause[static_cast<size_t>(Cause::kProcessCrash)] != 0 ||
         incident.by_cause[static_cast<size_t>(Cause::kListenerClosedBacklog)] != 0;
}

}  // namespace

std::string scope_text(const model::Incident& incident, const model::Names& names) {
  const model::Scope& scope = incident.scope;
  if (scope.client && scope.server) return client_text(scope, names) + " to " + server_text(scope, names);
  if (scope.client) return "client " + client_text(scope, names);
  if (scope.server) return server_text(scope, names);
  return "everything";
}

const std::string& Summaries::of(const model::Incident& incident, const model::Names& names) {
  Told& told = told_[incident.id];
  if (told.text.empty() || told.revision != incident.revision) told = {incident.revision, summary(incident, names)};
  return told.text;
}

std::string summary(const model::Incident& incident, const model::Names& names) {
  const std::string server = server_text(incident.scope, names);
  const uint64_t clients = incident.client_count(), servers = incident.server_count();
  const std::string from = counted(clients, "client", "clients");
  switch (incident.kind) {
    case model::IncidentKind::kRestart:
      if (2 * incident.by_cause[static_cast<size_t>(Cause::kAdminKill)] > incident.endings)
        return server + " ended " + counted(incident.endings, "session", "sessions") + " of " + from +
               " on command: an administrator, a shutdown or a restart.";
      return incident.cause == Cause::kHostRestartStale
                 ? "The host " + server + " started anew: connections of " + from + " were gone."
                 : "The process behind " + server + (was_seen_down(incident) ? " ended" : " has probably ended") +
                       " or was restarted: " + counted(incident.endings, "connection", "connections") + " of " + from +
                       " broke or were refused together.";
    case model::IncidentKind::kFailover:
      return "Connections of " + counted(servers, "service", "services") +
             " broke in the same instant: a device that "
             "they share lost its state.";
    case model::IncidentKind::kPolicyChange:
      return server +
             " worked before and is now rejected on the way: " + counted(incident.endings, "attempt", "attempts") +
             " of " + from + ".";
    case model::IncidentKind::kOverload:
      return server + " has no room left: it turned away " + counted(incident.endings, "connection", "connections") +
             " of " + from + ".";
    case model::IncidentKind::kRateLimit:
      return server + " limits how often it may be asked: " + counted(incident.endings, "connection", "connections") +
             " of " + from + " were turned away.";
    case model::IncidentKind::kFlood:
      return server + " is flooded with half-open connections: " + std::to_string(incident.endings) + " from " + from +
             ".";
    case model::IncidentKind::kScan:
      return client_text(incident.scope, names) + " scans: " + std::to_string(incident.endings) + " attempts at " +
             counted(servers, "port", "different ports or hosts") + ".";
    case model::IncidentKind::kRetryStorm:
      return client_text(incident.scope, names) + " tries " + server +
             " again and again without a pause: " + std::to_string(incident.endings) + " times.";
    case model::IncidentKind::kPathChange:
      return "The way to " + server + " changed: its hosts are another number of hops away.";
    case model::IncidentKind::kBackscatter:
      return "Somebody floods " + server + " in the name of our addresses: its answers came to " +
             counted(clients, "address", "addresses") + " that asked nothing.";
    case model::IncidentKind::kUnspecified:
      break;
  }
  return "An incident of a kind that this program does not know.";
}

std::string fact_text(const model::Incident& incident, const model::IncidentFact& fact) {
  const std::string n = std::to_string(fact.value);
  const auto window = [&] {
    for (const model::IncidentFact& other : incident.evidence)
      if (other.name == "window_ms") return seconds_text(static_cast<double>(other.value) / 1000);
    return std::string("a short time");
  };
  if (fact.name == "endings_in_window") return n + " endings within " + window() + " when it was recognised";
  if (fact.name == "window_ms") return "watched over " + window() + " at a time";
  if (fact.name == "places") return n + " different places among the newest of them then";
  if (fact.name == "usual_per_1000_windows")
    return "usual are " + n + " in a thousand times " + window() + ": less than one in a million by chance";
  if (fact.name == "served_before") return "connections to it succeeded within the hour before";
  if (fact.name == "host_serves_others") return "other services of the same host still work";
  if (fact.name == "refused_after") return n + " attempts were refused by the host itself afterwards: nothing listened";
  if (fact.name == "scanner_syn") return "its SYNs are made by a scanner, not by an operating system";
  if (fact.name == "part_of") {
    char id[17];
    std::snprintf(id, sizeof id, "%016llx", static_cast<unsigned long long>(fact.value));
    return "part of incident " + std::string(id) + ", which counts its endings as well";
  }
  return fact.name + " " + n;
}

std::string defaults_text(const LearnedTimeout& timeout) {
  std::string text;
  for (size_t i = 0; i < timeout.defaults.count; ++i) {
    const IdleDefault& row = *timeout.defaults.rows[i];
    text.append(i == 0 ? std::to_string(row.seconds) + " s: " : "; ").append(row.device);
    if (!row.documented) text += " (said to be)";
  }
  return text;
}

std::string path_text(const LearnedTimeout& timeout, const model::Names& names) {
  const std::string server = named(names.text(timeout.path.server), endpoint_text(timeout.path.server));
  if (timeout.many_networks) return "from several networks to " + server;
  const auto bits = model::is_v4(timeout.client_network) ? 24 : 64;
  return "from " + ip_text(timeout.client_network) + "/" + std::to_string(bits) + " to " + server;
}

std::string advice(const LearnedTimeout& timeout, const model::Names& names) {
  const bool proxy = timeout.path.by == Origin::kServer && names.find(timeout.path.server).role == model::Role::kProxy;
  std::string text = proxy ? "The proxy" : who(timeout.path.by);
  text[0] = static_cast<char>(text[0] >= 'a' && text[0] <= 'z' ? text[0] - 'a' + 'A' : text[0]);
  const std::string value = seconds_text(timeout.seconds);
  text += timeout.path.at_most ? " forgets connections that were silent for " + value + " or less."
                               : " ends connections after " + value + " of silence.";
  return text + " Send TCP keepalives every " + std::to_string(timeout.keepalive_s) +
         " s or more often (Linux: sysctl "
         "net.ipv4.tcp_keepalive_time=" +
         std::to_string(timeout.keepalive_s) +
         " with SO_KEEPALIVE), or let connection pools drop what has been idle for longer than that.";
}

std::string disagreement(const LearnedTimeout& timeout, const std::vector<LearnedTimeout>& others) {
  std::string text;
  for (const LearnedTimeout& other : others) {
    if (other.path == timeout.path || other.path.server != timeout.path.server) continue;
    if (std::fabs(other.seconds - timeout.seconds) <= 0.05 * std::max(other.seconds, timeout.seconds)) continue;
    text.append(text.empty() ? "" : "; ")
        .append(who(other.path.by))
        .append(other.path.at_most ? " forgets after at most " : " waits ")
        .append(seconds_text(other.seconds));
  }
  if (text.empty()) return {};
  return std::string(who(timeout.path.by)) + (timeout.path.at_most ? " forgets after at most " : " waits ") +
         seconds_text(timeout.seconds) + ", but " + text + ": whoever reuses connections must have the shortest";
}

}  // namespace rs::correlate
