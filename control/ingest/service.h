// SPDX-License-Identifier: Apache-2.0
//
// gRPC service resetscope.event.Ingest: one Stream a sensor. Registered with raw messages, so that bytes which are
// no batch reach decode() and get a `refused` instead of ending the stream.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/service_type.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "control/access/gate.h"
#include "control/ingest/stream.h"
#include "control/model/presence.h"
#include "control/store/store.h"
#include "proto/metrics.h"
#include "proto/vocabulary.h"

namespace rs::ingest {

class Service final : public grpc::Service, private StreamOwner {
 public:
  static constexpr size_t kMaxStreams = 4096;  // our choice: ten times the sensors of a large network

  // All outlive the service. Without a gate everybody may write as any sensor.
  Service(store::Store& store, model::Presence& presence, access::Gate* gate = nullptr);

  // Ends all streams and waits until they are gone; new ones are turned away. Before the server shuts down.
  void stop();

  // Batches acknowledged with this code since the start.
  [[nodiscard]] uint64_t acknowledgements(AckCode code) const {
    return acknowledgements_[static_cast<size_t>(code)].load(std::memory_order_relaxed);
  }
  // From sealing at the sensor to arrival, by both clocks.
  [[nodiscard]] const metrics::Histogram& batch_age() const { return batch_age_; }

 private:
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* publish(grpc::CallbackServerContext* context);

  Result<void> may_be(const access::Caller& caller, const std::string& sensor) override;
  void claimed(const std::string& sensor, const std::shared_ptr<Stream>& stream) override;
  void saw_batch(const model::Batch& batch) override;
  void acknowledged(AckCode code) override {
    acknowledgements_[static_cast<size_t>(code)].fetch_add(1, std::memory_order_relaxed);
  }
  void ended(Stream& stream) override;
  std::shared_ptr<std::atomic<size_t>> bytes_under_way() override { return bytes_under_way_; }

  store::Store& store_;
  model::Presence& presence_;
  access::Gate* const gate_;
  std::array<std::atomic<uint64_t>, kAckCodeCount> acknowledgements_{};
  metrics::Histogram batch_age_;
  const std::shared_ptr<std::atomic<size_t>> bytes_under_way_ = std::make_shared<std::atomic<size_t>>(0);

  std::mutex mutex_;
  std::condition_variable all_gone_;
  std::map<Stream*, std::shared_ptr<Stream>> streams_;  // alive
  std::map<std::string, Stream*> by_sensor_;            // the newest of each name
  bool stopping_ = false;
};

}  // namespace rs::ingest
