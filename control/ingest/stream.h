// SPDX-License-Identifier: Apache-2.0
//
// One sensor's stream: reads a batch, decodes it, hands it to the store, acknowledges when it is durable. Runs on
// gRPC's callback threads and never blocks one: while too much is under way it simply does not read on, and the
// sensor's send window fills. A batch that does not decode is answered `refused`; the stream lives on.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "control/access/gate.h"
#include "control/ingest/ack.h"
#include "control/model/batch.h"
#include "control/store/store.h"

namespace rs::ingest {

class Stream;

// What a stream needs of the service around it.
class StreamOwner {
 public:
  virtual ~StreamOwner() = default;
  // The first good batch names a sensor: whether its peer may write as that one.
  virtual Result<void> may_be(const access::Caller& caller, const std::string& sensor) = 0;
  // It may: an older stream of that name has to go.
  virtual void claimed(const std::string& sensor, const std::shared_ptr<Stream>& stream) = 0;
  virtual void saw_batch(const model::Batch& batch) = 0;
  virtual void acknowledged(AckCode code) = 0;
  virtual void ended(Stream& stream) = 0;
  // Bytes under way in all streams; outlives them.
  virtual std::shared_ptr<std::atomic<size_t>> bytes_under_way() = 0;
};

class Stream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                     public std::enable_shared_from_this<Stream> {
 public:
  // Read and not yet acknowledged. What comes meanwhile is one commit, and a commit's sums are written once: the more
  // of it the less an ending costs. Each stream has its own share, which times the number of sensors bounds memory, and
  // may take more while all streams together hold less than the common one.
  static constexpr size_t kMaxUnderWay = 32;
  static constexpr size_t kOwnBytesUnderWay = 4u << 20;
  static constexpr size_t kMaxBytesUnderWay = 16u << 20;
  static constexpr size_t kCommonBytesUnderWay = 64u << 20;

  // The stream owns itself until gRPC is done with it.
  static std::shared_ptr<Stream> start(StreamOwner& owner, store::Store& store, grpc::CallbackServerContext& context,
                                       access::Caller caller);

  // Any thread: ends the stream with this status as soon as no write is under way.
  void end(grpc::Status status);
  // Any thread: breaks the stream off when end() is not enough, because the sensor does not read.
  void break_off();

  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] std::string sensor() const;

  // gRPC's threads.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  Stream(StreamOwner& owner, store::Store& store, grpc::CallbackServerContext& context, access::Caller caller)
      : owner_(owner),
        store_(store),
        context_(context),
        caller_(std::move(caller)),
        peer_(context.peer()),
        all_bytes_under_way_(owner.bytes_under_way()) {}

  void take(const grpc::ByteBuffer& message);
  void refuse(uint64_t boot, uint64_t sequence, std::string why);
  void written(uint64_t boot, uint64_t sequence, size_t bytes, const store::Written& result);
  void go_on();                         // under mutex_: starts whatever can be started
  [[nodiscard]] bool has_room() const;  // under mutex_

  StreamOwner& owner_;
  store::Store& store_;
  grpc::CallbackServerContext& context_;  // until gone_
  const access::Caller caller_;
  const std::string peer_;
  const std::shared_ptr<std::atomic<size_t>> all_bytes_under_way_;
  std::shared_ptr<Stream> self_;
  grpc::ByteBuffer request_;   // while read_active_
  grpc::ByteBuffer response_;  // while write_active_
  uint64_t refusals_ = 0;      // reading thread only

  mutable std::mutex mutex_;  // all below
  std::string sensor_;
  std::deque<Ack> acks_;
  size_t under_way_ = 0;
  size_t bytes_under_way_ = 0;
  bool read_active_ = false;
  bool write_active_ = false;
  bool reads_done_ = false;
  bool finished_ = false;
  bool gone_ = false;  // the owner must not be called any more
  std::optional<grpc::Status> final_;
};

}  // namespace rs::ingest
