// SPDX-License-Identifier: Apache-2.0
//
// One worker fed from a Ring: opens connections untimed, then times whole batches of what a bench makes up. The pieces
// of worker_bench and stage_bench.
#pragma once

#include <cstdint>
#include <memory>

#include "dataplane/worker/pipeline.h"
#include "perf/replay/ring.h"
#include "perf/replay/series.h"
#include "perf/traffic/flows.h"

namespace rs::perf {

// Says so and ends the program: a bench whose answers are wrong prints no figure.
void check(bool good, const char* what);
void check_equal(uint64_t got, uint64_t want, const char* what);
// The calling thread stays on this core.
void pin(unsigned cpu);

inline constexpr TimeNs kStart = 1'700'000'000 * kSecond;

// What came out of the worker's ring about the bench's own connections.
struct Seen {
  uint64_t events = 0;
  uint64_t endings = 0;        // events stand for so many
  uint64_t right = 0;          // of `endings`, those with an expected cause
  uint64_t wrong_tallies = 0;  // whole events that show other bytes, or more packets, than were sent
  uint64_t missing_pkts = 0;   // packets sent that whole events do not show
};

class Bench {
 public:
  // A table with room for a quarter more than `live` flows.
  Bench(uint32_t live, bool fold, uint32_t salt = 0);

  // Room for so many live flows: a quarter more.
  static uint32_t capacity_for(uint32_t live) { return live + live / 4; }

  // All flows' opening packets; their starts spread over `span` of packet time. 32 s is a round of the timer wheel, so
  // that its visits are spread as evenly.
  void open_all(DurationNs span = 32 * kSecond);
  // Frame `i` of the batch being made, at the next packet time.
  void put(uint32_t i, const Segment& segment);
  // Runs the batch's first `count` frames through the worker and drains its ring; returns the worker's time alone.
  Duration run(uint32_t count);
  // As run(), without draining: the timed part alone, for two workers side by side.
  Duration run_undrained(uint32_t count);
  void drain();
  // Moves packet time on with empty bursts until everything that settles has settled.
  void settle();

  void pause(DurationNs time) { now_ += time; }
  void set_gap_ns(DurationNs gap) { gap_ns_ = gap; }
  // From now on servers reset what they have not read: each for itself an abort, all of a server at once a crash.
  void expect_aborts() { expect_aborts_ = true; }
  Flows& flows() { return flows_; }
  Ring& frames() { return frames_; }
  worker::Worker& worker() { return *worker_; }
  [[nodiscard]] Seen& seen() { return seen_; }
  // Connections that the table had no place for when they opened.
  [[nodiscard]] uint64_t refused() const { return refused_; }
  [[nodiscard]] uint64_t sent() const { return sent_; }
  [[nodiscard]] const Pages& memory() const { return memory_; }

 private:
  void take(const event::Event& event);

  Flows flows_;
  Ring frames_;
  Pages memory_;
  event::Ring events_;
  std::unique_ptr<worker::Worker> worker_;
  std::unique_ptr<capture::Burst> burst_;
  TimeNs now_ = kStart;
  DurationNs gap_ns_ = 50;  // 20 million packets a second of packet time
  uint64_t sent_ = 0;
  uint64_t refused_ = 0;
  bool expect_aborts_ = false;
  Seen seen_;
};

}  // namespace rs::perf
