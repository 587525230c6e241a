// SPDX-License-Identifier: Apache-2.0
//
// Fills a store with a week of a large network, for measuring what asks it: 200 services that each fail in their own
// few ways, three sensors, every connection counted. Usage: fill_store FILE EVENTS [ENDINGS_AN_EVENT]. The week ends
// now. Prints events and seconds; the store counts what it took before.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "control/model/sample_events.h"
#include "control/store/sqlite/sqlite_store.h"

namespace rs::perf {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kNsPerS = 1'000'000'000;
constexpr uint64_t kWeekNs = 7 * 86'400 * kNsPerS;
constexpr uint64_t kServices = 200;
constexpr size_t kPerBatch = 2000;
constexpr size_t kWindow = 16;  // batches under way, as a stream has
constexpr const char* kSensors[] = {"fra1-a", "fra1-b", "ams2-a"};
constexpr uint64_t kReportNs = 600 * kNsPerS;  // between two reports of a sensor; the wire has one every 10 s

model::Endpoint service(uint64_t n) {
  return {model::from_v4(0x0a000000u + static_cast<uint32_t>(n % 16 * 256 + n / 16 + 10)),
          static_cast<uint16_t>(n % 3 == 0 ? 443 : 8000 + n % 40)};
}

void shape(model::SampleEvents& samples, model::Event& e, uint64_t time_ns, uint64_t endings) {
  e.time_ns = time_ns;
  e.start_ns = time_ns - kNsPerS;
  // A few services have most of the trouble.
  const uint64_t n = std::min(samples.below(kServices), samples.below(kServices));
  e.server = service(n);
  e.client = {model::from_v4(0xc0a80000u + static_cast<uint32_t>(samples.below(40) * 256 + samples.below(200))),
              40'000};
  const uint64_t way = (n + samples.below(3)) % 40;
  e.cause = static_cast<Cause>(1 + way);
  e.origin = static_cast<Origin>(1 + way % (kOriginCount - 1));
  e.stage = static_cast<Stage>(1 + way % (kStageCount - 1));
  e.ending = static_cast<Ending>(1 + way % 4);
  e.severity = static_cast<Severity>(1 + way % 4);
  e.network_tag = 0;
  e.flags = 0;
  e.count = 1 + samples.below(2 * endings - 1);
}

void report(model::SampleEvents& samples, model::Batch& batch, uint64_t time_ns, uint64_t reports) {
  for (uint64_t n = 0; n < kServices; ++n) {
    model::ServiceStats stats;
    stats.server = service(n);
    stats.from_ns = time_ns;
    stats.to_ns = time_ns + 10 * kNsPerS;
    stats.attempted = 400 + samples.below(200);
    stats.established = stats.attempted;
    stats.closed_cleanly = stats.attempted * 9 / 10;
    batch.services.push_back(stats);
  }
  model::Health health;
  health.time_ns = time_ns;
  health.version = "perf";
  health.workers = 1;
  health.rx_pkts = reports * 1'000'000;
  batch.health = health;
}

int run(const std::string& path, size_t wanted, uint64_t endings) {
  auto store = store::sqlite::open({path, 0, 0});
  if (!store) return std::fprintf(stderr, "%s\n", store.error().text.c_str()), 1;
  const auto now =
      static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
  const uint64_t begin = now - kWeekNs;
  const size_t batches = std::max<size_t>(wanted / kPerBatch, 1);
  const uint64_t step = kWeekNs / (batches * kPerBatch);
  model::SampleEvents samples(1);
  std::atomic<size_t> done = 0;
  uint64_t next_report[3] = {begin, begin, begin};
  uint64_t reports[3] = {};
  const auto start = Clock::now();
  for (size_t i = 0; i < batches; ++i) {
    const size_t sensor = i % 3;
    const uint64_t from = begin + i * kPerBatch * step;
    model::Batch batch = samples.batch(kSensors[sensor], i / 3 + 1, kPerBatch, from);
    for (size_t k = 0; k < kPerBatch; ++k) shape(samples, batch.events[k], from + k * step, endings);
    if (from >= next_report[sensor]) {
      report(samples, batch, from, ++reports[sensor]);
      next_report[sensor] = from + kReportNs;
    }
    while (i - done.load() >= kWindow) done.wait(done.load());
    (*store)->write(std::move(batch), [&](const store::Written&) {
      ++done;
      done.notify_one();
    });
  }
  while (done.load() < batches) done.wait(done.load());
  const auto info = (*store)->info();
  if (!info || info->events != batches * kPerBatch) return std::fprintf(stderr, "the store has other events\n"), 1;
  std::printf("%zu events, %llu endings, %.1f s, %.0f MiB\n", batches * kPerBatch,
              static_cast<unsigned long long>(info->endings),
              std::chrono::duration<double>(Clock::now() - start).count(),
              static_cast<double>(info->bytes) / (1 << 20));
  return 0;
}

}  // namespace
}  // namespace rs::perf

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: fill_store FILE EVENTS [ENDINGS_AN_EVENT]\n"), 2;
  return rs::perf::run(argv[1], std::strtoul(argv[2], nullptr, 10), argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 1);
}
