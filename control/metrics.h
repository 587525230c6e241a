// SPDX-License-Identifier: Apache-2.0
//
// What the control plane tells Prometheus. Labels are the vocabulary's words, sensor names and call names: no
// addresses, no ports, nothing that grows with traffic. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "control/access/gate.h"
#include "control/alerts/sender.h"
#include "control/config.h"
#include "control/correlate/correlation.h"
#include "control/ingest/service.h"
#include "control/model/presence.h"
#include "control/query/feed.h"
#include "control/query/service.h"
#include "control/store/store.h"
#include "proto/metrics.h"

namespace rs::control {

// Endings as they were stored, by what the sensors said of them.
class EndingCounts final : public store::BatchObserver {
 public:
  // writer thread
  void stored(const model::Batch& batch, const std::vector<uint32_t>& fresh,
              const std::vector<model::Sighting>& sightings) override;
  // any thread
  void fill(metrics::Page& page) const;

 private:
  std::array<std::atomic<uint64_t>, kCauseCount * kOriginCount> by_cause_{};
  std::array<std::atomic<uint64_t>, kStageCount * kEndingCount> by_stage_{};
  std::array<std::atomic<uint64_t>, kSeverityCount> by_severity_{};
  std::atomic<uint64_t> sightings_ = 0;
  std::atomic<uint64_t> lost_bytes_ = 0;
};

// Calls of query.proto by name and outcome.
class CallCounts final : public query::CallObserver {
 public:
  void called(const std::string& call, grpc::StatusCode code, double seconds, bool watch) override;
  void fill(metrics::Page& page) const;

 private:
  struct One {
    std::map<grpc::StatusCode, uint64_t> codes;
    metrics::Histogram seconds;
  };
  mutable std::mutex mutex_;
  std::map<std::string, One> calls_;  // as many as query.proto has; never taken out
};

struct MetricsParts {
  const Config& config;
  store::Store& store;
  const model::Presence& presence;
  const query::Feed& feed;
  const ingest::Service& ingest;
  const access::Gate& gate;
  const correlate::Correlation& correlation;
  const EndingCounts& endings;
  const CallCounts& calls;
  const alerts::Sender* alerts;  // may be null
  const std::atomic<uint64_t>& config_read_s;
  const std::atomic<bool>& config_good;
};

void fill_page(const MetricsParts& parts, metrics::Page& page);

}  // namespace rs::control
