// SPDX-License-Identifier: Apache-2.0
//
// What correlation costs: the merge on the writer's thread, the correlators behind it, and storing with both against
// storing alone. Usage: ctl_correlator_bench [:memory:|FILE] [EVENTS]. Checks the counts before it prints a figure.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "control/correlate/merge.h"
#include "control/correlator.h"
#include "control/model/sample_events.h"
#include "control/store/sqlite/sqlite_store.h"

namespace rs::control {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// As a busy network looks: time goes on, a service fails in a few ways only, two sensors see different halves.
std::vector<model::Batch> batches_of(size_t events) {
  constexpr size_t kPerBatch = 1000;
  constexpr uint64_t kStart = 1'700'000'000'000'000'000;
  model::SampleEvents samples(1);
  std::vector<model::Batch> out;
  uint64_t now_ns = kStart;
  for (uint64_t i = 0; i < events / kPerBatch; ++i) {
    model::Batch batch = samples.batch(i % 2 == 0 ? "a" : "b", i / 2 + 1, kPerBatch, kStart);
    for (model::Event& e : batch.events) {
      e.time_ns = now_ns += 20'000;  // 50,000 a second
      e.start_ns = e.time_ns - 1'000'000'000;
      const uint64_t service = samples.below(200);
      e.server = {model::from_v4(0x0a000000u + static_cast<uint32_t>(service)), 443};
      const uint64_t way = (service + samples.below(3)) % 40;
      e.network_tag = 0;
      e.flags = 0;
      e.cause = e.second_cause = static_cast<Cause>(1 + way);
      e.origin = static_cast<Origin>(way % kOriginCount);
      e.stage = static_cast<Stage>(way % kStageCount);
      e.ending = static_cast<Ending>(1 + way % 4);
      e.severity = static_cast<Severity>(1 + way % 4);
    }
    out.push_back(std::move(batch));
  }
  return out;
}

double store_all(const std::string& path, const std::vector<model::Batch>& batches, bool correlate) {
  constexpr size_t kWindow = 16;  // batches under way, as a stream has
  if (path != ":memory:")
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
  correlate::Merger merger;
  auto store = store::sqlite::open({path, 0, 0});
  if (!store) return 0;
  correlate::Correlation correlation;
  model::NamesHolder names;
  Correlator correlator(**store, correlation, names);
  if (correlate) {
    (*store)->judge_by(&merger);
    if (!correlator.start()) return 0;
  }
  std::atomic<size_t> done = 0;
  auto copy = batches;
  const auto start = Clock::now();
  for (size_t i = 0; i < copy.size(); ++i) {
    while (i - done.load() >= kWindow) done.wait(done.load());
    (*store)->write(std::move(copy[i]), [&](const store::Written&) {
      ++done;
      done.notify_one();
    });
  }
  while (done.load() < batches.size()) done.wait(done.load());
  if (correlate) correlator.settle();
  const double seconds = seconds_since(start);
  return correlate && correlation.cursor() != (*store)->newest_cursor() ? 0 : seconds;
}

int run(const std::string& path, size_t wanted) {
  const auto batches = batches_of(wanted);
  const double events = static_cast<double>(batches.size() * 1000);
  {
    correlate::Merger merger;
    const auto start = Clock::now();
    size_t merged = 0;
    for (const auto& batch : batches)
      for (const auto& event : batch.events) merged += merger.judge(event, batch.sensor) ? 1 : 0;
    std::printf("merge             %8.0f ns an event (%zu merged)\n", seconds_since(start) / events * 1e9, merged);
  }
  {
    correlate::Correlation correlation;
    uint64_t cursor = 0;
    auto start = Clock::now();
    double digest = 0;
    for (const auto& batch : batches) {
      correlate::Intake intake;
      const auto begin = Clock::now();
      for (const auto& event : batch.events) {
        intake.ended.push_back(model::ended(event, batch.sensor == "a" ? 0 : 1));
        intake.ended.back().cursor = intake.cursor = ++cursor;
      }
      digest += seconds_since(begin);
      correlation.take(intake, {"a", "b"}, 1);
    }
    std::printf("digest            %8.0f ns an event\n", digest / events * 1e9);
    std::printf("correlators       %8.0f ns an event\n", (seconds_since(start) - digest) / events * 1e9);
  }
  const double alone = store_all(path, batches, false);
  const double with = store_all(path, batches, true);
  if (alone <= 0 || with <= 0) return 1;
  std::printf("store             %8.0f events/s\n", events / alone);
  std::printf("store, correlate  %8.0f events/s\n", events / with);
  return 0;
}

}  // namespace
}  // namespace rs::control

int main(int argc, char** argv) {
  return rs::control::run(argc > 1 ? argv[1] : ":memory:", argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 300'000);
}
