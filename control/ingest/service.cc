// SPDX-License-Identifier: Apache-2.0
#include "control/ingest/service.h"

#include <grpcpp/impl/codegen/rpc_service_method.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <vector>

#include "control/access/caller.h"

namespace rs::ingest {
namespace {

constexpr auto kGrace = std::chrono::seconds(1);  // for a sensor to read its last acknowledgement at shutdown

constexpr const char* kPublish = "/resetscope.event.Ingest/Publish";

// A call that is over before it began.
class TurnedAway final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit TurnedAway(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace

Service::Service(store::Store& store, model::Presence& presence, access::Gate* gate)
    : store_(store), presence_(presence), gate_(gate) {
  AddMethod(new grpc::internal::RpcServiceMethod(kPublish, grpc::internal::RpcMethod::BIDI_STREAMING, nullptr));
  MarkMethodRawCallback(0, new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
                               [this](grpc::CallbackServerContext* context) { return publish(context); }));
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Service::publish(grpc::CallbackServerContext* context) {
  access::Caller caller = access::caller_of(*context);
  if (gate_ != nullptr)
    if (auto pass = gate_->enter(caller, access::Need::kPublish, "Publish"); !pass)
      return new TurnedAway(access::refusal(pass.error()));
  std::unique_lock lock(mutex_);
  if (stopping_) return new TurnedAway({grpc::StatusCode::UNAVAILABLE, "the control plane is shutting down"});
  if (streams_.size() >= kMaxStreams)
    return new TurnedAway(
        {grpc::StatusCode::RESOURCE_EXHAUSTED, "more than " + std::to_string(kMaxStreams) + " sensor streams"});
  auto stream = Stream::start(*this, store_, *context, std::move(caller));
  Stream* reactor = stream.get();
  streams_.emplace(reactor, std::move(stream));
  return reactor;
}

Result<void> Service::may_be(const access::Caller& caller, const std::string& sensor) {
  return gate_ == nullptr ? Result<void>() : gate_->claim(caller, sensor);
}

void Service::claimed(const std::string& sensor, const std::shared_ptr<Stream>& stream) {
  std::shared_ptr<Stream> older;
  {
    const std::lock_guard lock(mutex_);
    Stream*& newest = by_sensor_[sensor];
    if (newest != nullptr) older = streams_.at(newest);
    newest = stream.get();
  }
  presence_.connected(sensor);
  spdlog::info("ingest: sensor {} connected from {}", sensor, stream->peer());
  if (!older) return;
  spdlog::warn(
      "ingest: sensor {}: the stream from {} takes over, the older one from {} is closed; if both are alive, give them "
      "different names",
      sensor, stream->peer(), older->peer());
  older->end({grpc::StatusCode::ABORTED, "a newer stream of sensor " + sensor + " from " + stream->peer() +
                                             " took over: two sensors may have one name"});
}

void Service::saw_batch(const model::Batch& batch) {
  if (batch.sent_ns == 0) return;
  const auto ahead_ns = static_cast<int64_t>(batch.sent_ns) - static_cast<int64_t>(batch.received_ns);
  presence_.saw_clock(batch.sensor, ahead_ns);
  batch_age_.add(static_cast<double>(-ahead_ns) * 1e-9);
}

void Service::ended(Stream& stream) {
  const std::string sensor = stream.sensor();
  if (!sensor.empty()) {
    presence_.disconnected(sensor);
    spdlog::info("ingest: sensor {} disconnected ({})", sensor, stream.peer());
  }
  std::shared_ptr<Stream> last;  // released after the lock
  const std::lock_guard lock(mutex_);
  const auto newest = by_sensor_.find(sensor);
  if (newest != by_sensor_.end() && newest->second == &stream) by_sensor_.erase(newest);
  const auto found = streams_.find(&stream);
  last = std::move(found->second);
  streams_.erase(found);
  all_gone_.notify_all();
}

void Service::stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  std::vector<std::shared_ptr<Stream>> alive;
  for (const auto& [raw, stream] : streams_) alive.push_back(stream);
  lock.unlock();
  for (const auto& stream : alive) stream->end({grpc::StatusCode::UNAVAILABLE, "the control plane is shutting down"});
  const auto none = [this] { return streams_.empty(); };
  lock.lock();
  if (all_gone_.wait_for(lock, kGrace, none)) return;
  lock.unlock();
  for (const auto& stream : alive) stream->break_off();
  lock.lock();
  all_gone_.wait(lock, none);
}

}  // namespace rs::ingest
