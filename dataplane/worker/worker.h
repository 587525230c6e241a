// SPDX-License-Identifier: Apache-2.0
//
// Everything one worker owns: its flow table, tracker, output and counters, and the burst in its hands. Made on the
// control thread, then used by the worker thread alone; counters may be read from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "dataplane/capture/frame.h"
#include "dataplane/context/scanner.h"
#include "dataplane/event/output.h"
#include "dataplane/flow/table.h"
#include "dataplane/packet/parse.h"
#include "dataplane/track/tracker.h"

namespace rs::worker {

struct Setup {
  uint16_t index = 0;
  uint16_t workers = 1;
  // True where every worker sees the whole input (capture files): each keeps the flows its hash gives it. False
  // where the port's queues share the flows out.
  bool share_by_hash = false;
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
  event::Count late_rsts;
  std::atomic<uint64_t> flows{0};
  std::atomic<uint64_t> now{0};  // packet time
};

// Endings that can be gathered at once, for a table of so many flows.
uint32_t ending_room(uint32_t flow_capacity);
// One flow in 40 ended within the settle time is a storm; beyond that the oldest is judged early.
inline constexpr uint32_t kFlowsPerEnding = 40;
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
  std::atomic<bool> lossy{false};  // the port is dropping packets. w: control, r: worker
  track::Counts published;         // what the counters already hold
  // Taken anew for each ending and kept no longer than it; nullptr: messages are not read. w: control, r: worker
  std::atomic<const context::Scanner*> scanner{nullptr};

  // The burst in hand, stage by stage.
  packet::ViewBurst parsed;
  std::array<flow::FlowKey, capture::kBurst> keys;
  std::array<flow::End, capture::kBurst> from;
  std::array<uint64_t, capture::kBurst> hashes;
  event::Event event;  // being made
};

}  // namespace rs::worker
