// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sensor_report.h"

#include <algorithm>

namespace rs {
namespace {

using packet::Outcome;
using worker::Worker;

// Ports and files named in a health report. Live ports are at most 32.
constexpr size_t kPortsTold = 32;

template <class Get>
uint64_t sum(const Parts& parts, Get&& get) {
  uint64_t all = 0;
  for (const auto& w : parts.workers) all += get(*w);
  return all;
}

// What other workers keep is counted there. Where each worker reads the whole input, what nobody tracks is seen by all
// and counted at the first.
uint64_t outcome_count(const Parts& parts, Outcome outcome) {
  const auto o = static_cast<size_t>(outcome);
  const bool per_flow = outcome <= Outcome::kTableFull;
  if (!per_flow && parts.files.size() > 1) return parts.workers.front()->counters.outcomes[o].get();
  return sum(parts, [o](const Worker& w) { return w.counters.outcomes[o].get(); });
}

}  // namespace

capture::SourceCounts received(const Parts& parts) {
  if (!parts.files.empty()) return parts.files.front()->counts();
  capture::SourceCounts all;
  for (const auto& nic : parts.nics) {
    const capture::SourceCounts c = nic->counts();
    all.rx_pkts += c.rx_pkts;
    all.rx_bytes += c.rx_bytes;
    all.missed_pkts += c.missed_pkts;
    all.truncated_pkts += c.truncated_pkts;
    all.bad_records += c.bad_records;
  }
  return all;
}

Numbers counters(const Parts& parts) {
  Numbers out;
  for (size_t o = 0; o < packet::kOutcomeCount; ++o) {
    const auto outcome = static_cast<Outcome>(o);
    if (outcome == Outcome::kOtherWorker) continue;
    out.emplace_back(packet::kOutcomeNames[o], outcome_count(parts, outcome));
  }
  const auto add = [&](const char* name, auto&& get) { out.emplace_back(name, sum(parts, get)); };
  add("handover_dropped", [](const Worker& w) { return w.counters.handover_dropped.get(); });
  add("handed_over", [](const Worker& w) { return w.counters.handed_over.get(); });
  add("connections", [](const Worker& w) { return w.counters.connections.get(); });
  add("endings", [](const Worker& w) { return w.counters.endings.get(); });
  add("retransmissions", [](const Worker& w) { return w.counters.retransmissions.get(); });
  add("mirror_duplicates", [](const Worker& w) { return w.counters.duplicates.get(); });
  add("late_rsts", [](const Worker& w) { return w.counters.late_rsts.get(); });
  add("evicted_closed", [](const Worker& w) { return w.counters.evicted_closed.get(); });
  add("evicted_unestablished", [](const Worker& w) { return w.counters.evicted_unestablished.get(); });
  add("expired_idle", [](const Worker& w) { return w.counters.expired_idle.get(); });
  add("settled_early", [](const Worker& w) { return w.counters.settled_early.get(); });
  add("clock_backwards", [](const Worker& w) { return w.counters.clock_backwards.get(); });
  add("events_whole", [](const Worker& w) { return w.output.condenser_counters().whole.get(); });
  add("endings_folded", [](const Worker& w) { return w.output.condenser_counters().folded.get(); });
  add("ring_dropped_endings", [](const Worker& w) { return w.output.sink_counters().dropped_endings.get(); });
  const capture::SourceCounts source = received(parts);
  out.emplace_back("missed", source.missed_pkts);
  out.emplace_back("truncated", source.truncated_pkts);
  out.emplace_back("bad_records", source.bad_records);
  out.emplace_back("blind_seconds", parts.losses.blind_seconds());
  return out;
}

uint64_t accounted(const Parts& parts) {
  uint64_t all = sum(parts, [](const Worker& w) { return w.counters.handover_dropped.get(); });
  for (size_t o = 0; o < packet::kOutcomeCount; ++o) {
    const auto outcome = static_cast<Outcome>(o);
    if (outcome != Outcome::kOtherWorker) all += outcome_count(parts, outcome);
  }
  return all;
}

Numbers worker_numbers(const Worker& w) {
  const worker::Counters& c = w.counters;
  return {{"processed", c.received.get()},
          {"handed_over", c.handed_over.get()},
          {"handover_dropped", c.handover_dropped.get()},
          {"flows", c.flows.load(std::memory_order_relaxed)},
          {"flow_capacity", w.setup.flow_capacity},
          {"connections", c.connections.get()},
          {"endings", c.endings.get()},
          {"events", w.output.sink_counters().events.get()},
          {"ring_dropped_endings", w.output.sink_counters().dropped_endings.get()},
          {"packet_time_ns", c.now.load(std::memory_order_relaxed)}};
}

Numbers port_numbers(const capture::Port& port) {
  return {{"queues", port.queues},
          {"link_up", port.link_up.load(std::memory_order_relaxed) ? 1U : 0U},
          {"symmetric", port.spread.symmetric ? 1U : 0U},
          {"missed", port.missed_pkts.get()},
          {"errors", port.error_pkts.get()}};
}

event::LossSecond lost(const Parts& parts) {
  event::LossSecond all;
  all.missed_pkts = parts.ports == nullptr ? 0 : parts.ports->missed_pkts();
  all.handover_dropped_pkts = sum(parts, [](const Worker& w) { return w.counters.handover_dropped.get(); });
  all.table_full_pkts = outcome_count(parts, Outcome::kTableFull);
  all.evicted_flows = sum(parts, [](const Worker& w) { return w.counters.evicted_unestablished.get(); });
  all.ring_dropped_events = sum(parts, [](const Worker& w) { return w.output.sink_counters().dropped_endings.get(); });
  return all;
}

event::Health health(Parts& parts, const std::vector<std::string>& port_names) {
  event::Health h;
  h.version = RS_VERSION;
  h.workers = static_cast<uint16_t>(parts.workers.size());
  // Hundreds of rotated files are one input; a few names tell which.
  h.ports = port_names;
  if (h.ports.size() > kPortsTold) {
    const size_t more = h.ports.size() - kPortsTold;
    h.ports.resize(kPortsTold);
    h.ports.push_back("and " + std::to_string(more) + " more");
  }
  const capture::SourceCounts source = received(parts);
  // What was dropped between two workers nobody has looked at, no more than at what the port dropped.
  const uint64_t dropped = sum(parts, [](const Worker& w) { return w.counters.handover_dropped.get(); });
  h.rx_pkts = source.rx_pkts - std::min(source.rx_pkts, dropped);
  h.rx_bytes = source.rx_bytes;
  h.missed_pkts = source.missed_pkts + dropped;
  h.flow_capacity = uint64_t{parts.workers.front()->setup.flow_capacity} * parts.workers.size();
  for (const auto& w : parts.workers) {
    h.time_ns = std::max(h.time_ns, w->counters.now.load(std::memory_order_relaxed));
    h.flows += w->counters.flows.load(std::memory_order_relaxed);
    h.ring_dropped_events += w->output.sink_counters().dropped_endings.get();
  }
  h.counters = counters(parts);
  h.losses = parts.losses.take();
  h.blind_seconds = parts.losses.blind_seconds();
  return h;
}

}  // namespace rs
