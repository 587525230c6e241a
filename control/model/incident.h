// SPDX-License-Identifier: Apache-2.0
//
// A pattern behind many endings: what it is, when, whom it concerns, and how it was told. Found by correlate/incident.
// Which endings belong to it is a rule (time and Scope), not a mark on each of them: a late one belongs as well, and
// nothing that was stored is rewritten.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/model/ended.h"
#include "control/model/filter.h"
#include "control/model/ip.h"

namespace rs::model {

// The numbers are those of query.proto and go into the store.
enum class IncidentKind : uint8_t {
  kUnspecified = 0,
  kRestart,
  kFailover,
  kPolicyChange,
  kOverload,
  kRateLimit,
  kFlood,
  kScan,
  kRetryStorm,
  kPathChange,
  kBackscatter,
};
inline constexpr size_t kIncidentKinds = 11;
// "restart", "policy_change" ...
std::string_view name(IncidentKind kind);

// Every part that is set has to hold.
struct Scope {
  std::optional<Prefix> client;
  std::optional<Prefix> server;
  std::optional<uint16_t> port;
  uint64_t causes = ~uint64_t{0};  // bit by cause
  uint16_t stages = 0xffff;        // bit by stage
  uint8_t endings = 0xff;          // bit by ending
  bool operator==(const Scope&) const = default;

  [[nodiscard]] bool matches(const Endpoint& client_end, const Endpoint& server_end, Cause cause, Stage stage,
                             Ending ending) const;
  [[nodiscard]] bool matches(const Ended& e) const { return matches(e.client, e.server, e.cause, e.stage, e.ending); }
  [[nodiscard]] bool matches(const Event& e) const { return matches(e.client, e.server, e.cause, e.stage, e.ending); }
  // The same in the filter language, so that people can list the endings.
  [[nodiscard]] std::string filter_text() const;
};
constexpr uint64_t bit_of(Cause cause) { return uint64_t{1} << static_cast<unsigned>(cause); }
constexpr uint16_t bit_of(Stage stage) { return static_cast<uint16_t>(1u << static_cast<unsigned>(stage)); }
constexpr uint8_t bit_of(Ending ending) { return static_cast<uint8_t>(1u << static_cast<unsigned>(ending)); }
static_assert(kCauseCount <= 64 && kStageCount <= 16 && kEndingCount <= 8);

// Counts distinct values within 3 % (standard error 1.04 / sqrt(1024)), nearly exactly up to some hundreds: Flajolet
// et al., HyperLogLog, 2007, with linear counting for few.
class Distinct {
 public:
  void add(uint64_t hash);
  [[nodiscard]] uint64_t count() const;
  void merge(const Distinct& other);
  void clear() { registers_.fill(0); }
  [[nodiscard]] const std::array<uint8_t, 1024>& registers() const { return registers_; }
  std::array<uint8_t, 1024>& registers() { return registers_; }

 private:
  std::array<uint8_t, 1024> registers_{};
};
uint64_t hash_of(const Ip& ip);
uint64_t hash_of(const Endpoint& endpoint);

// One reason, with its number.
struct IncidentFact {
  std::string name;
  int64_t value = 0;
  double weight = 0;  // natural log-odds
  std::string text;
};

struct Incident {
  uint64_t id = 0;
  IncidentKind kind = IncidentKind::kUnspecified;
  bool open = true;
  uint64_t start_ns = 0;    // first ending
  uint64_t end_ns = 0;      // last ending so far
  uint64_t updated_ns = 0;  // our clock
  uint64_t revision = 0;
  Scope scope;
  Cause cause = Cause::kUnknown;
  double confidence = 0;
  uint64_t endings = 0;
  uint64_t attempted = 0;  // connections of the scope meanwhile; 0: nobody counted
  Distinct clients;
  Distinct servers;  // endpoints
  std::array<uint64_t, kCauseCount> by_cause{};
  std::vector<std::string> sensors;
  std::vector<IncidentFact> evidence;
  uint64_t counted_cursor = 0;  // newest ending counted

  // An ending has one of each: the estimate cannot be more.
  [[nodiscard]] uint64_t client_count() const { return std::min<uint64_t>(clients.count(), endings); }
  [[nodiscard]] uint64_t server_count() const { return std::min<uint64_t>(servers.count(), endings); }
};

}  // namespace rs::model
