// SPDX-License-Identifier: Apache-2.0
//
// All that a worker tells the export core, behind one door: endings go through the condenser and the denominators,
// denominators through their table, and both onto the worker's ring. Worker thread; no allocation after construction,
// no system call except when file input waits for room.
#pragma once

#include <cstdint>

#include "dataplane/event/condense.h"
#include "dataplane/event/event.h"
#include "dataplane/event/ring.h"
#include "dataplane/event/services.h"
#include "dataplane/event/sink.h"

namespace rs::event {

struct OutputConfig {
  uint16_t worker = 0;
  WhenFull when_full = WhenFull::kDrop;
  CondenserConfig condenser;
  ServicesConfig services;
};

class Output {
 public:
  // `ring` must outlive the Output; the exporter owns its other end.
  Output(const OutputConfig& config, Ring& ring)
      : sink_(ring, config.when_full, config.worker),
        condenser_(config.condenser, sink_),
        services_(config.services, sink_) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // worker thread
  // Call advance() once a burst, before the burst's endings, with its packet time; also while the port is quiet.
  void advance(TimeNs now) {
    now_ = now;
    services_.advance(now);
    condenser_.advance(now);
  }
  void ending(const Event& event) {
    services_.ending(event);
    condenser_.add(event, now_);
  }
  // Settings changed while running.
  void set_folding(bool fold, DurationNs linger_ns) { condenser_.set_folding(fold, linger_ns); }
  void tally(const Endpoint& server, uint32_t network_tag, Tally what) { services_.tally(server, network_tag, what); }
  void bytes(const Endpoint& server, uint32_t network_tag, uint64_t client_bytes, uint64_t server_bytes) {
    services_.bytes(server, network_tag, client_bytes, server_bytes);
  }
  // End of input: puts out all that is held and the end mark. Waits for the export core, which must be running.
  // False when it has left before everything was put; what was not is counted.
  bool finish(TimeNs now) {
    advance(now);
    bool complete = condenser_.flush(now);
    complete = services_.flush(now) && complete;
    Item* item = sink_.reserve_waiting();
    if (item == nullptr) return false;
    sink_.commit_end(*item, now);
    return complete;
  }

  // any thread
  [[nodiscard]] const SinkCounters& sink_counters() const { return sink_.counters(); }
  [[nodiscard]] const CondenserCounters& condenser_counters() const { return condenser_.counters(); }
  [[nodiscard]] const ServicesCounters& services_counters() const { return services_.counters(); }

 private:
  TimeNs now_ = 0;
  Sink sink_;
  Condenser condenser_;
  Services services_;
};

}  // namespace rs::event
