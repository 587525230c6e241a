// SPDX-License-Identifier: Apache-2.0
//
// Plays two sensors of a busy network at a control plane: batches of endings, or of service statistics alone, as fast
// as they are acknowledged, spread evenly over a span of packet time. The same arguments give the same batches. Prints
// "name value" lines: how many were taken, in how many seconds. Not a model of a network, only a fair load: few
// services fail in a few ways each, many clients, one ending in twenty seen by both sensors.
#include <flatbuffers/grpc.h>
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "control/ingest/wire.h"
#include "control/model/ip.h"
#include "control/model/sample_events.h"
#include "proto/event.grpc.fb.h"

namespace rs::perf {
namespace {

namespace fb = resetscope::event;
using Message = flatbuffers::grpc::Message<fb::Batch>;
using AckMessage = flatbuffers::grpc::Message<fb::Ack>;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr size_t kWindow = 32;  // batches under way a sensor: what the control plane takes, sensors have no limit
constexpr uint64_t kStatisticsEvery = 10 * kSecond;

struct Options {
  std::string server;
  std::string kind = "events";
  uint64_t events = 1'000'000;
  uint64_t batch = 2000;
  uint64_t services = 1000;
  uint64_t networks = 1000;
  uint64_t start_s = 1'700'000'000;
  uint64_t span_s = 7 * 86'400;
  uint64_t boot = 1;
};

// One sensor's stream: its acknowledgements are counted by a thread of its own.
class Stream {
 public:
  Stream(const Options& options, std::string name) : name_(std::move(name)), boot_(options.boot) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("sensor", static_cast<int>(name_.back()));  // a connection each
    stub_ =
        fb::Ingest::NewStub(grpc::CreateCustomChannel(options.server, grpc::InsecureChannelCredentials(), arguments));
    stream_ = stub_->Publish(&context_);
    reader_ = std::thread([this] {
      AckMessage ack;
      while (stream_->Read(&ack)) {
        if (ack.GetRoot()->code() != fb::AckCode::stored) ++refused_;
        ++acknowledged_;
        acknowledged_.notify_one();
      }
      gone_ = true;
      acknowledged_ += kWindow;  // nobody waits for ever
      acknowledged_.notify_one();
    });
  }
  ~Stream() {
    stream_->WritesDone();
    reader_.join();
    if (const auto status = stream_->Finish(); !status.ok())
      std::fprintf(stderr, "%s: %s\n", name_.c_str(), status.error_message().c_str());
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  bool send(model::Batch& batch) {
    batch.sensor = name_;
    batch.boot = batch.input = boot_;
    batch.sequence = ++sent_;
    flatbuffers::grpc::MessageBuilder builder;
    builder.Finish(ingest::testing::wire(builder, batch));
    wait_until(kWindow - 1);
    return !gone_ && stream_->Write(builder.ReleaseMessage<fb::Batch>());
  }
  // Until at most so many batches are under way.
  void wait_until(uint64_t under_way) {
    for (uint64_t n = acknowledged_; !gone_ && sent_ - n > under_way; n = acknowledged_) acknowledged_.wait(n);
  }
  [[nodiscard]] uint64_t refused() const { return refused_; }

 private:
  std::string name_;
  uint64_t boot_;
  grpc::ClientContext context_;
  std::unique_ptr<fb::Ingest::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<Message, AckMessage>> stream_;
  std::thread reader_;
  uint64_t sent_ = 0;
  std::atomic<uint64_t> acknowledged_ = 0;
  std::atomic<uint64_t> refused_ = 0;
  std::atomic<bool> gone_ = false;
};

class Load {
 public:
  explicit Load(const Options& options) : options_(options) {
    for (size_t i = 0; i < kTemplates; ++i) {
      model::Event e = samples_.event(kSecond);
      e.network_tag = 0;
      e.flags = 0;
      e.count = 1;
      e.exemplars.clear();
      e.evidence.resize(std::min<size_t>(e.evidence.size(), 9));
      e.confidence = 0.9;
      e.idle_ns = i % 40 == 7 ? (60 + i % 3) * kSecond : samples_.below(kSecond);
      const uint64_t way = i % 40;
      e.cause = e.second_cause = static_cast<Cause>(1 + way);
      e.origin = static_cast<Origin>(way % kOriginCount);
      e.stage = static_cast<Stage>(way % kStageCount);
      e.ending = static_cast<Ending>(1 + way % 4);
      e.severity = static_cast<Severity>(1 + way % 4);
      templates_.push_back(std::move(e));
    }
    step_ns_ = std::max<uint64_t>(1, options_.span_s * kSecond / std::max<uint64_t>(1, options_.events));
    now_ns_ = options_.start_s * kSecond;
  }

  // Endings told: events of both sensors, each seen twice counted once.
  uint64_t fill(model::Batch& batch, std::vector<model::Event>& again) {
    batch.events = std::exchange(again, {});
    const uint64_t repeated = batch.events.size();
    while (batch.events.size() < options_.batch) {
      const uint64_t service = samples_.below(options_.services) * samples_.below(options_.services) /
                               options_.services;  // some much more than others
      const uint64_t way = (service + samples_.below(3)) % 40;
      model::Event e = templates_[way + 40 * samples_.below(kTemplates / 40)];
      e.id = samples_.below(UINT64_MAX);
      e.time_ns = now_ns_ += step_ns_;
      e.start_ns = e.time_ns - kSecond;
      e.server = server(service);
      e.client = {model::from_v4(static_cast<uint32_t>(0x64000000u + (samples_.below(options_.networks) << 8) + 1 +
                                                       samples_.below(250))),
                  static_cast<uint16_t>(1024 + samples_.below(60'000))};
      if (samples_.below(20) == 0 && again.size() < options_.batch / 2) {
        again.push_back(e);
        again.back().id ^= 1;
        again.back().time_ns += 2'000'000;
      }
      batch.events.push_back(std::move(e));
    }
    return batch.events.size() - repeated;
  }

  // A row a service and interval, as a sensor sends them; what it returns are the connections they stand for.
  uint64_t fill_statistics(model::Batch& batch) {
    uint64_t ended = 0;
    batch.services.clear();
    for (uint64_t i = 0; i < options_.batch; ++i) {
      model::ServiceStats& s = batch.services.emplace_back();
      s.server = server(next_service_);
      s.from_ns = now_ns_;
      s.to_ns = now_ns_ + kStatisticsEvery;
      s.attempted = 20 + samples_.below(40);
      s.reset = samples_.below(4);
      s.refused = samples_.below(2);
      s.established = s.attempted - s.refused;
      s.closed_cleanly = s.established - s.reset;
      s.by_cause = {{Cause::kAppAbortUnread, s.reset}, {Cause::kPortClosed, s.refused}};
      ended += s.attempted;
      if (++next_service_ == options_.services) next_service_ = 0, now_ns_ += kStatisticsEvery;
    }
    return ended;
  }

 private:
  static constexpr size_t kTemplates = 4000;
  static model::Endpoint server(uint64_t service) {
    return {model::from_v4(static_cast<uint32_t>(0x0a000000u + service)), 443};
  }

  const Options& options_;
  model::SampleEvents samples_{1};
  std::vector<model::Event> templates_;
  uint64_t step_ns_ = 1;
  uint64_t now_ns_ = 0;
  uint64_t next_service_ = 0;
};

int run(const Options& options) {
  Load load(options);
  uint64_t rows = 0, endings = 0, refused = 0;
  const auto start = std::chrono::steady_clock::now();
  {
    std::array<Stream, 2> sensors = {Stream(options, "load-a"), Stream(options, "load-b")};
    std::vector<model::Event> again;  // what the other sensor sees, too
    for (size_t turn = 0; rows < options.events; ++turn) {
      model::Batch batch;
      if (options.kind == "statistics") {
        endings += load.fill_statistics(batch);
        rows += batch.services.size();
      } else {
        endings += load.fill(batch, again);
        rows += batch.events.size();
      }
      if (!sensors[turn % 2].send(batch)) return 1;
    }
    for (Stream& sensor : sensors) sensor.wait_until(0);
    for (const Stream& sensor : sensors) refused += sensor.refused();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (refused > 0)
    return std::fprintf(stderr, "%llu batches were not stored\n", static_cast<unsigned long long>(refused)), 1;
  std::printf("rows %llu\nendings %llu\nseconds %.3f\n", static_cast<unsigned long long>(rows),
              static_cast<unsigned long long>(endings), took.count());
  return 0;
}

}  // namespace
}  // namespace rs::perf

int main(int argc, char** argv) {
  rs::perf::Options options;
  CLI::App app("Plays two busy sensors at a control plane", "sensor_load");
  app.add_option("--server", options.server, "Where it listens, as unix:/path")->required();
  app.add_option("--kind", options.kind, "events or statistics")->check(CLI::IsMember({"events", "statistics"}));
  app.add_option("--events", options.events, "Rows to send")->capture_default_str();
  app.add_option("--batch", options.batch, "Rows a batch")->capture_default_str()->check(CLI::Range(1, 10'000));
  app.add_option("--services", options.services, "Services")->capture_default_str();
  app.add_option("--networks", options.networks, "Client networks")->capture_default_str();
  app.add_option("--start", options.start_s, "Packet time of the first, Unix seconds")->capture_default_str();
  app.add_option("--span", options.span_s, "Seconds of packet time they are spread over")->capture_default_str();
  app.add_option("--boot", options.boot, "Number of this start of the sensors")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return rs::perf::run(options);
}
