// SPDX-License-Identifier: Apache-2.0
#include "proto/metrics.h"

#include <dirent.h>
#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <limits>

namespace rs::metrics {
namespace {

constexpr size_t kThreads = 2;  // scrapers at a time

prometheus::MetricType type_of(Page::Type type) {
  switch (type) {
    case Page::Type::kCounter:
      return prometheus::MetricType::Counter;
    case Page::Type::kGauge:
      return prometheus::MetricType::Gauge;
    case Page::Type::kHistogram:
      break;
  }
  return prometheus::MetricType::Histogram;
}

prometheus::ClientMetric metric_of(const Page::Sample& sample, Page::Type type) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
  if (type == Page::Type::kCounter) metric.counter.value = sample.value;
  if (type == Page::Type::kGauge) metric.gauge.value = sample.value;
  if (type != Page::Type::kHistogram) return metric;
  const auto counts = sample.histogram->counts();
  uint64_t all = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    all += counts[i];
    const double bound =
        i < Histogram::kBounds.size() ? Histogram::kBounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({all, bound});
  }
  metric.histogram.sample_count = all;
  metric.histogram.sample_sum = sample.histogram->sum();
  return metric;
}

class Source final : public prometheus::Collectable {
 public:
  explicit Source(std::function<void(Page&)> fill) : fill_(std::move(fill)) {}
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override {
    Page page;
    fill_(page);
    std::vector<prometheus::MetricFamily> out;
    for (const Page::Family& family : page.families()) {
      if (family.samples.empty()) continue;
      prometheus::MetricFamily one;
      one.name = family.name;
      one.help = family.help;
      one.type = type_of(family.type);
      for (const Page::Sample& sample : family.samples) one.metric.push_back(metric_of(sample, family.type));
      out.push_back(std::move(one));
    }
    return out;
  }

 private:
  const std::function<void(Page&)> fill_;
};

double now_s() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

// When this process began to serve; close enough to its start.
const double kStart = now_s();

uint64_t open_files() {
  DIR* dir = opendir("/proc/self/fd");
  if (dir == nullptr) return 0;
  uint64_t count = 0;
  while (readdir(dir) != nullptr) ++count;
  closedir(dir);
  return count < 3 ? 0 : count - 3;  // without ".", ".." and the directory itself
}

}  // namespace

void Histogram::add(double seconds) {
  const auto bound = std::ranges::lower_bound(kBounds, seconds);
  counts_[static_cast<size_t>(bound - kBounds.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_us_.fetch_add(static_cast<uint64_t>(std::llround(std::max(0.0, seconds) * 1e6)), std::memory_order_relaxed);
}

std::array<uint64_t, Histogram::kBounds.size() + 1> Histogram::counts() const {
  std::array<uint64_t, kBounds.size() + 1> out{};
  for (size_t i = 0; i < out.size(); ++i) out[i] = counts_[i].load(std::memory_order_relaxed);
  return out;
}

Page& Page::begin(std::string name, std::string help, Type type) {
  families_.push_back({std::move(name), std::move(help), type, {}});
  return *this;
}

Page& Page::add(double value, Labels labels) {
  families_.back().samples.push_back({std::move(labels), value, nullptr});
  return *this;
}

Page& Page::add(const Histogram& histogram, Labels labels) {
  families_.back().samples.push_back({std::move(labels), 0, &histogram});
  return *this;
}

void add_process(Page& page, const std::string& program) {
  page.gauge(program + "_build_info", "Version of the program; always 1.")
      .add(uint64_t{1}, {{"version", RS_VERSION}, {"compiler", __VERSION__}});
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  page.counter("process_cpu_seconds_total", "Processor time of this process, user and system.")
      .add(seconds(use.ru_utime) + seconds(use.ru_stime));
  uint64_t pages = 0;
  uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  const auto page_size = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  page.gauge("process_resident_memory_bytes", "Memory of this process in RAM, hugepages not included.")
      .add(resident * page_size);
  page.gauge("process_virtual_memory_bytes", "Address space of this process.").add(pages * page_size);
  page.gauge("process_open_fds", "File descriptors this process has open.").add(open_files());
  page.gauge("process_start_time_seconds", "Unix time at which this process began.").add(kStart);
}

struct Endpoint::State {
  std::shared_ptr<Source> source;
  std::unique_ptr<prometheus::Exposer> exposer;
};

Endpoint::Endpoint(std::unique_ptr<State> state) : state_(std::move(state)) {}
Endpoint::~Endpoint() = default;

int Endpoint::port() const { return state_->exposer->GetListeningPorts().front(); }

Result<std::unique_ptr<Endpoint>> Endpoint::start(const std::string& address, std::function<void(Page&)> fill) {
  auto state = std::make_unique<State>();
  state->source = std::make_shared<Source>(std::move(fill));
  try {
    state->exposer = std::make_unique<prometheus::Exposer>(address, kThreads);
    state->exposer->RegisterCollectable(state->source);
  } catch (const std::exception&) {
    return Error{Code::kUnavailable,
                 "metrics.listen: cannot listen on " + address + ": the address is in use, or not of this machine"};
  }
  return std::unique_ptr<Endpoint>(new Endpoint(std::move(state)));
}

}  // namespace rs::metrics
