// SPDX-License-Identifier: Apache-2.0
//
// Finds the patterns behind many endings (model/incident.h): each rule of incident_rules.cc watches one kind of ending
// by one key (a client, a service ...) through a sliding window; when the window holds more than the rule's least, more
// than chance makes of what is usual, and from enough places, an incident opens and takes in all that belongs, late
// endings too. It closes when the packet time of the sensors that saw it has moved on. An ending counts in one incident
// at most, and once, in whatever order and however often it comes.
//
// Memory is bounded: kMaxKeys windows a rule, kMaxIncidents incidents; what finds no room is counted. Not safe for
// several threads.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/node_hash_map.h>

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "control/correlate/incident_rules.h"
#include "control/correlate/window.h"
#include "control/model/ended.h"
#include "control/model/incident.h"

namespace rs::correlate {

class IncidentTracker {
 public:
  static constexpr size_t kMaxKeys = 4096;        // windows a rule: about 1 KiB each
  static constexpr size_t kMaxIncidents = 4096;   // the oldest closed ones go first: about 3 KiB each
  static constexpr size_t kMaxServices = 32'768;  // whose connections are known to have succeeded
  static constexpr size_t kMaxHosts = 32'768;     // whose hop distance is known

  // `now_ns`: our clock, for Incident::updated_ns. `sensor` is the name behind ended.sensor.
  // `warm`: it was counted before this program started and only fills the windows.
  void add(const model::Ended& ended, const std::string& sensor, uint64_t now_ns, bool warm = false);
  void add(const model::Served& served);
  // Packet time of a sensor has come so far; `over`: its input is at an end.
  void advance(model::SensorNumber sensor, uint64_t packet_ns, bool over, uint64_t now_ns);
  // Closes what nobody has added to for long although no packet time says so: its sensors are away.
  void expire(uint64_t now_ns);

  // By start, oldest first.
  [[nodiscard]] const std::map<uint64_t, model::Incident>& incidents() const { return incidents_; }
  [[nodiscard]] const model::Incident* find(uint64_t id) const;
  // The incident that explains this ending: of several the most certain one.
  [[nodiscard]] const model::Incident* explain(const model::Event& event) const;
  [[nodiscard]] uint64_t revision() const { return revision_; }

  // Ids of those changed since the last call.
  std::vector<uint64_t> changed();
  // Ids of those that had to go to make room since the last call.
  std::vector<uint64_t> dropped();
  // An incident as it was stored.
  void restore(model::Incident incident);

  struct Counters {
    uint64_t no_room = 0;   // endings whose key found no window
    uint64_t too_late = 0;  // endings older than their key's window, in no incident
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct KeyHash {
    size_t operator()(const RuleKey& key) const;
  };
  struct ServedState {
    uint64_t established_ns = 0;  // newest interval in which connections were established
    uint64_t from_ns = 0;         // newest interval
    uint64_t to_ns = 0;
    uint64_t attempted = 0;  // in it
  };
  // What the incidents of a rule's kind and key form take in, by their scopes: a cheap look before the one by key.
  struct Joinable {
    uint64_t causes = 0;
    uint16_t stages = 0;
    uint8_t endings = 0;
    [[nodiscard]] bool may(const model::Ended& e) const {
      return (causes & model::bit_of(e.cause)) != 0 && (stages & model::bit_of(e.stage)) != 0 &&
             (endings & model::bit_of(e.ending)) != 0;
    }
  };
  struct Progress {
    uint64_t packet_ns = 0;
    bool over = false;
  };

  [[nodiscard]] bool hops_changed(const model::Ended& ended);
  void add_history(const model::Ended& ended, RuleContext& context) const;
  void note_scope(const model::Incident& incident);
  bool join(const Rule& rule, const RuleKey& key, const model::Ended& ended, const std::string& sensor,
            uint64_t now_ns);
  void count(model::Incident& incident, const model::Ended& ended, const std::string& sensor, uint64_t now_ns);
  Window* window_for(size_t rule, const RuleKey& key, uint64_t time_ns);
  void open(const Rule& rule, const RuleKey& key, const Window& window, const Window::Peak& peak,
            const RuleContext& context, const model::Ended& ended, const std::string& sensor, uint64_t now_ns);
  void touch(model::Incident& incident, uint64_t now_ns);
  void absorb(const model::Incident& whole, uint64_t window_ns, uint64_t now_ns);
  void make_room();

  std::vector<absl::node_hash_map<RuleKey, Window, KeyHash>> windows_{kRuleCount};  // by rule
  std::vector<uint64_t> swept_ns_ = std::vector<uint64_t>(kRuleCount);              // when stale ones last went
  std::map<uint64_t, model::Incident> incidents_;                                   // by id: time, then number
  absl::flat_hash_map<RuleKey, std::vector<model::Incident*>, KeyHash> by_key_;     // oldest first
  std::array<Joinable, kRuleCount> joinable_{};                                     // by rule
  std::unordered_map<uint64_t, std::vector<model::SensorNumber>> seen_by_;          // open incidents only
  std::map<model::Endpoint, ServedState> served_;
  absl::flat_hash_map<RuleKey, uint8_t, KeyHash> hops_;  // TTL of a host's resets as a sensor sees it
  std::map<model::SensorNumber, Progress> progress_;
  std::array<size_t, model::kIncidentKinds> of_kind_{};  // how many there are
  std::vector<uint64_t> changed_, dropped_;
  uint64_t revision_ = 0;
  Counters counters_;
};

}  // namespace rs::correlate
