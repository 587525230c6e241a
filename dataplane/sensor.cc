// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sensor.h"

#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/capture/capture_file.h"
#include "dataplane/capture/eal.h"
#include "dataplane/capture/file_source.h"
#include "dataplane/capture/memory.h"
#include "dataplane/capture/nic_source.h"
#include "dataplane/capture/port.h"
#include "dataplane/config/ports.h"
#include "dataplane/context/database.h"
#include "dataplane/context/scanner.h"
#include "dataplane/event/exporter.h"
#include "dataplane/worker/lcore.h"
#include "dataplane/worker/run.h"

namespace rs {
namespace {

using namespace std::chrono_literals;

// Items between a worker and the export core: 1.5 KiB each. Our choice: 12 MiB absorb a burst of verdicts while a
// batch is written to disk.
constexpr size_t kRingItems = 8192;

// Ports and files named in a health report. Live ports are at most 32.
constexpr size_t kPortsTold = 32;

// What a capture is, whatever its name: length, beginning and end. Reading the same capture again is the same input;
// the order in which files are named does not matter.
uint64_t digest(const capture::CaptureFiles& files) {
  constexpr size_t kPart = 65'536;
  uint64_t sum = 0;
  for (const auto& file : files) {
    const Bytes all = file->bytes();
    uint64_t h = 0xcbf29ce484222325ULL ^ file->size_bytes();
    const auto feed = [&h](Bytes part) {
      for (size_t i = 0; i < part.size(); ++i) h = (h ^ part.u8(i)) * 0x100000001b3ULL;  // FNV-1a
    };
    feed(all.sub(0, kPart));
    if (all.size() > kPart) feed(all.sub(std::max(kPart, all.size() - kPart)));
    sum += h * 0x9e3779b97f4a7c15ULL;
  }
  return sum == 0 ? 1 : sum;
}

bool reads_files(const config::Config& c) {
  return std::all_of(c.capture.ports.begin(), c.capture.ports.end(),
                     [](const std::string& p) { return config::kind_of(p) == config::PortKind::kFile; });
}

class Sensor {
 public:
  Sensor(config::Config config, const RunOptions& options, const std::atomic<bool>& stop)
      : config_(std::move(config)), options_(options), stop_(stop) {}

  Result<void> run() {
    const bool files = reads_files(config_);
    // Compiling the patterns takes longer than all else: it goes on while the ports are opened.
    auto patterns = std::async(std::launch::async, [this] { return load_patterns(); });
    if (auto opened = files ? open_files() : open_ports(); !opened) return opened.error();
    if (auto made = make_workers(files); !made) return made.error();
    if (auto made = make_scanners(patterns.get()); !made) return made.error();
    if (auto made = make_exporter(files); !made) return made.error();
    exporter_->start();
    for (size_t i = 0; i < workers_.size(); ++i) {
      const auto body = files
                            ? std::function<void()>([this, i] { ended(worker::run(*workers_[i], *file_sources_[i])); })
                            : std::function<void()>([this, i] { ended(worker::run(*workers_[i], *nic_sources_[i])); });
      if (auto started = lcores_.start(eal_->worker_lcores()[i], body); !started) return started.error();
    }
    sd_notify(0, "READY=1\nSTATUS=capturing");
    watch(files);
    lcores_.wait();
    for (const auto& source : file_sources_)
      for (const std::string& w : &source == &file_sources_.front() ? source->warnings() : std::vector<std::string>{})
        spdlog::warn("{}", w);
    constexpr auto kUnsupported = static_cast<size_t>(packet::Outcome::kUnsupportedLink);
    if (const uint64_t unread = workers_.front()->counters.outcomes[kUnsupported].get(); unread != 0)
      spdlog::warn("{} packets have a link type that is not understood; none of them was read", unread);
    sd_notify(0, "STOPPING=1");
    return drain(files);
  }

 private:
  Result<void> open_files() {
    auto files = capture::open_files(config_.capture.ports, config_.capture.workers);
    if (!files) return files.error();
    input_ = std::any_of(files->begin(), files->end(), [](const auto& f) { return f->stream(); }) ? 0 : digest(*files);
    auto eal = capture::Eal::start(config_, {});
    if (!eal) return eal.error();
    eal_ = std::move(*eal);
    for (uint32_t i = 0; i < config_.capture.workers; ++i)
      file_sources_.push_back(std::make_unique<capture::FileSource>(*files, options_.speed));
    return {};
  }

  Result<void> open_ports() {
    auto plans = capture::plan_ports(config_);
    if (!plans) return plans.error();
    auto eal = capture::Eal::start(config_, *plans);
    if (!eal) return eal.error();
    eal_ = std::move(*eal);
    for (const std::string& w : eal_->warnings()) spdlog::warn("{}", w);
    auto ports = capture::Ports::open(config_, std::move(*plans));
    if (!ports) return ports.error();
    ports_ = std::move(*ports);
    for (const std::string& w : ports_->warnings()) spdlog::warn("{}", w);
    for (uint32_t i = 0; i < config_.capture.workers; ++i)
      nic_sources_.push_back(std::make_unique<capture::NicSource>(*ports_, i));
    return {};
  }

  Result<void> make_workers(bool files) {
    const uint32_t workers = config_.capture.workers;
    worker::Setup setup;
    setup.workers = static_cast<uint16_t>(workers);
    setup.share_by_hash = files;
    setup.flow_capacity = std::max(1024U, config_.flow.capacity / workers);
    setup.track.settle_ns = config_.track.settle_ms * kMs;
    setup.track.max_idle_ns = config_.flow.max_idle_s * kSecond;
    setup.track.server_names = config_.context.server_names;
    setup.output.when_full = files ? event::WhenFull::kWait : event::WhenFull::kDrop;
    setup.output.condenser.fold = config_.event.fold;
    // Endings reach the condenser when they have settled: a second's window must stay open that long.
    setup.output.condenser.linger_ns = std::min(setup.track.settle_ns + 500 * kMs, 10 * kSecond);
    setup.output.services.interval_ns = config_.event.stats_interval_s * kSecond;
    if (getrandom(&setup.seed, sizeof(setup.seed), 0) != sizeof(setup.seed) ||
        getrandom(&boot_, sizeof(boot_), 0) != sizeof(boot_))
      return Error{Code::kInternal, std::string("getrandom: ") + std::strerror(errno)};
    if (boot_ == 0) boot_ = 1;
    if (input_ == 0) input_ = boot_;
    setup.input = input_;
    for (uint32_t i = 0; i < workers; ++i) {
      setup.index = static_cast<uint16_t>(i);
      setup.output.worker = setup.index;
      auto memory = capture::alloc_zeroed(flow::Table::bytes_needed(setup.flow_capacity),
                                          worker::Lcores::socket(eal_->worker_lcores()[i]));
      if (!memory) return memory.error();
      memory_.push_back(std::move(*memory));
      rings_.push_back(std::make_unique<event::Ring>(kRingItems));
      workers_.push_back(std::make_unique<worker::Worker>(setup, memory_.back().bytes(), *rings_.back()));
    }
    return {};
  }

  Result<std::shared_ptr<const context::Database>> load_patterns() const {
    auto set = context::load_patterns(config_.context.patterns);
    if (!set) return set.error();
    return context::Database::build(std::move(*set), config_.context.cache_dir);
  }

  Result<void> make_scanners(Result<std::shared_ptr<const context::Database>> database) {
    if (!database) return Error{database.error().code, "context.patterns: " + database.error().text};
    for (const auto& w : workers_) {
      auto scanner = context::Scanner::create(*database);
      if (!scanner) return scanner.error();
      w->scanner.store(scanner->get(), std::memory_order_release);
      scanners_.push_back(std::move(*scanner));
    }
    spdlog::debug("patterns: version {} of {}, {} patterns{}", (*database)->set().version, (*database)->set().file,
                  (*database)->set().patterns.size(), (*database)->from_cache() ? ", from the cache" : "");
    return {};
  }

  Result<void> make_exporter(bool files) {
    event::ExporterConfig c;
    c.server = config_.export_.server;
    c.sensor = config_.sensor.name;
    c.boot = boot_;
    c.input = input_;
    c.when_full = files ? event::WhenFull::kWait : event::WhenFull::kDrop;
    c.spool_dir = config_.spool.dir;
    c.spool_max_bytes = uint64_t{config_.spool.max_mib} << 20;
    std::vector<event::Ring*> rings;
    for (const auto& r : rings_) rings.push_back(r.get());
    auto exporter = event::Exporter::create(std::move(c), std::move(rings), [this] { return health(); });
    if (!exporter) return exporter.error();
    exporter_ = std::move(*exporter);
    return {};
  }

  // Until every worker has left its loop: asks for drops, reports progress, passes the wish to stop on.
  void watch(bool files) {
    bool told = false;
    auto next_second = std::chrono::steady_clock::now();
    while (running_.load(std::memory_order_acquire) < workers_.size()) {
      if (stop_.load(std::memory_order_relaxed) && !told) {
        told = true;
        spdlog::info("stopping: draining what was seen");
        for (const auto& s : file_sources_) s->stop();
        for (const auto& s : nic_sources_) s->stop();
      }
      if (!files && std::chrono::steady_clock::now() >= next_second) {
        next_second += 1s;
        for (const std::string& news : ports_->refresh()) spdlog::warn("{}", news);
        // Blind time lowers what can be said of endings gathered in it.
        const uint64_t missed = ports_->missed_pkts();
        const bool lossy = missed != missed_before_;
        missed_before_ = missed;
        for (const auto& w : workers_) w->lossy.store(lossy, std::memory_order_relaxed);
        sd_notify(0, "WATCHDOG=1");
      }
      progress();
      // A short file ends soon: look often at first.
      std::this_thread::sleep_for(files ? 2ms : 50ms);
    }
    progress(true);
  }

  void progress(bool last = false) {
    if (options_.progress_fd < 0 || file_sources_.empty()) return;
    const auto now = std::chrono::steady_clock::now();
    if (!last && now < next_progress_) return;
    next_progress_ = now + 100ms;
    const auto p = file_sources_.front()->progress();
    // Whoever reads this may have gone: that is no reason to stop.
    if (dprintf(options_.progress_fd, "%llu %llu %llu\n", static_cast<unsigned long long>(p.read_bytes),
                static_cast<unsigned long long>(p.total_bytes),
                static_cast<unsigned long long>(file_sources_.front()->counts().rx_pkts)) < 0)
      next_progress_ = std::chrono::steady_clock::time_point::max();
  }

  void ended(bool complete) {
    if (!complete) incomplete_.store(true, std::memory_order_relaxed);
    running_.fetch_add(1, std::memory_order_release);
  }

  Result<void> drain(bool files) {
    // A file's verdicts are waited for as long as it takes, unless somebody asks to stop; a live sensor has its spool.
    const auto begin = std::chrono::steady_clock::now();
    bool drained = false;
    for (;;) {
      drained = exporter_->drain(200ms);
      const auto waited = std::chrono::steady_clock::now() - begin;
      if (drained || (!files && waited >= std::chrono::seconds(options_.drain_s))) break;
      if (files && stop_.load(std::memory_order_relaxed) && waited >= 1s) break;
      if (files && waited >= 30s && !warned_) {
        warned_ = true;
        spdlog::warn("waiting for the control plane at {} to take the results; stop with Ctrl-C",
                     config_.export_.server);
      }
    }
    exporter_->stop();
    const event::ExporterStats stats = exporter_->stats();
    if (options_.counters) print_counters();
    spdlog::info("{} packets, {} endings, {} batches acknowledged", received(), stats.endings,
                 stats.uplink.acked_batches);
    if (stats.uplink.refused_batches != 0)
      return Error{Code::kCorrupt, std::to_string(stats.uplink.refused_batches) + " batches with " +
                                       std::to_string(stats.uplink.refused_events) +
                                       " events were refused by the control plane at " + config_.export_.server};
    if (!drained && config_.spool.dir.empty())
      return Error{Code::kUnavailable, "the control plane at " + config_.export_.server +
                                           " has not taken all results and there is no spool.dir to keep them: start "
                                           "resetscope-control or set spool.dir"};
    if (!drained)
      spdlog::warn("not everything is acknowledged yet; it stays in {} for the next start", config_.spool.dir);
    if (incomplete_.load()) return Error{Code::kInternal, "the export core left before a worker was done"};
    return {};
  }

  [[nodiscard]] uint64_t received() const {
    // Files are read whole by every worker.
    uint64_t sum = 0;
    for (const auto& s : nic_sources_) sum += s->counts().rx_pkts;
    return file_sources_.empty() ? sum : file_sources_.front()->counts().rx_pkts;
  }

  // export thread
  event::Health health() {
    event::Health h;
    h.version = RS_VERSION;
    h.workers = static_cast<uint16_t>(workers_.size());
    // Hundreds of rotated files are one input; a few names tell which.
    h.ports = config_.capture.ports;
    if (h.ports.size() > kPortsTold) {
      const size_t more = h.ports.size() - kPortsTold;
      h.ports.resize(kPortsTold);
      h.ports.push_back("and " + std::to_string(more) + " more");
    }
    capture::SourceCounts sum;
    const auto add = [&sum](const capture::SourceCounts& c) {
      sum.rx_pkts += c.rx_pkts;
      sum.rx_bytes += c.rx_bytes;
      sum.missed_pkts += c.missed_pkts;
      sum.truncated_pkts += c.truncated_pkts;
      sum.bad_records += c.bad_records;
    };
    for (const auto& s : nic_sources_) add(s->counts());
    if (!file_sources_.empty()) add(file_sources_.front()->counts());
    h.rx_pkts = sum.rx_pkts;
    h.rx_bytes = sum.rx_bytes;
    h.missed_pkts = sum.missed_pkts;
    h.flow_capacity = uint64_t{workers_.front()->setup.flow_capacity} * workers_.size();
    for (const auto& w : workers_) {
      h.time_ns = std::max(h.time_ns, w->counters.now.load(std::memory_order_relaxed));
      h.flows += w->counters.flows.load(std::memory_order_relaxed);
      h.ring_dropped_events += w->output.sink_counters().dropped_endings.get();
    }
    h.counters = counters();
    h.counters.emplace_back("truncated", sum.truncated_pkts);
    h.counters.emplace_back("bad_records", sum.bad_records);
    return h;
  }

  // Every counter by name. With files each worker reads all packets: what is another worker's is counted there, and
  // what nobody tracks is counted once.
  std::vector<std::pair<std::string, uint64_t>> counters() {
    std::vector<std::pair<std::string, uint64_t>> out;
    const bool files = !file_sources_.empty();
    for (size_t o = 0; o < packet::kOutcomeCount; ++o) {
      const auto outcome = static_cast<packet::Outcome>(o);
      if (files && outcome == packet::Outcome::kOtherWorker) continue;
      const bool per_flow = outcome <= packet::Outcome::kTableFull;
      uint64_t sum = 0;
      for (size_t i = 0; i < (files && !per_flow ? size_t{1} : workers_.size()); ++i)
        sum += workers_[i]->counters.outcomes[o].get();
      out.emplace_back(packet::kOutcomeNames[o], sum);
    }
    const auto add = [&](const char* name, auto&& get) {
      uint64_t sum = 0;
      for (const auto& w : workers_) sum += get(*w);
      out.emplace_back(name, sum);
    };
    using W = worker::Worker;
    add("connections", [](const W& w) { return w.counters.connections.get(); });
    add("endings", [](const W& w) { return w.counters.endings.get(); });
    add("retransmissions", [](const W& w) { return w.counters.retransmissions.get(); });
    add("mirror_duplicates", [](const W& w) { return w.counters.duplicates.get(); });
    add("late_rsts", [](const W& w) { return w.counters.late_rsts.get(); });
    add("evicted_closed", [](const W& w) { return w.counters.evicted_closed.get(); });
    add("evicted_unestablished", [](const W& w) { return w.counters.evicted_unestablished.get(); });
    add("expired_idle", [](const W& w) { return w.counters.expired_idle.get(); });
    add("settled_early", [](const W& w) { return w.counters.settled_early.get(); });
    add("clock_backwards", [](const W& w) { return w.counters.clock_backwards.get(); });
    add("events_whole", [](const W& w) { return w.output.condenser_counters().whole.get(); });
    add("endings_folded", [](const W& w) { return w.output.condenser_counters().folded.get(); });
    add("ring_dropped_endings", [](const W& w) { return w.output.sink_counters().dropped_endings.get(); });
    return out;
  }

  void print_counters() {
    std::printf("received %llu\n", static_cast<unsigned long long>(received()));
    for (const auto& [name, value] : counters())
      std::printf("%s %llu\n", name.c_str(), static_cast<unsigned long long>(value));
    std::fflush(stdout);
  }

  const config::Config config_;
  const RunOptions options_;
  const std::atomic<bool>& stop_;
  uint64_t boot_ = 0;
  uint64_t input_ = 0;
  uint64_t missed_before_ = 0;
  bool warned_ = false;
  std::chrono::steady_clock::time_point next_progress_{};
  std::atomic<size_t> running_{0};       // workers that have ended. w: workers, r: control
  std::atomic<bool> incomplete_{false};  // w: workers, r: control

  // Destroyed last to first: workers before their memory, everything before EAL.
  std::unique_ptr<capture::Eal> eal_;
  std::unique_ptr<capture::Ports> ports_;
  std::vector<std::unique_ptr<capture::FileSource>> file_sources_;
  std::vector<std::unique_ptr<capture::NicSource>> nic_sources_;
  std::vector<capture::ZeroedMemory> memory_;
  std::vector<std::unique_ptr<event::Ring>> rings_;
  std::vector<std::unique_ptr<context::Scanner>> scanners_;
  std::vector<std::unique_ptr<worker::Worker>> workers_;
  std::unique_ptr<event::Exporter> exporter_;
  worker::Lcores lcores_;
};

}  // namespace

Result<void> run_sensor(config::Config config, const RunOptions& options, const std::atomic<bool>& stop) {
  return Sensor(std::move(config), options, stop).run();
}

}  // namespace rs
