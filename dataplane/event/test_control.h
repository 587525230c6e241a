// SPDX-License-Identifier: Apache-2.0
//
// A control plane for this folder's tests: verifies and remembers batches, acknowledges them in the way a test asks.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "proto/event.grpc.fb.h"
#include "proto/event_generated.h"

namespace rs::event::test {

namespace fb = resetscope::event;

// What was stored, outliving servers as a database would.
struct Storage {
  std::mutex mutex;
  std::map<std::pair<uint64_t, uint64_t>, std::vector<uint64_t>> batches;  // (boot, sequence) -> event ids
  std::vector<std::pair<uint64_t, uint64_t>> order;                        // as first stored
  std::multiset<uint64_t> ids;
  uint64_t endings = 0;
  uint64_t service_items = 0;
  uint64_t healths = 0;
  uint64_t duplicates = 0;
  uint64_t lasts = 0;
  std::map<std::string, uint64_t> counters;  // of the latest health
};

enum class Mode : uint8_t {
  kAck,
  kSilent,      // reads, stores nothing, answers nothing
  kStalled,     // does not even read
  kStoreNoAck,  // stores, then ends the stream without the acknowledgement
  kRefuse,
  kWrongSequence,
  kUnknownCode,
  kGarbage,  // bytes that are no Ack
  kFloodOfAcks,
  kError,  // ends every stream at once
};

class Control final : public fb::Ingest::Service {
 public:
  Control(const std::string& address, Storage& storage, Mode mode = Mode::kAck) : storage_(storage), mode_(mode) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Control() override { stop(); }

  [[nodiscard]] bool running() const { return server_ != nullptr; }
  [[nodiscard]] int port() const { return port_; }  // the one chosen for "127.0.0.1:0"
  void set_mode(Mode mode) { mode_ = mode; }
  // As a crash would: streams end at once.
  void stop() {
    if (server_ == nullptr) return;
    stopping_ = true;
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_ = nullptr;
  }
  // Lets so many batches be acknowledged, then ends the stream of each further one.
  void set_limit(int64_t batches) { limit_ = batches; }

  grpc::Status Publish(grpc::ServerContext* context,
                       grpc::ServerReaderWriter<flatbuffers::grpc::Message<fb::Ack>,
                                                flatbuffers::grpc::Message<fb::Batch>>* stream) override {
    ++streams;
    if (mode_ == Mode::kError) return {grpc::StatusCode::INTERNAL, "go\naway"};
    while (mode_ == Mode::kStalled && !stopping_ && !context->IsCancelled()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    flatbuffers::grpc::Message<fb::Batch> message;
    while (stream->Read(&message)) {
      const fb::Batch& batch = *message.GetRoot();
      switch (mode_.load()) {
        case Mode::kSilent:
        case Mode::kStalled:
          continue;
        case Mode::kStoreNoAck:
          store(batch);
          return grpc::Status::OK;
        case Mode::kRefuse:
          stream->Write(ack(batch.boot(), batch.sequence(), fb::AckCode::refused, "no such\x01 sensor"));
          continue;
        case Mode::kWrongSequence:
          stream->Write(ack(batch.boot(), batch.sequence() + 1000, fb::AckCode::stored, ""));
          continue;
        case Mode::kUnknownCode:
          stream->Write(ack(batch.boot(), batch.sequence(), static_cast<fb::AckCode>(200), ""));
          continue;
        case Mode::kGarbage: {
          const std::string bytes = "this is not a flatbuffer at all";
          stream->Write(flatbuffers::grpc::Message<fb::Ack>(grpc::Slice(bytes)));
          continue;
        }
        case Mode::kFloodOfAcks:
          while (stream->Write(ack(1, 2, fb::AckCode::stored, ""))) {
          }
          return grpc::Status::OK;
        case Mode::kError:
          return {grpc::StatusCode::INTERNAL, "go away"};
        case Mode::kAck:
          break;
      }
      if (limit_ >= 0 && limit_-- == 0) {
        limit_ = 0;
        return {grpc::StatusCode::UNAVAILABLE, "limit"};
      }
      const bool known = !store(batch);
      stream->Write(ack(batch.boot(), batch.sequence(), known ? fb::AckCode::duplicate : fb::AckCode::stored, ""));
    }
    return grpc::Status::OK;
  }

  std::atomic<int> streams{0};

 private:
  static flatbuffers::grpc::Message<fb::Ack> ack(uint64_t boot, uint64_t sequence, fb::AckCode code,
                                                 const std::string& text) {
    flatbuffers::grpc::MessageBuilder builder(64);
    builder.Finish(fb::CreateAck(builder, boot, sequence, code, builder.CreateString(text)));
    return builder.ReleaseMessage<fb::Ack>();
  }
  // False when it was there.
  bool store(const fb::Batch& batch) {
    const std::lock_guard lock(storage_.mutex);
    const auto key = std::make_pair(batch.boot(), batch.sequence());
    if (storage_.batches.contains(key)) {
      ++storage_.duplicates;
      return false;
    }
    std::vector<uint64_t> ids;
    for (const fb::Event* event : *batch.events()) {
      ids.push_back(event->id());
      storage_.ids.insert(event->id());
      storage_.endings += event->count();
    }
    storage_.batches[key] = std::move(ids);
    storage_.order.push_back(key);
    storage_.service_items += batch.services()->size();
    storage_.lasts += batch.last();
    if (batch.health() != nullptr) {
      ++storage_.healths;
      storage_.counters.clear();
      for (const fb::Counter* counter : *batch.health()->counters()) {
        storage_.counters[counter->name()->str()] = counter->value();
      }
    }
    return true;
  }

  Storage& storage_;
  std::atomic<Mode> mode_;
  std::atomic<int64_t> limit_{-1};
  std::atomic<bool> stopping_{false};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace rs::event::test
