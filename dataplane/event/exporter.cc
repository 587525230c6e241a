// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/exporter.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "dataplane/event/hash.h"
#include "dataplane/event/target.h"

namespace rs::event {
namespace {

constexpr size_t kTurn = 256;                 // items taken from one ring before the next has its turn
constexpr std::chrono::milliseconds kNap{1};  // when every ring is empty
constexpr std::chrono::milliseconds kStallLook{1000};
constexpr std::chrono::milliseconds kStopLimit{2000};  // for workers that go on putting items after stop()

uint64_t wall_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

}  // namespace

Result<std::unique_ptr<Exporter>> Exporter::create(ExporterConfig config, std::vector<Ring*> rings,
                                                   HealthSource health) {
  auto target = target_of(config.server, config.tls.any());
  if (!target) return target.error();
  config.uplink.target = target->text;
  if (target->secure) {
    auto credentials = tls::client_credentials(config.tls);
    if (!credentials) return credentials.error();
    config.uplink.credentials = std::move(*credentials);
    config.uplink.server_name = config.tls_server_name;
  }
  while (config.boot == 0) config.boot = random_seed();
  if (config.input == 0) config.input = config.boot;
  SpoolConfig spool_config;
  spool_config.dir = config.spool_dir;
  spool_config.max_bytes = config.spool_max_bytes;
  spool_config.memory_bytes = config.memory_max_bytes;
  spool_config.drop_oldest = config.when_full == WhenFull::kDrop;
  auto spool = Spool::open(spool_config);
  if (!spool) return spool.error();
  return std::unique_ptr<Exporter>(
      new Exporter(std::move(config), std::move(rings), std::move(health), std::move(*spool)));
}

Exporter::Exporter(ExporterConfig config, std::vector<Ring*> rings, HealthSource health, std::unique_ptr<Spool> spool)
    : config_(std::move(config)),
      rings_(std::move(rings)),
      health_(std::move(health)),
      outbox_{{}, {}, std::move(spool)},
      uplink_(config_.uplink, outbox_),
      encoder_({config_.sensor, config_.boot, config_.input, config_.batch_bytes, config_.batch_items}),
      ring_ended_(rings_.size(), false) {}

Exporter::~Exporter() { stop(); }

void Exporter::start() {
  uplink_.start();
  thread_ = std::thread([this] { run(); });
}

bool Exporter::drain(std::chrono::milliseconds timeout) {
  std::unique_lock lock(outbox_.mutex);
  return outbox_.changed.wait_for(lock, timeout, [&] { return done_ && outbox_.spool->stats().waiting_batches == 0; });
}

void Exporter::stop() {
  stop_.store(true, std::memory_order_release);
  if (thread_.joinable()) thread_.join();
  uplink_.stop();
  const std::lock_guard lock(outbox_.mutex);
  const SpoolStats& left = outbox_.spool->stats();
  if (left.waiting_batches == 0 || std::exchange(stopped_, true)) return;
  if (config_.spool_dir.empty()) {
    spdlog::warn("{} batches with {} events were not taken by the control plane and are lost: there is no spool.dir",
                 left.waiting_batches, left.waiting_events);
  } else {
    spdlog::info("{} batches with {} events wait in {} for the next start", left.waiting_batches, left.waiting_events,
                 config_.spool_dir);
  }
}

ExporterStats Exporter::stats() {
  ExporterStats out;
  out.uplink = uplink_.stats();
  const std::lock_guard lock(outbox_.mutex);
  out.batches = batches_;
  out.events = events_;
  out.endings = endings_;
  out.services = services_;
  out.spool = outbox_.spool->stats();
  return out;
}

void Exporter::run() {
  next_health_ = Clock::now();
  next_stall_look_ = next_health_ + kStallLook;
  Clock::time_point stop_limit = Clock::time_point::max();
  bool last_sealed = false;
  for (;;) {
    // Read before the rings: what was put before stop() is then taken for certain.
    const bool stopping = stop_.load(std::memory_order_acquire);
    if (held_) held_ = !spool_sealed(stopping);
    const size_t taken = held_ ? 0 : take_items();
    const auto now = Clock::now();
    if (stopping && stop_limit == Clock::time_point::max()) stop_limit = now + kStopLimit;
    if (!held_ && !last_sealed) {
      if (all_ended()) {
        seal(true);
        last_sealed = true;
      } else if (now >= next_health_ || (!encoder_.empty() && (now - first_item_ >= config_.seal_after || stopping))) {
        seal(false);
      }
    }
    if (now >= next_stall_look_) {
      next_stall_look_ = now + kStallLook;
      uplink_.check_stall();
    }
    if (stopping && !held_ && (taken == 0 || now >= stop_limit)) break;
    if (taken == 0) std::this_thread::sleep_for(kNap);
  }
  for (Ring* ring : rings_) ring->close();
}

// One turn over the rings; the number of items taken.
size_t Exporter::take_items() {
  size_t taken = 0;
  for (size_t i = 0; i < rings_.size(); ++i) {
    if (!take_ring(i, taken)) break;
  }
  return taken;
}

// False when the batch is full and the spool has no room for it.
bool Exporter::take_ring(size_t index, size_t& taken) {
  Ring& ring = *rings_[index];
  for (size_t n = 0; n < kTurn; ++n) {
    const Item* item = ring.front();
    if (item == nullptr) return true;
    const bool was_empty = encoder_.empty();
    if (!encoder_.add(*item)) {
      seal(false);
      if (held_) return false;
      continue;
    }
    if (was_empty && !encoder_.empty()) first_item_ = Clock::now();
    if (item->kind == ItemKind::kEndOfInput && !ring_ended_[index]) {
      ring_ended_[index] = true;
      ++ended_;
    }
    ring.pop();
    ++taken;
  }
  return true;
}

void Exporter::seal(bool last) {
  const auto now = Clock::now();
  if (health_ != nullptr && (last || now >= next_health_)) {
    next_health_ = now + config_.health_every;
    Health health = health_();
    complete(health);
    sealed_ = encoder_.seal(++sequence_, wall_ns(), &health, last);
  } else {
    if (now >= next_health_) next_health_ = now + config_.health_every;
    sealed_ = encoder_.seal(++sequence_, wall_ns(), nullptr, last);
  }
  held_ = !spool_sealed(false);
}

// False when the spool is full and must not drop. A batch sealed after all inputs have ended is the last.
bool Exporter::spool_sealed(bool force) {
  const RecordInfo info{config_.boot, sequence_, sealed_.events, sealed_.endings};
  {
    const std::lock_guard lock(outbox_.mutex);
    if (!outbox_.spool->append(info, sealed_.data, sealed_.size, force)) return false;
    ++batches_;
    events_ += sealed_.events;
    endings_ += sealed_.endings;
    services_ += sealed_.services;
    done_ = all_ended();
  }
  outbox_.changed.notify_all();
  return true;
}

// What only the exporter knows.
void Exporter::complete(Health& health) {
  const ExporterStats s = stats();
  health.lost_batches = s.spool.lost_batches;
  health.lost_events = s.spool.lost_events;
  const std::pair<const char*, uint64_t> mine[] = {
      {"export_batches", s.batches},
      {"export_events", s.events},
      {"export_endings", s.endings},
      {"export_services", s.services},
      {"export_sent_batches", s.uplink.sent_batches},
      {"export_sent_bytes", s.uplink.sent_bytes},
      {"export_acked_batches", s.uplink.acked_batches},
      {"export_duplicate_batches", s.uplink.duplicate_batches},
      {"export_refused_batches", s.uplink.refused_batches},
      {"export_refused_events", s.uplink.refused_events},
      {"export_bad_acks", s.uplink.bad_acks},
      {"export_streams", s.uplink.streams},
      {"export_stalls", s.uplink.stalls},
      {"spool_recovered_batches", s.spool.recovered_batches},
      {"spool_lost_endings", s.spool.lost_endings},
      {"spool_disk_errors", s.spool.disk_errors},
  };
  for (const auto& [name, value] : mine) health.counters.emplace_back(name, value);
}

}  // namespace rs::event
