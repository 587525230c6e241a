// SPDX-License-Identifier: Apache-2.0
//
// Everything one worker owns: its flow table, tracker, output and counters, and the burst in its hands. Made on the
// control thread, then used by the worker thread alone; counters may be read from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "dataplane/attribute/verdicts.h"
#include "dataplane/capture/frame.h"
#include "dataplane/context/scanner.h"
#include "dataplane/event/output.h"
#include "dataplane/flow/table.h"
#include "dataplane/packet/parse.h"
#include "dataplane/track/tracker.h"
#include "dataplane/worker/blind.h"
#include "dataplane/worker/handover.h"
#include "dataplane/worker/live.h"
#include "dataplane/worker/stream_clock.h"

namespace rs::worker {

// How flows find the one worker that keeps them.
enum class Sharing : uint8_t {
  kPorts = 0,   // the ports' queues share them out: whatever a worker receives is its own
  kWholeInput,  // each worker reads everything and keeps the flows its hash gives it (captures)
  kHandOver,    // whoever receives a frame hands it to the worker its hash names
  kTunnels,     // as kPorts, but what a tunnel hides from the ports' hash is handed over
};

struct Setup {
  uint16_t index = 0;
  uint16_t workers = 1;
  Sharing sharing = Sharing::kPorts;
  bool captures = false;       // the input is capture files, not live ports
  uint64_t input = 0;          // see event.fbs Batch.input
  uint32_t flow_capacity = 0;  // of this worker
  flow::Seed seed;             // the same for all workers
  track::Settings track;
  event::OutputConfig output;
};

// w: worker, r: any
struct alignas(64) Counters {
  std::array<event::Count, packet::kOutcomeCount> outcomes;
  event::Count received;
  event::Count connections;
  event::Count endings;
  event::Count duplicates;
  event::Count evicted_closed;
  event::Count evicted_unestablished;
  event::Count expired_idle;
  event::Count settled_early;
  event::Count clock_backwards;
  event::Count retransmissions;
  event::Count reordered;
  event::Count window_probes;
  event::Count late_rsts;
  event::Count handed_over;       // frames given to other workers
  event::Count handover_dropped;  // lost for want of room in a lane
  std::atomic<uint64_t> flows{0};
  std::atomic<uint64_t> now{0};  // packet time
};

// Endings that can be gathered at once, for a table of so many flows.
uint32_t ending_room(uint32_t flow_capacity);
// One flow in 64 ended within the settle time is a storm; beyond that the oldest is judged early.
inline constexpr uint32_t kFlowsPerEnding = 64;
// The budget of a flow, evidence of endings under way included.
static_assert(flow::Table::bytes_per_flow() + sizeof(track::Ending) / kFlowsPerEnding <= 384);

struct Worker {
  // `memory`: zeroed, 64-byte aligned, Table::bytes_needed(setup.flow_capacity) bytes; outlives the worker.
  Worker(const Setup& setup, std::span<std::byte> memory, event::Ring& ring);

  Setup setup;
  flow::Table table;
  track::Tracker tracker;
  event::Output output;
  Counters counters;
  track::Counts published;       // what the counters already hold
  Handover* handover = nullptr;  // this worker's lanes; null: nothing is handed over
  LiveReader live;               // settings that change while it runs
  const BlindLog* blind = nullptr;
  // Taken anew for each ending and kept no longer than it; nullptr: messages are not read. w: control, r: worker
  std::atomic<const context::Scanner*> scanner{nullptr};
  StreamClock clock;             // captures
  attribute::Verdicts verdicts;  // reached before

  // The burst in hand, stage by stage.
  packet::ViewBurst parsed;
  std::array<flow::FlowKey, capture::kBurst> keys;
  std::array<flow::End, capture::kBurst> from;
  std::array<uint64_t, capture::kBurst> hashes;
  std::array<uint32_t, capture::kBurst> candidates;
  std::array<uint16_t, capture::kBurst> owners;  // of packets that other workers keep
  event::Event event;                            // being made
};

}  // namespace rs::worker
