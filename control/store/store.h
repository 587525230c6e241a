// SPDX-License-Identifier: Apache-2.0
//
// What ingest writes and query reads: one interface, any back end. Writing is queued and answered by a callback
// once it is durable; reading is blocking and safe from any number of threads. A batch counts once however often
// it is written, and an ending counts once however many batches carry it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "control/model/batch.h"
#include "control/model/filter.h"
#include "control/model/sighting.h"
#include "proto/result.h"

namespace rs::store {

// --- writing ---

enum class Outcome : uint8_t {
  kStored,     // durable
  kDuplicate,  // (sensor, boot, sequence) was here before: nothing changed
  kRefused,    // cannot be stored, now or later
  kAborted,    // the store is closing: not stored, send it again
};

struct Written {
  Outcome outcome = Outcome::kAborted;
  uint64_t new_events = 0;   // the others were known from an earlier read of the same input
  uint64_t gap_batches = 0;  // missing between this batch and the one before it
  std::string text;          // kRefused, kAborted: why
};
using Done = std::function<void(const Written&)>;

// Hears of every commit once it is durable, in order, on a thread of the store: must not block.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  [[nodiscard]] virtual bool wants_events() const = 0;
  // The events that are new, in cursor order (empty when not wanted), and the newest cursor there is.
  virtual void committed(std::vector<model::Event> fresh, uint64_t newest_cursor) = 0;
};

// --- reading ---

inline constexpr uint64_t kForever = std::numeric_limits<int64_t>::max();

struct TimeRange {
  uint64_t since_ns = 0;         // inclusive
  uint64_t until_ns = kForever;  // exclusive
};

// When a read has to give up (Code::kUnavailable); checked every few thousand steps of the database.
struct Patience {
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::function<bool()> cancelled;  // may be empty
};

// A place in the order of lists: by time, then by arrival.
struct Position {
  uint64_t time_ns = 0;
  uint64_t cursor = 0;
};

struct ListQuery {
  model::Filter filter;
  TimeRange range;
  bool newest_first = false;
  std::optional<Position> after;  // continue beyond it, in the direction of reading
  size_t limit = 100;
  bool brief = false;  // without evidence, timeline and exemplars
};

// Return false to stop. The event is reused: copy what is to be kept.
using EachEvent = std::function<bool(const model::Event&)>;

enum class Dimension : uint8_t {
  kTime,
  kService,
  kServerIp,
  kServerNetwork,
  kClientIp,
  kClientNetwork,
  kCause,
  kFamily,
  kOrigin,
  kStage,
  kSensor,
  kIdleTime,
  kSeverity,
  kPort,
  kEnding,
};
enum class Metric : uint8_t { kEndings, kResets, kRefused, kTimedOut, kLostBytes };

inline constexpr uint8_t kClientNetworkBitsV4 = 24;  // our choice: one access network
inline constexpr uint8_t kClientNetworkBitsV6 = 64;  // RFC 4291 2.5.4: one subnet

model::Ip network_of(const model::Ip& ip);  // its first address

struct AggregateQuery {
  model::Filter filter;
  TimeRange range;
  std::vector<Dimension> by;  // none, one or two
  Metric metric = Metric::kEndings;
  uint64_t step_ns = 0;         // width of kTime's buckets, which start at multiples of it
  size_t max_groups = 500'000;  // more is an error (Code::kResource): bounded memory
  bool rollups = true;          // false: count the events themselves
  bool with_top = true;         // false: Group::top_cause and top_origin are not asked for
};

// kService: ip and number (port). kServerIp, kClientIp and networks: ip. kSensor: text. kTime: number, the bucket's
// start in ns. kIdleTime: number, the bucket's lower bound in ns. Else: number, the enumerator's or the port.
struct Key {
  model::Ip ip{};
  uint64_t number = 0;
  std::string text;
  auto operator<=>(const Key&) const = default;
};

struct Group {
  std::array<Key, 2> keys;
  double value = 0;
  Cause top_cause = Cause::kUnknown;
  Origin top_origin = Origin::kUnknown;
  uint64_t last_ns = 0;  // newest ending
};

struct ServiceQuery {
  model::Filter filter;  // only server_ip, server_port, tag and sensor
  TimeRange range;
  uint64_t step_ns = 0;    // 0: one sum for the range; else one a bucket, which start at multiples of it
  bool by_sensor = false;  // each sensor's own count; else the sum
};
struct ServiceTotals {
  model::Endpoint server;
  uint64_t at_ns = 0;  // the bucket's start; 0 without step
  std::string sensor;  // empty unless by_sensor
  uint64_t attempted = 0;
  uint64_t established = 0;
  uint64_t closed_cleanly = 0;
  uint64_t refused = 0;
  uint64_t reset = 0;
  uint64_t timed_out = 0;
  uint64_t lost_bytes = 0;
};

struct Sensor {
  std::string name;
  uint64_t boot = 0;
  uint64_t last_seen_ns = 0;  // our clock
  bool ended = false;         // said that its input is at an end
  uint64_t events = 0;
  uint64_t missing_batches = 0;
  model::Health health;  // the newest
};

// What one sensor saw and missed in a range.
struct Coverage {
  std::string sensor;
  bool reported = false;  // at least one health report in the range
  bool ended = false;
  uint64_t last_seen_ns = 0;
  uint64_t rx_pkts = 0;
  uint64_t missed_pkts = 0;
  uint64_t lost_events = 0;
  uint64_t missing_batches = 0;  // since the beginning
};

// What one sensor watched in one step of a range, by packet time.
struct WatchedStep {
  bool watching = false;  // some of its input lies in the step
  uint64_t missed_pkts = 0;
  uint64_t lost_events = 0;
};
struct Watched {
  std::string sensor;
  bool ended = false;
  uint64_t first_ns = 0;  // of all it ever watched
  uint64_t last_ns = 0;
  std::vector<WatchedStep> steps;
};

struct Overlap {
  model::Endpoint server;
  std::string one;
  std::string other;
  uint64_t sightings = 0;
};

struct Info {
  std::string description;  // "sqlite /var/lib/resetscope/events.db"
  uint64_t events = 0;
  uint64_t endings = 0;
  std::optional<uint64_t> oldest_ns;
  std::optional<uint64_t> newest_ns;
  uint64_t bytes = 0;  // of disk or memory in use
};

// Sees each batch as it was stored, before the listener gets its events; on the same thread: must not block.
class BatchObserver {
 public:
  virtual ~BatchObserver() = default;
  // `fresh`: indices of events that are new and no sightings of others; `sightings` of this batch.
  virtual void stored(const model::Batch& batch, const std::vector<uint32_t>& fresh,
                      const std::vector<model::Sighting>& sightings) = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // Any thread; `done` is called on a thread of the store and must not block. Batches of one caller are stored in the
  // order of the calls. A store that cannot write (disk full) keeps the batch, says so in the log and in
  // trouble(), and tries again until it can.
  virtual void write(model::Batch batch, Done done) = 0;
  // Before the first write; nullptr stops it. The listener outlives the store or is taken off first.
  virtual void listen(CommitListener* listener) = 0;
  // Likewise; before the first write.
  virtual void observe(BatchObserver* observer) = 0;
  // Tells sightings from events. Before the first write; it is asked first about the newest stored events.
  virtual void judge_by(model::SightingJudge* judge) = 0;
  // Keeps findings, replacing those of the same kind and key, and with them how far they go. As write().
  virtual void save(model::Findings findings, Done done) = 0;
  // Empty, or why nothing can be written just now.
  [[nodiscard]] virtual std::string trouble() const = 0;

  virtual Result<void> list(const ListQuery& query, const Patience& patience, const EachEvent& each) = 0;
  // In order of arrival, after the cursor.
  virtual Result<void> list_after(uint64_t cursor, const model::Filter& filter, size_t limit, const Patience& patience,
                                  const EachEvent& each) = 0;
  // Endings that match and whose cursor is beyond `after`, up to and including `until`.
  virtual Result<uint64_t> count_between(uint64_t after, uint64_t until, const model::Filter& filter,
                                         const Patience& patience) = 0;
  virtual Result<std::optional<model::Event>> get(uint64_t event_id) = 0;
  [[nodiscard]] virtual uint64_t newest_cursor() const = 0;
  virtual Result<std::vector<model::Sighting>> sightings(uint64_t event_id) = 0;

  // All findings of a kind, oldest first.
  virtual Result<void> findings(uint8_t kind, const std::function<void(const model::Finding&)>& each) = 0;
  virtual Result<std::optional<model::Finding>> finding(uint8_t kind, const std::string& key) = 0;
  // How far the findings go: the cursor of the last save.
  virtual Result<uint64_t> findings_cursor() = 0;
  // Services of which two sensors saw the same endings, and how many: their connections are the same ones, too.
  virtual Result<std::vector<Overlap>> overlaps() = 0;

  virtual Result<std::vector<Group>> aggregate(const AggregateQuery& query, const Patience& patience) = 0;
  virtual Result<std::vector<ServiceTotals>> services(const ServiceQuery& query, const Patience& patience) = 0;
  virtual Result<std::vector<Sensor>> sensors() = 0;
  virtual Result<std::vector<Coverage>> coverage(const TimeRange& range) = 0;
  // One row a sensor, one step a bucket; buckets start at multiples of step_ns, the first holds range.since_ns. With
  // step_ns 0 the range is one step. The range must be closed.
  virtual Result<std::vector<Watched>> watched(const TimeRange& range, uint64_t step_ns, const Patience& patience) = 0;
  virtual Result<Info> info() = 0;
};

}  // namespace rs::store
