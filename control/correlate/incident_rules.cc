// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/incident_rules.h"

#include <array>

#include "control/model/ip.h"

namespace rs::correlate {
namespace {

using model::bit_of;
using model::Ended;
using model::IncidentKind;
using model::Scope;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kMinute = 60 * kSecond;
// One in a million: at a hundred windows a second a false one would come in three hours without the other conditions.
constexpr double kOneInAMillion = -13.8;

constexpr uint16_t kBeforeData = bit_of(Stage::kSyn) | bit_of(Stage::kSynAck) | bit_of(Stage::kEstablished);
constexpr uint16_t kLive = bit_of(Stage::kEstablished) | bit_of(Stage::kRequest) | bit_of(Stage::kExchange) |
                           bit_of(Stage::kIdle) | bit_of(Stage::kClosing) | bit_of(Stage::kMidstream);
constexpr uint8_t kFailed =
    bit_of(Ending::kRefused) | bit_of(Ending::kTimedOut) | bit_of(Ending::kRejected) | bit_of(Ending::kReset);

constexpr uint64_t causes(std::initializer_list<Cause> list) {
  uint64_t bits = 0;
  for (const Cause cause : list) bits |= bit_of(cause);
  return bits;
}

// Endings whose reason is known to be another than the death of the process or host.
constexpr uint64_t kNotADeath =
    causes({Cause::kPathFwReject,     Cause::kIcmpReject,        Cause::kEarlyResponseAbort, Cause::kClientCancel,
            Cause::kClientFastClose,  Cause::kMptcpReset,        Cause::kKeepaliveTimeout,   Cause::kIdleTimeoutRst,
            Cause::kIdleTimeoutFin,   Cause::kKeepaliveRace,     Cause::kSilentStateExpiry,  Cause::kNatExpiryRst,
            Cause::kRequestTimeout,   Cause::kFwMidstreamReject, Cause::kIpsResetBoth,       Cause::kSniUrlBlock,
            Cause::kCensorInjection,  Cause::kIspThrottle,       Cause::kCtInvalidLeak,      Cause::kTlsFailure,
            Cause::kAppProtocolError, Cause::kHalfOpenDiscovery, Cause::kBlindRstAttempt,    Cause::kRateLimit,
            Cause::kPortScan,         Cause::kHealthCheck,       Cause::kSynFlood,           Cause::kBackscatter,
            Cause::kDdosAuthReset,    Cause::kConnectCancel,     Cause::kStraySegment,       Cause::kSynBlackhole,
            Cause::kHostFwReject,     Cause::kOverload,          Cause::kZeroWindowAbort,    Cause::kRetransTimeout});
// A death may look so, but does not show in them: a kernel resets what a dead process had not read and closes the rest
// with a FIN, and a program that closes in order or aborts on purpose lives.
constexpr uint64_t kNoProofOfDeath = causes({Cause::kAppAbortLinger0, Cause::kCloseThenLateData});
constexpr uint64_t kPolicy =
    causes({Cause::kPathFwReject, Cause::kHostFwReject, Cause::kIcmpReject, Cause::kSynBlackhole, Cause::kSniUrlBlock,
            Cause::kFwMidstreamReject, Cause::kIpsResetBoth, Cause::kCensorInjection});
constexpr uint64_t kFull =
    causes({Cause::kOverload, Cause::kListenOverflowRst, Cause::kListenOverflowDrop, Cause::kKernelMemory});

bool in(uint64_t bits, Cause cause) { return (bits & bit_of(cause)) != 0; }
bool in(uint16_t bits, Stage stage) { return (bits & bit_of(stage)) != 0; }
bool in(uint8_t bits, Ending ending) { return (bits & bit_of(ending)) != 0; }

model::Prefix host(const model::Ip& ip) { return {ip, 128}; }
model::Prefix network(const model::Ip& ip) {
  const auto bits = static_cast<uint8_t>(model::is_v4(ip) ? model::kMappedBits + 24 : 64);
  return {model::first_of({ip, bits}), bits};
}

Scope of_service(const Ended& e) {
  Scope scope;
  scope.server = host(e.server.ip);
  scope.port = e.server.port;
  return scope;
}

// --- what counts, and what belongs ---

bool scan_counts(const Ended& e, const RuleContext&) {
  return !e.has(Flag::kClientGuessed) && in(kBeforeData, e.stage) && in(kFailed, e.ending) &&
         e.cause != Cause::kHealthCheck && e.cause != Cause::kBackscatter && e.client.ip != model::Ip{};
}
Scope scan_scope(const Ended& e) {
  Scope scope;
  scope.client = host(e.client.ip);
  scope.stages = kBeforeData;
  scope.endings = kFailed;
  scope.causes = ~causes({Cause::kHealthCheck, Cause::kBackscatter});
  return scope;
}

bool backscatter_counts(const Ended& e, const RuleContext&) { return e.cause == Cause::kBackscatter; }
Scope backscatter_scope(const Ended& e) {
  Scope scope;
  scope.server = host(e.server.ip);
  scope.causes = bit_of(Cause::kBackscatter);
  return scope;
}

// A client that means it repeats its SYN; a flood does not, or the server's answer finds nobody.
bool flood_counts(const Ended& e, const RuleContext&) {
  if (e.cause == Cause::kSynFlood) return true;
  return e.ending == Ending::kTimedOut &&
         (e.stage == Stage::kSynAck || (e.stage == Stage::kSyn && !e.has(model::kSynRetried)));
}
Scope flood_scope(const Ended& e) {
  Scope scope = of_service(e);
  scope.stages = bit_of(Stage::kSyn) | bit_of(Stage::kSynAck);
  scope.endings = bit_of(Ending::kTimedOut) | bit_of(Ending::kReset) | bit_of(Ending::kRefused);
  return scope;
}

// Connections of many servers at once: only what stands between can end them all.
bool failover_counts(const Ended& e, const RuleContext&) {
  return in(kLive, e.stage) && (e.ending == Ending::kReset || e.ending == Ending::kTimedOut) &&
         e.severity != Severity::kBenign && e.origin != Origin::kClient &&
         !in(causes({Cause::kTlsFailure, Cause::kAppProtocolError, Cause::kKeepaliveRace, Cause::kIdleTimeoutRst,
                     Cause::kBackscatter, Cause::kStraySegment, Cause::kCloseThenLateData, Cause::kPortScan}),
             e.cause);
}
Scope failover_scope(const Ended&) {
  Scope scope;
  scope.stages = kLive;
  scope.endings = bit_of(Ending::kReset) | bit_of(Ending::kTimedOut);
  scope.causes = ~causes({Cause::kTlsFailure, Cause::kAppProtocolError, Cause::kKeepaliveRace, Cause::kIdleTimeoutRst,
                          Cause::kBackscatter, Cause::kStraySegment, Cause::kCloseThenLateData, Cause::kPortScan,
                          Cause::kClientCancel, Cause::kClientFastClose});
  return scope;
}

bool path_counts(const Ended&, const RuleContext& context) { return context.hops_changed; }
Scope path_scope(const Ended& e) {
  Scope scope;
  scope.server = network(e.server.ip);
  return scope;
}

bool limit_counts(const Ended& e, const RuleContext&) { return e.cause == Cause::kRateLimit; }
Scope limit_scope(const Ended& e) {
  Scope scope = of_service(e);
  scope.causes = bit_of(Cause::kRateLimit);
  return scope;
}

bool overload_counts(const Ended& e, const RuleContext&) { return in(kFull, e.cause); }
Scope overload_scope(const Ended& e) {
  Scope scope = of_service(e);
  scope.causes = kFull;
  return scope;
}

// It worked before. A silence of the whole host would be the host's, not a rule's.
bool policy_counts(const Ended& e, const RuleContext& context) {
  if (!in(kPolicy, e.cause) || !context.served_before) return false;
  return e.cause != Cause::kSynBlackhole || context.host_serves;
}
Scope policy_scope(const Ended& e) {
  Scope scope = of_service(e);
  scope.causes = kPolicy;
  return scope;
}

bool host_counts(const Ended& e, const RuleContext&) { return e.cause == Cause::kHostRestartStale; }
Scope host_scope(const Ended& e) {
  Scope scope;
  scope.server = host(e.server.ip);
  scope.causes = ~kNotADeath;
  scope.endings = bit_of(Ending::kReset) | bit_of(Ending::kRefused) | bit_of(Ending::kClosed);
  return scope;
}

// A death takes old and young alike. A program that resets its connections one by one, each soon after it began, looks
// the same to a count within the window: that says nothing. And who refuses for want of room or of a backend lives.
constexpr uint64_t kAborts = causes({Cause::kAppAbortUnread, Cause::kAppAbortLinger0, Cause::kAdminKill});
constexpr uint64_t kRefuses = causes({Cause::kListenOverflowRst, Cause::kLbNoBackend, Cause::kTimewaitCollision});
constexpr uint64_t kCrashWindow = 2 * kSecond;
bool lives_on(const Ended& e) {
  const bool young = e.start_ns != 0 && e.time_ns - e.start_ns < kCrashWindow;
  return in(kRefuses, e.cause) || (in(kAborts, e.cause) && young);
}

bool crash_counts(const Ended& e, const RuleContext&) {
  if (lives_on(e)) return false;
  return in(kLive, e.stage) && (e.ending == Ending::kReset || e.ending == Ending::kClosed) &&
         e.severity != Severity::kBenign && e.claimed_sender != Side::kClient &&
         (e.origin == Origin::kServer || e.origin == Origin::kUnknown) && !in(kNotADeath | kNoProofOfDeath, e.cause);
}
Scope crash_scope(const Ended& e) {
  Scope scope = of_service(e);
  scope.causes = ~kNotADeath;
  scope.endings = bit_of(Ending::kReset) | bit_of(Ending::kRefused) | bit_of(Ending::kClosed);
  return scope;
}

bool down_counts(const Ended& e, const RuleContext& context) {
  return e.cause == Cause::kPortClosed && e.ending == Ending::kRefused && context.served_before;
}

bool storm_counts(const Ended& e, const RuleContext&) {
  return in(kFailed, e.ending) &&
         !in(uint16_t(bit_of(Stage::kExchange) | bit_of(Stage::kIdle) | bit_of(Stage::kClosing)), e.stage) &&
         e.cause != Cause::kHealthCheck && e.severity != Severity::kBenign && e.client.ip != model::Ip{};
}
Scope storm_scope(const Ended& e) {
  Scope scope = of_service(e);
  scope.client = host(e.client.ip);
  scope.endings = kFailed;
  return scope;
}

// Thresholds are our choice unless said otherwise: low enough to tell within a minute, high enough that a person would
// call it by this name.
constexpr std::array<Rule, kRuleCount> kRules = {{
    {IncidentKind::kScan, By::kClient, Cause::kPortScan, scan_counts, scan_scope, kMinute, 2 * kMinute, 20, 20,
     Places::kServices, 0, 2.0, "one client fails at many different ports or hosts: it does not know who listens"},
    {IncidentKind::kBackscatter, By::kServerHost, Cause::kBackscatter, backscatter_counts, backscatter_scope, kMinute,
     5 * kMinute, 20, 10, Places::kClients, 0, 2.2,
     "answers come to addresses that asked nothing: somebody floods that host in their names"},
    {IncidentKind::kFlood, By::kService, Cause::kSynFlood, flood_counts, flood_scope, 10 * kSecond, kMinute, 500, 50,
     Places::kClients, kOneInAMillion, 2.2, "many half-open connections from many clients that never come back"},
    {IncidentKind::kFailover, By::kEverything, Cause::kStateLossFailover, failover_counts, failover_scope, 2 * kSecond,
     30 * kSecond, 10, 5, Places::kServerHosts, kOneInAMillion, 1.7,
     "connections of many servers broke in the same instant: what stands between lost its state"},
    {IncidentKind::kPathChange, By::kServerNetwork, Cause::kUnknown, path_counts, path_scope, kMinute, kMinute, 3, 3,
     Places::kServerHosts, 0, 1.4, "several hosts of one network are suddenly another number of hops away"},
    {IncidentKind::kRateLimit, By::kService, Cause::kRateLimit, limit_counts, limit_scope, kMinute, 2 * kMinute, 10, 1,
     Places::kClients, 0, 2.2, "the server says that these clients ask too often"},
    {IncidentKind::kOverload, By::kService, Cause::kOverload, overload_counts, overload_scope, kMinute, 2 * kMinute, 10,
     3, Places::kClients, 0, 2.0, "the service turns clients away for want of room"},
    {IncidentKind::kPolicyChange, By::kService, Cause::kUnknown, policy_counts, policy_scope, kMinute, 5 * kMinute, 10,
     1, Places::kClients, 0, 1.4, "it worked before, and now a rule rejects it"},
    {IncidentKind::kRestart, By::kServerHost, Cause::kHostRestartStale, host_counts, host_scope, kMinute, 2 * kMinute,
     3, 3, Places::kConnections, 0, 1.7, "connections of one host answer as if they had never been: it started anew"},
    {IncidentKind::kRestart, By::kService, Cause::kProcessCrash, crash_counts, crash_scope, kCrashWindow, kMinute, 4, 4,
     Places::kConnections, kOneInAMillion, 1.4, "all connections of one service broke together"},
    {IncidentKind::kRestart, By::kService, Cause::kProcessCrash, down_counts, crash_scope, kMinute, kMinute, 5, 3,
     Places::kClients, 0, 1.1, "a port that served an hour ago is closed to everybody"},
    {IncidentKind::kRetryStorm, By::kClientAndService, Cause::kUnknown, storm_counts, storm_scope, kMinute, 2 * kMinute,
     100, 1, Places::kClients, 0, 2.0, "one client tries again and again without a pause"},
}};

}  // namespace

std::span<const Rule> incident_rules() { return kRules; }

bool asks_for_history(const Ended& e) { return in(kPolicy | bit_of(Cause::kPortClosed), e.cause); }

RuleKey key_of(IncidentKind kind, By by, const model::Endpoint& client, const model::Endpoint& server) {
  RuleKey key{kind, by, {}, {}, 0};
  switch (by) {
    case By::kClient:
      key.one = client.ip;
      break;
    case By::kClientAndService:
      key.two = client.ip;
      [[fallthrough]];
    case By::kService:
      key.one = server.ip;
      key.port = server.port;
      break;
    case By::kServerHost:
      key.one = server.ip;
      break;
    case By::kServerNetwork:
      key.one = network(server.ip).ip;
      break;
    case By::kEverything:
      break;
  }
  return key;
}

RuleKey key_of(const Rule& rule, const Ended& e) { return key_of(rule.kind, rule.by, e.client, e.server); }

}  // namespace rs::correlate
