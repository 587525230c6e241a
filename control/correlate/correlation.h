// SPDX-License-Identifier: Apache-2.0
//
// All correlators behind one lock: fed by one thread with what was stored, read by query threads. What it says of an
// event is made when asked, from time, scope and topology; the event itself stays as the sensor gave it.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "control/correlate/chain.h"
#include "control/correlate/idle.h"
#include "control/correlate/incident.h"
#include "control/correlate/incident_text.h"
#include "control/correlate/locate.h"
#include "control/model/names.h"
#include "control/model/sighting.h"

namespace rs::correlate {

// Kinds of model::Finding; the numbers are in the store.
inline constexpr uint8_t kIncidentFinding = 1;  // key: id, 8 bytes
inline constexpr uint8_t kIdleFinding = 2;      // key: path
inline constexpr uint8_t kRelayFinding = 3;     // key: event id, 8 bytes

std::string key_of_id(uint64_t id);

// Something a sensor sent, in the order of storing.
struct Intake {
  struct Seen {  // a sighting of an event
    model::Endpoint client;
    model::Endpoint server;
    model::SensorNumber sensor = 0;
    uint64_t rtt_client_ns = 0;
    uint64_t rtt_server_ns = 0;
  };
  struct Progress {
    model::SensorNumber sensor = 0;
    uint64_t packet_ns = 0;
    bool over = false;
  };
  std::vector<model::Ended> ended;
  std::vector<Seen> sightings;
  std::vector<model::Served> served;
  std::vector<Progress> progress;
  uint64_t cursor = 0;  // newest event in it

  [[nodiscard]] size_t size() const { return ended.size() + sightings.size() + served.size() + progress.size(); }
};

// What correlation adds to one event.
struct Annotation {
  uint64_t incident_id = 0;
  model::IncidentKind incident_kind = model::IncidentKind::kUnspecified;
  uint64_t root_id = 0;
  std::optional<Located> located;
  Cause cause = Cause::kUnknown;     // revised; unknown: the sensor's stands
  Origin origin = Origin::kUnknown;  // likewise
  std::string reason;
};

class Correlation {
 public:
  // correlating thread
  // `sensors` by number. Endings up to `counted` were counted before this program started.
  void take(const Intake& intake, const std::vector<std::string>& sensors, uint64_t now_ns, uint64_t counted = 0);
  void set_names(std::shared_ptr<const model::Names> names);
  void expire(uint64_t now_ns);
  // Everything that changed since the last call, to be kept.
  model::Findings changed();
  void restore(const model::Finding& finding);
  void start_at(uint64_t cursor);

  // any thread
  [[nodiscard]] uint64_t cursor() const;
  // Whether any event has ever had a sighting, or been passed on by a proxy.
  [[nodiscard]] bool has_sightings() const { return has_sightings_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool has_relays() const { return has_relays_.load(std::memory_order_relaxed); }
  void remember_sightings() { has_sightings_ = true; }
  void remember_relays() { has_relays_ = true; }
  // `stored_root`: of this event as the store has it, when the newest relations do not hold it any more. `summaries`:
  // of one answer, with these names.
  [[nodiscard]] Annotation annotate(const model::Event& event, const std::vector<model::Sighting>& sightings,
                                    const model::Names& names, uint64_t stored_root, Summaries& summaries) const;
  // Those whose time meets [since, until), oldest first; changed after `revision`.
  [[nodiscard]] std::vector<model::Incident> incidents(uint64_t since_ns, uint64_t until_ns, uint64_t revision) const;
  [[nodiscard]] std::optional<model::Incident> incident(uint64_t id) const;
  [[nodiscard]] uint64_t revision() const;
  [[nodiscard]] std::vector<LearnedTimeout> timeouts() const;
  [[nodiscard]] std::vector<LearnedTimeout> timeouts(const model::Endpoint& server) const;

  // Endings and keys that found no room, by what.
  struct Overflow {
    uint64_t incident_keys = 0;
    uint64_t too_late = 0;
    uint64_t idle_paths = 0;
  };
  [[nodiscard]] Overflow overflow() const;

 private:
  mutable std::mutex mutex_;
  IncidentTracker incidents_;
  IdleLearner idle_;
  ChainFinder chains_;
  PathMap paths_;
  std::vector<Relay> relays_;  // not saved yet
  uint64_t cursor_ = 0;
  std::atomic<bool> has_sightings_ = false;
  std::atomic<bool> has_relays_ = false;
};

}  // namespace rs::correlate
