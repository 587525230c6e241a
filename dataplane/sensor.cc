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
#include <deque>
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
#include "dataplane/config/keys.h"
#include "dataplane/config/ports.h"
#include "dataplane/context/database.h"
#include "dataplane/context/scanner.h"
#include "dataplane/event/exporter.h"
#include "dataplane/sensor_input.h"
#include "dataplane/sensor_log.h"
#include "dataplane/sensor_metrics.h"
#include "dataplane/sensor_report.h"
#include "dataplane/sensor_telemetry.h"
#include "dataplane/worker/lcore.h"
#include "dataplane/worker/run.h"

namespace rs {
namespace {

using namespace std::chrono_literals;

// Items between a worker and the export core: 1.5 KiB each. Our choice: 12 MiB absorb a burst of verdicts while a
// batch is written to disk.
constexpr size_t kRingItems = 8192;

// Losses are looked at this often: a blind moment is then known a tenth of a second later, before the verdicts on
// connections it touched (settle time).
constexpr auto kLossStep = 100ms;

bool reads_files(const config::Config& c) {
  return std::all_of(c.capture.ports.begin(), c.capture.ports.end(),
                     [](const std::string& p) { return config::kind_of(p) == config::PortKind::kFile; });
}

// What workers take over while they run.
worker::Live live_settings(const config::Config& c) {
  worker::Live live;
  live.track.settle_ns = c.track.settle_ms * kMs;
  live.track.max_idle_ns = c.flow.max_idle_s * kSecond;
  live.track.server_names = c.context.server_names;
  live.fold = c.event.fold;
  // Endings reach the condenser when they have settled: a second's window must stay open that long.
  live.linger_ns = std::min(live.track.settle_ns + 500 * kMs, 10 * kSecond);
  return live;
}

class Sensor {
 public:
  Sensor(config::Config config, const RunOptions& options, Requests& requests)
      : config_(std::move(config)), options_(options), requests_(requests), files_(reads_files(config_)) {}

  Result<void> run() {
    // Compiling the patterns takes longer than all else: it goes on while the ports are opened.
    auto patterns = std::async(std::launch::async, [this] { return load_patterns(); });
    if (auto opened = files_ ? open_files() : open_ports(); !opened) return opened.error();
    if (auto made = make_workers(); !made) return made.error();
    if (auto made = make_scanners(patterns.get()); !made) return made.error();
    if (auto made = make_exporter(); !made) return made.error();
    if (eal_->telemetry()) {
      auto telemetry = Telemetry::start(parts_);
      if (!telemetry) return telemetry.error();
      telemetry_ = std::move(*telemetry);
    }
    if (auto made = serve_metrics(); !made) return made.error();
    exporter_->start();
    for (size_t i = 0; i < parts_.workers.size(); ++i) {
      if (auto started = lcores_.start(eal_->worker_lcores()[i], [this, i] { work(i); }); !started) {
        // The others would wait for this one's share of what they hand over.
        stop_sources();
        for (size_t k = i; exchange_ && k < parts_.workers.size(); ++k) exchange_->of(static_cast<uint16_t>(k)).end();
        return started.error();
      }
    }
    sd_notify(0, "READY=1\nSTATUS=capturing");
    watch();
    lcores_.wait();
    if (files_)
      for (const std::string& w : parts_.files.front()->warnings()) spdlog::warn("{}", w);
    constexpr auto kUnsupported = static_cast<size_t>(packet::Outcome::kUnsupportedLink);
    if (const uint64_t unread = parts_.workers.front()->counters.outcomes[kUnsupported].get(); unread != 0)
      spdlog::warn("{} packets have a link type that is not understood; none of them was read", unread);
    sd_notify(0, "STOPPING=1");
    return drain();
  }

 private:
  Result<void> open_files() {
    const uint32_t workers = config_.capture.workers;
    auto files = capture::open_files(config_.capture.ports, workers);
    if (!files) return files.error();
    input_ =
        std::any_of(files->begin(), files->end(), [](const auto& f) { return f->stream(); }) ? 0 : input_digest(*files);
    if (auto made = make_tables(*files); !made) return made.error();
    auto eal = capture::Eal::start(config_, {});
    if (!eal) return eal.error();
    eal_ = std::move(*eal);
    const bool hand_over = workers > 1 && config_.capture.handover == config::Handover::kOn;
    sharing_ = hand_over ? worker::Sharing::kHandOver : worker::Sharing::kWholeInput;
    for (uint32_t i = 0; i < (hand_over ? 1 : workers); ++i)
      parts_.files.push_back(std::make_unique<capture::FileSource>(*files, options_.speed));
    return {};
  }

  [[nodiscard]] uint32_t flows_per_worker() const {
    return std::max(1024U, config_.flow.capacity / config_.capture.workers);
  }

  // For captures: as much of the flow tables as the input is going to use is cleared while EAL starts, which waits a
  // tenth of a second to measure the clock. Unless the tables must come from EAL.
  Result<void> make_tables(const capture::CaptureFiles& files) {
    constexpr uint64_t kBytesPerFlow = 1024;  // of capture; our choice, near what mixed traffic has
    if (config_.capture.hugepages == config::Hugepages::kRequire) return {};
    auto cpus = capture::cpus_of_workers(config_, {});
    if (!cpus) return cpus.error();
    uint64_t input_bytes = 0;
    for (const auto& file : files) input_bytes += file->size_bytes();
    const uint32_t capacity = flows_per_worker();
    const auto flows = static_cast<uint32_t>(std::min<uint64_t>(input_bytes / kBytesPerFlow / cpus->size(), capacity));
    for (const capture::Cpu& cpu : *cpus) {
      auto memory = capture::map_zeroed(flow::Table::bytes_needed(capacity), cpu.node);
      if (!memory) return memory.error();
      memory_.push_back(std::move(*memory));
    }
    clearing_ = std::async(std::launch::async, [this, flows, capacity] {
      for (const auto& memory : memory_)
        for (const auto bytes : flow::Table::first_used(memory.bytes(), capacity, flows)) capture::clear_now(bytes);
    });
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
    parts_.ports = std::move(*ports);
    for (const std::string& w : parts_.ports->warnings()) spdlog::warn("{}", w);
    for (uint32_t i = 0; i < config_.capture.workers; ++i)
      parts_.nics.push_back(std::make_unique<capture::NicSource>(*parts_.ports, i));
    return share_out();
  }

  // Who keeps the flows of live ports, by what the self-test of the ports found.
  Result<void> share_out() {
    const capture::Ports& ports = *parts_.ports;
    for (const auto& port : ports.all())
      spdlog::info("{}: {}, {} queue(s); {}", port->name, port->driver, port->queues, port->spread.why);
    if (config_.capture.workers == 1) return {};
    const std::string parted = ports.parted();
    switch (config_.capture.handover) {
      case config::Handover::kOn:
        sharing_ = worker::Sharing::kHandOver;
        break;
      case config::Handover::kAuto:
        sharing_ = parted.empty() ? worker::Sharing::kTunnels : worker::Sharing::kHandOver;
        if (!parted.empty()) spdlog::info("workers hand packets over to each other ({})", parted);
        break;
      case config::Handover::kOff:
        if (parted.empty()) break;
        if (!config_.capture.taps.empty())
          return Error{Code::kInvalid, "capture.taps: the directions of a connection would not meet on one worker (" +
                                           parted + "); set capture.handover to auto"};
        spdlog::warn(
            "packets of a connection may reach different workers and be judged apart ({}); set "
            "capture.handover to auto",
            parted);
        break;
    }
    return {};
  }

  Result<void> make_workers() {
    const uint32_t workers = config_.capture.workers;
    const auto when_full = files_ ? event::WhenFull::kWait : event::WhenFull::kDrop;
    live_ = std::make_unique<worker::LiveSettings>(live_settings(config_), workers);
    worker::Setup setup;
    setup.workers = static_cast<uint16_t>(workers);
    setup.sharing = sharing_;
    setup.captures = files_;
    setup.flow_capacity = flows_per_worker();
    setup.track = live_settings(config_).track;
    setup.output.when_full = when_full;
    setup.output.condenser.fold = config_.event.fold;
    setup.output.condenser.may_fold = !files_;
    setup.output.condenser.linger_ns = live_settings(config_).linger_ns;
    setup.output.services.interval_ns = config_.event.stats_interval_s * kSecond;
    if (getrandom(&setup.seed, sizeof(setup.seed), 0) != sizeof(setup.seed) ||
        getrandom(&boot_, sizeof(boot_), 0) != sizeof(boot_))
      return Error{Code::kInternal, std::string("getrandom: ") + std::strerror(errno)};
    if (boot_ == 0) boot_ = 1;
    if (input_ == 0) input_ = boot_;
    setup.input = input_;
    if (sharing_ == worker::Sharing::kHandOver || sharing_ == worker::Sharing::kTunnels) {
      exchange_ = std::make_unique<worker::Exchange>(setup.workers, capture::kLaneFrames, when_full, files_,
                                                     files_ ? nullptr : capture::NicSource::hold);
    }
    for (uint32_t i = 0; i < workers; ++i) {
      setup.index = static_cast<uint16_t>(i);
      setup.output.worker = setup.index;
      const int node = worker::Lcores::socket(eal_->worker_lcores()[i]);
      const capture::NearNode near(node);
      if (memory_.size() == i) {
        auto memory = capture::alloc_zeroed(flow::Table::bytes_needed(setup.flow_capacity), node);
        if (!memory) return memory.error();
        memory_.push_back(std::move(*memory));
      }
      rings_.push_back(std::make_unique<event::Ring>(kRingItems));
      auto made = std::make_unique<worker::Worker>(setup, memory_[i].bytes(), *rings_.back());
      made->live = live_->reader(i);
      if (!files_) made->blind = &parts_.losses.blind();
      if (exchange_) made->handover = &exchange_->of(setup.index);
      parts_.workers.push_back(std::move(made));
    }
    return {};
  }

  using Database = std::shared_ptr<const context::Database>;
  using Scanners = std::vector<std::unique_ptr<context::Scanner>>;  // one a worker

  Result<Database> load_patterns() const {
    auto set = context::load_patterns(config_.context.patterns);
    if (!set) return set.error();
    return context::Database::build(std::move(*set), config_.context.cache_dir, context::prebuilt());
  }

  Result<void> make_scanners(const Result<Database>& database) {
    if (!database) return Error{database.error().code, "context.patterns: " + database.error().text};
    auto scanners = scanners_of(*database);
    if (!scanners) return scanners.error();
    swap_scanners(std::move(*scanners));
    return {};
  }

  Result<Scanners> scanners_of(const Database& database) const {
    Scanners scanners;
    for (size_t i = 0; i < parts_.workers.size(); ++i) {
      auto scanner = context::Scanner::create(database);
      if (!scanner) return scanner.error();
      scanners.push_back(std::move(*scanner));
    }
    spdlog::debug("patterns: version {} of {}, {} patterns{}", database->set().version, database->set().file,
                  database->set().patterns.size(), database->from_cache() ? ", from the cache" : "");
    return scanners;
  }

  // Returns the old ones: a worker may hold its own until its next burst.
  Scanners swap_scanners(Scanners scanners) {
    for (size_t i = 0; i < scanners.size(); ++i)
      parts_.workers[i]->scanner.store(scanners[i].get(), std::memory_order_release);
    std::swap(scanners, scanners_);
    return scanners;
  }

  // The patterns that a configuration names, made ready; nothing where they are those in use. The file may have changed
  // though its name has not.
  Result<Scanners> new_scanners(const config::Config& next) const {
    auto set = context::load_patterns(next.context.patterns);
    if (!set) return Error{set.error().code, "context.patterns: " + set.error().text};
    if (!scanners_.empty() && scanners_.front()->database().set().digest == set->digest) return Scanners{};
    auto database = context::Database::build(std::move(*set), config_.context.cache_dir, context::prebuilt());
    if (!database) return Error{database.error().code, "context.patterns: " + database.error().text};
    return scanners_of(*database);
  }

  Result<void> make_exporter() {
    event::ExporterConfig c;
    c.server = config_.export_.server;
    c.tls = {config_.export_.tls_ca, config_.export_.tls_cert, config_.export_.tls_key};
    c.tls_server_name = config_.export_.tls_server_name;
    c.sensor = config_.sensor.name;
    c.boot = boot_;
    c.input = input_;
    c.when_full = files_ ? event::WhenFull::kWait : event::WhenFull::kDrop;
    c.spool_dir = config_.spool.dir;
    c.spool_max_bytes = uint64_t{config_.spool.max_mib} << 20;
    std::vector<event::Ring*> rings;
    for (const auto& r : rings_) rings.push_back(r.get());
    auto exporter = event::Exporter::create(std::move(c), std::move(rings),
                                            [this] { return health(parts_, config_.capture.ports); });
    if (!exporter) return exporter.error();
    exporter_ = std::move(*exporter);
    return {};
  }

  Result<void> serve_metrics() {
    if (config_.metrics.listen.empty()) return {};
    auto endpoint = metrics::Endpoint::start(config_.metrics.listen,
                                             [this](metrics::Page& page) { fill_page(parts_, *exporter_, page); });
    if (!endpoint) return endpoint.error();
    metrics_ = std::move(*endpoint);
    spdlog::info("metrics on http://{} (port {})", config_.metrics.listen, metrics_->port());
    return {};
  }

  // worker thread
  void work(size_t i) {
    worker::Worker& w = *parts_.workers[i];
    capture::NoSource none;
    bool complete = false;
    if (!files_) {
      complete = worker::run(w, *parts_.nics[i]);
    } else if (i < parts_.files.size()) {
      complete = worker::run(w, *parts_.files[i]);
    } else {
      complete = worker::run(w, none);
    }
    if (!complete) incomplete_.store(true, std::memory_order_relaxed);
    running_.fetch_add(1, std::memory_order_release);
  }

  void stop_sources() {
    for (const auto& s : parts_.files) s->stop();
    for (const auto& s : parts_.nics) s->stop();
  }

  // Until every worker has left its loop: asks for drops, reports progress, passes on what signals ask for.
  void watch() {
    bool told = false;
    auto next_second = std::chrono::steady_clock::now();
    auto next_losses = next_second;
    while (running_.load(std::memory_order_acquire) < parts_.workers.size()) {
      if (requests_.stop.load(std::memory_order_relaxed) && !told) {
        told = true;
        spdlog::info("stopping: draining what was seen");
        stop_sources();
      }
      if (requests_.reload.exchange(false)) reload();
      while (!retired_.empty() && live_->applied(retired_.front().version)) retired_.pop_front();
      const auto now = std::chrono::steady_clock::now();
      if (!files_ && now >= next_second) {
        next_second += 1s;
        for (const std::string& news : parts_.ports->refresh()) spdlog::warn("{}", news);
        sd_notify(0, "WATCHDOG=1");
      }
      if (!files_ && now >= next_losses) {
        next_losses += kLossStep;
        parts_.ports->refresh_drops();
        parts_.losses.sample(parts_.ports->now(), lost(parts_));
      }
      progress();
      // A short file ends soon: look often at first.
      std::this_thread::sleep_for(files_ ? 2ms : 50ms);
    }
    progress(true);
  }

  // A good file's settings take effect where they can; a bad one changes nothing.
  void reload() {
    if (!options_.read_again) return;
    sd_notify(0, "RELOADING=1");
    auto next = options_.read_again();
    auto scanners = next ? new_scanners(*next) : Result<Scanners>(next.error());
    if (!scanners) {
      spdlog::error("the configuration is kept as it was: {}", scanners.error().text);
    } else {
      std::string live;
      std::string restart;
      for (const config::Key* key : config::changed(config_, *next)) {
        std::string& list = key->live ? live : restart;
        list.append(list.empty() ? "" : ", ").append(key->name);
        if (key->live) list.append(" = ").append(key->show(*key, *next));
      }
      config::take_live(config_, *next);
      set_up_log(config_.log);
      Scanners old;
      if (!scanners->empty()) {
        old = swap_scanners(std::move(*scanners));
        const context::PatternSet& set = scanners_.front()->database().set();
        spdlog::info("patterns: version {} of {} from now on", set.version,
                     set.file.empty() ? "the program" : set.file);
      }
      // A worker that has taken over these settings has begun a burst since the swap.
      const uint64_t version = live_->publish(live_settings(config_));
      if (!old.empty()) retired_.push_back({version, std::move(old)});
      spdlog::info("the configuration was read again; changed: {}", live.empty() ? "nothing" : live);
      if (!restart.empty()) spdlog::warn("changed in the file, but only a restart brings it about: {}", restart);
    }
    sd_notify(0, "READY=1\nSTATUS=capturing");
  }

  void progress(bool last = false) {
    if (options_.progress_fd < 0 || parts_.files.empty()) return;
    const auto now = std::chrono::steady_clock::now();
    if (!last && now < next_progress_) return;
    next_progress_ = now + 100ms;
    const auto p = parts_.files.front()->progress();
    // Whoever reads this may have gone: that is no reason to stop.
    if (dprintf(options_.progress_fd, "%llu %llu %llu\n", static_cast<unsigned long long>(p.read_bytes),
                static_cast<unsigned long long>(p.total_bytes),
                static_cast<unsigned long long>(parts_.files.front()->counts().rx_pkts)) < 0)
      next_progress_ = std::chrono::steady_clock::time_point::max();
  }

  Result<void> drain() {
    // A file's verdicts are waited for as long as it takes, unless somebody asks to stop; a live sensor has its spool.
    const auto begin = std::chrono::steady_clock::now();
    bool drained = false;
    for (;;) {
      drained = exporter_->drain(200ms);
      const auto waited = std::chrono::steady_clock::now() - begin;
      if (drained || (!files_ && waited >= std::chrono::seconds(options_.drain_s))) break;
      if (files_ && requests_.stop.load(std::memory_order_relaxed) && waited >= 1s) break;
      if (files_ && waited >= 30s && !warned_) {
        warned_ = true;
        spdlog::warn("waiting for the control plane at {} to take the results; stop with Ctrl-C",
                     config_.export_.server);
      }
    }
    exporter_->stop();
    const event::ExporterStats stats = exporter_->stats();
    const uint64_t packets = received(parts_).rx_pkts;
    if (options_.counters) print_counters(packets);
    spdlog::info("{} packets, {} endings, {} batches acknowledged", packets, stats.endings, stats.uplink.acked_batches);
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
    // Workers that each read a whole capture are stopped at different places.
    const bool cut = parts_.files.size() > 1 && requests_.stop.load(std::memory_order_relaxed);
    if (const uint64_t sum = accounted(parts_); sum != packets && !cut)
      return Error{Code::kInternal, "the counters do not add up: " + std::to_string(packets) + " packets received, " +
                                        std::to_string(sum) + " accounted for"};
    return {};
  }

  void print_counters(uint64_t packets) {
    std::printf("received %llu\n", static_cast<unsigned long long>(packets));
    for (const auto& [name, value] : counters(parts_))
      std::printf("%s %llu\n", name.c_str(), static_cast<unsigned long long>(value));
    std::fflush(stdout);
  }

  config::Config config_;  // control thread; workers see live_, other threads nothing that changes
  const RunOptions options_;
  Requests& requests_;
  const bool files_;  // captures, not live ports
  worker::Sharing sharing_ = worker::Sharing::kPorts;
  uint64_t boot_ = 0;
  uint64_t input_ = 0;
  bool warned_ = false;
  std::chrono::steady_clock::time_point next_progress_{};
  std::atomic<size_t> running_{0};       // workers that have ended. w: workers, r: control
  std::atomic<bool> incomplete_{false};  // w: workers, r: control

  // Destroyed last to first: workers before their memory, everything before EAL.
  std::unique_ptr<capture::Eal> eal_;
  std::vector<capture::ZeroedMemory> memory_;
  std::future<void> clearing_;  // of memory_, behind everything
  std::vector<std::unique_ptr<event::Ring>> rings_;
  struct Retired {
    uint64_t version;  // of the live settings that every worker must have taken over first
    Scanners scanners;
  };
  std::deque<Retired> retired_;
  Scanners scanners_;
  std::unique_ptr<worker::LiveSettings> live_;
  std::unique_ptr<worker::Exchange> exchange_;
  Parts parts_;
  std::unique_ptr<event::Exporter> exporter_;
  std::unique_ptr<Telemetry> telemetry_;
  std::unique_ptr<metrics::Endpoint> metrics_;
  worker::Lcores lcores_;
};

}  // namespace

Result<void> run_sensor(config::Config config, const RunOptions& options, Requests& requests) {
  return Sensor(std::move(config), options, requests).run();
}

}  // namespace rs
