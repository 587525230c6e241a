// SPDX-License-Identifier: Apache-2.0
//
// How fast batches become durable rows and rows become answers: FlatBuffers decoded, stored, listed. Usage:
// ctl_ingest_bench [:memory:|FILE] [EVENTS]. Checks the counts before it prints a figure.
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "control/ingest/decode.h"
#include "control/ingest/wire.h"
#include "control/model/sample_events.h"
#include "control/store/sqlite/sqlite_store.h"

namespace rs::ingest {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// As a busy network looks: time goes on, a service fails in a few ways only.
void make_real(model::SampleEvents& samples, model::Batch& batch, uint64_t& now_ns) {
  for (model::Event& e : batch.events) {
    e.time_ns = now_ns += 20'000;  // 50,000 a second
    e.start_ns = e.time_ns - 1'000'000'000;
    const uint64_t service = samples.below(200);
    e.server = {model::from_v4(0x0a000000u + static_cast<uint32_t>(service)), 443};
    const uint64_t way = (service + samples.below(3)) % 40;
    e.network_tag = 0;
    e.cause = e.second_cause = static_cast<Cause>(1 + way);
    e.origin = static_cast<Origin>(way % kOriginCount);
    e.stage = static_cast<Stage>(way % kStageCount);
    e.ending = static_cast<Ending>(1 + way % 4);
    e.severity = static_cast<Severity>(1 + way % 4);
  }
}

int run(const std::string& path, size_t wanted) {
  constexpr size_t kPerBatch = 1000;
  constexpr uint64_t kStart = 1'700'000'000'000'000'000;
  constexpr size_t kWindow = 16;  // batches under way, as a stream has
  model::SampleEvents samples(1);
  std::vector<std::vector<uint8_t>> wire;
  uint64_t now_ns = kStart;
  for (uint64_t i = 1; i <= wanted / kPerBatch; ++i) {
    model::Batch batch = samples.batch("bench", i, kPerBatch, kStart);
    make_real(samples, batch, now_ns);
    flatbuffers::FlatBufferBuilder builder(1 << 20);
    builder.Finish(testing::wire(builder, batch));
    wire.emplace_back(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  }
  const double events = static_cast<double>(wire.size() * kPerBatch);

  auto start = Clock::now();
  size_t decoded_events = 0;
  for (const auto& bytes : wire) decoded_events += decode(bytes).batch->events.size();
  std::printf("decode            %8.0f events/s (%zu bytes an event)\n", events / seconds_since(start),
              wire[0].size() / kPerBatch);
  if (decoded_events != wire.size() * kPerBatch) return 1;

  auto store = store::sqlite::open({path, 0, 0});
  if (!store) return std::fprintf(stderr, "%s\n", store.error().text.c_str()), 1;
  std::atomic<size_t> done = 0;
  start = Clock::now();
  const double cpu = cpu_seconds();
  for (size_t i = 0; i < wire.size(); ++i) {
    while (i - done.load() >= kWindow) done.wait(done.load());
    auto decoded = decode(wire[i]);
    (*store)->write(std::move(*decoded.batch), [&](const store::Written&) {
      ++done;
      done.notify_one();
    });
  }
  while (done.load() < wire.size()) done.wait(done.load());
  std::printf("decode and store  %8.0f events/s, %.0f events a CPU second\n", events / seconds_since(start),
              events / (cpu_seconds() - cpu));
  if ((*store)->info()->events != wire.size() * kPerBatch) return 1;

  for (const bool brief : {true, false}) {
    size_t listed = 0;
    start = Clock::now();
    store::ListQuery query;
    query.limit = SIZE_MAX >> 1;
    query.brief = brief;
    if (!(*store)->list(query, {}, [&](const model::Event&) { return ++listed > 0; }) ||
        listed != wire.size() * kPerBatch)
      return 1;
    std::printf("list %s        %8.0f events/s\n", brief ? "brief" : "full ", events / seconds_since(start));
  }
  start = Clock::now();
  const auto groups = (*store)->aggregate({.filter = {}, .range = {}, .by = {store::Dimension::kService}}, {});
  if (!groups) return 1;
  std::printf("top by service    %8.1f ms\n", seconds_since(start) * 1e3);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("most resident     %8.1f MiB, store %.1f MiB\n", static_cast<double>(usage.ru_maxrss) / 1024,
              static_cast<double>((*store)->info()->bytes) / (1 << 20));
  return 0;
}

}  // namespace
}  // namespace rs::ingest

int main(int argc, char** argv) {
  return rs::ingest::run(argc > 1 ? argv[1] : ":memory:", argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 300'000);
}
