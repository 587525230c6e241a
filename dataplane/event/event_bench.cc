// SPDX-License-Identifier: Apache-2.0
//
// Measures what an ending costs from the worker to an acknowledged batch. Each run checks its counts before it prints
// its time. Usage: event_bench [spool directory]
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/event/encode.h"
#include "dataplane/event/exporter.h"
#include "dataplane/event/output.h"
#include "dataplane/event/test_items.h"
#include "proto/event.grpc.fb.h"
#include "proto/event_generated.h"

namespace rs::event {
namespace {

namespace fb = resetscope::event;
using Clock = std::chrono::steady_clock;

double ns_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

void check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "wrong result: %s\n", what);
  std::exit(1);
}

// As large as a usual verdict: a dozen facts, eight steps, one meaning.
Event typical(uint64_t id, uint32_t clients, uint32_t servers) {
  const auto c = static_cast<uint32_t>(id % clients);
  const auto s = static_cast<uint32_t>(id % servers);
  Event e = test::reset(test::kStart, id,
                        test::ip4(10, static_cast<uint8_t>(c >> 8), static_cast<uint8_t>(c), static_cast<uint8_t>(id)),
                        test::ip4(172, 16, static_cast<uint8_t>(s >> 8), static_cast<uint8_t>(s)));
  e.fact_count = 12;
  for (uint8_t i = 0; i < 12; ++i) e.facts[i] = {i, static_cast<FactId>(i + 1), 50};
  e.step_count = 8;
  for (uint8_t i = 0; i < 8; ++i) e.steps[i] = {i * 1000, 10, StepKind::kFirstData, Side::kClient};
  e.meaning_count = 1;
  std::snprintf(e.meanings[0].data(), kMeaningBytes, "http.status=503");
  e.client_bytes = e.server_bytes = 1000;
  return e;
}

void condense(const char* name, bool fold, uint32_t clients, uint32_t servers) {
  constexpr uint64_t kEndings = 5'000'000;
  Ring ring(8192);
  Sink sink(ring, WhenFull::kDrop, 0);
  Condenser condenser({.fold = fold}, sink);
  std::vector<Event> events;
  for (uint64_t i = 0; i < 1024; ++i) events.push_back(typical(i, clients, servers));
  uint64_t taken = 0;
  double spent = 0;
  for (uint64_t i = 0; i < kEndings; i += 1024) {
    const TimeNs now = test::kStart + i * 200;  // 5 million a second
    const auto start = Clock::now();
    for (Event& e : events) {
      e.time_ns = now;
      condenser.add(e, now);
    }
    condenser.advance(now);
    spent += ns_since(start);
    for (; ring.front() != nullptr; ring.pop()) taken += ring.front()->event.count;
  }
  condenser.flush(test::kStart + kSecond);
  for (; ring.front() != nullptr; ring.pop()) taken += ring.front()->event.count;
  check(taken + sink.counters().dropped_endings.get() == (kEndings + 1023) / 1024 * 1024, name);
  std::printf("%-52s %7.1f ns/ending\n", name, spent / static_cast<double>(taken));
}

void services() {
  constexpr uint64_t kTallies = 20'000'000;
  Ring ring(8192);
  Sink sink(ring, WhenFull::kDrop, 0);
  Services table({}, sink);
  table.advance(test::kStart);
  std::vector<Endpoint> servers;
  for (uint32_t i = 0; i < 1000; ++i) {
    servers.push_back({test::ip4(172, 16, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)), 443});
  }
  const auto start = Clock::now();
  size_t at = 0;
  for (uint64_t i = 0; i < kTallies; ++i) {
    table.tally(servers[at], 0, Tally::kAttempted);
    at = at + 7 < servers.size() ? at + 7 : at + 7 - servers.size();
  }
  const double spent = ns_since(start);
  table.flush(test::kStart);
  uint64_t sum = 0;
  for (; ring.front() != nullptr; ring.pop()) sum += ring.front()->service.attempted;
  check(sum == kTallies, "services");
  std::printf("%-52s %7.1f ns/tally\n", "services, 1000 servers", spent / kTallies);
}

void encode() {
  constexpr uint64_t kEvents = 1'000'000;
  Encoder encoder({"bench", 1, 1});
  std::vector<Item> items(512);
  for (uint64_t i = 0; i < items.size(); ++i) {
    items[i].kind = ItemKind::kEvent;
    items[i].event = typical(i, 1000, 1000);
  }
  uint64_t sealed = 0;
  uint64_t bytes = 0;
  uint64_t sequence = 0;
  const auto seal = [&] {
    const Sealed out = encoder.seal(++sequence, 1, nullptr, false);
    sealed += out.events;
    bytes += out.size;
  };
  const auto start = Clock::now();
  for (uint64_t i = 0; i < kEvents;) {
    if (encoder.add(items[i % items.size()])) {
      ++i;
    } else {
      seal();
    }
  }
  seal();
  const double spent = ns_since(start);
  check(sealed == kEvents, "encode");
  std::printf("%-52s %7.1f ns/event  %.2f M events/s  %.0f bytes/event\n", "encode", spent / kEvents,
              kEvents / spent * 1e3, static_cast<double>(bytes) / kEvents);
}

// Acknowledges and counts, does nothing else.
class NullControl final : public fb::Ingest::Service {
 public:
  grpc::Status Publish(grpc::ServerContext*,
                       grpc::ServerReaderWriter<flatbuffers::grpc::Message<fb::Ack>,
                                                flatbuffers::grpc::Message<fb::Batch>>* stream) override {
    flatbuffers::grpc::Message<fb::Batch> message;
    while (stream->Read(&message)) {
      events += message.GetRoot()->events()->size();
      flatbuffers::grpc::MessageBuilder builder(64);
      builder.Finish(fb::CreateAck(builder, message.GetRoot()->boot(), message.GetRoot()->sequence(),
                                   fb::AckCode::stored, builder.CreateString("")));
      stream->Write(builder.ReleaseMessage<fb::Ack>());
    }
    return grpc::Status::OK;
  }
  std::atomic<uint64_t> events{0};
};

void end_to_end(const std::string& spool) {
  constexpr uint64_t kEvents = 1'000'000;
  const std::string address = "unix:/tmp/event_bench." + std::to_string(getpid());
  NullControl control;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&control);
  const auto server = builder.BuildAndStart();
  Ring ring(4096);
  ExporterConfig config;
  config.server = address;
  config.sensor = "bench";
  config.when_full = WhenFull::kWait;
  config.spool_dir = spool;
  auto exporter = Exporter::create(config, {&ring}, nullptr);
  check(static_cast<bool>(exporter), "exporter");
  OutputConfig output_config;
  output_config.when_full = WhenFull::kWait;
  output_config.condenser.fold = false;
  Output output(output_config, ring);
  std::vector<Event> events;
  for (uint64_t i = 0; i < 512; ++i) events.push_back(typical(i, 1000, 1000));
  (*exporter)->start();
  const auto start = Clock::now();
  output.advance(test::kStart);
  for (uint64_t i = 0; i < kEvents; ++i) output.ending(events[i % events.size()]);
  output.finish(test::kStart);
  check((*exporter)->drain(std::chrono::minutes(2)), "drain");
  const double spent = ns_since(start);
  check(control.events == kEvents, "end to end");
  std::printf("%-52s %7.1f ns/event  %.2f M events/s\n",
              spool.empty() ? "end to end, unix socket, memory only" : "end to end, unix socket, spool on disk",
              spent / kEvents, kEvents / spent * 1e3);
  (*exporter)->stop();
  server->Shutdown();
}

}  // namespace
}  // namespace rs::event

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::err);
  using namespace rs::event;
  condense("condense, passing all", false, 1, 1);
  condense("condense, folding, 1 key", true, 1, 1);
  condense("condense, folding, 1000 client networks", true, 1000, 1);
  condense("condense, folding, 1024 servers", true, 1000, 1024);
  services();
  encode();
  end_to_end("");
  if (argc > 1) end_to_end(argv[1]);
}
