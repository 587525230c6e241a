// SPDX-License-Identifier: Apache-2.0
#include "control/correlator.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>
#include <tuple>
#include <utility>

namespace rs::control {
namespace {

constexpr auto kKeepEvery = std::chrono::seconds(2);
constexpr size_t kChunk = 4096;  // endings read from the store at once
constexpr size_t kMaxSensors = 65'000;

uint64_t now_ns() {
  return static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

}  // namespace

model::SensorNumber Correlator::number_of(const std::string& sensor) {
  const auto found = numbers_.find(sensor);
  if (found != numbers_.end()) return found->second;
  const auto number = static_cast<model::SensorNumber>(std::min(sensors_.size(), kMaxSensors));
  numbers_.emplace(sensor, number);
  if (sensors_.size() < kMaxSensors) sensors_.push_back(sensor);
  return number;
}

Result<void> Correlator::start() {
  const auto cursor = store_.findings_cursor();
  if (!cursor) return cursor.error();
  for (const uint8_t kind : {correlate::kIncidentFinding, correlate::kIdleFinding})
    if (auto read = store_.findings(kind, [&](const model::Finding& one) { correlation_.restore(one); }); !read)
      return read;
  const auto overlaps = store_.overlaps();
  if (!overlaps) return overlaps.error();
  if (!overlaps->empty()) correlation_.remember_sightings();
  // One relation is enough to know that there are any.
  if (auto read = store_.findings(correlate::kRelayFinding, [&](const auto&) { correlation_.remember_relays(); });
      !read)
    return read;
  counted_ = *cursor;
  correlation_.start_at(counted_ > kWarm ? counted_ - kWarm : 0);
  newest_ = store_.newest_cursor();
  behind_ = newest_ > 0;
  correlation_.set_names(names_.get());
  store_.observe(this);
  thread_ = std::thread([this] { run(); });
  return {};
}

void Correlator::stop() {
  if (!thread_.joinable()) return;
  store_.observe(nullptr);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Correlator::stored(const model::Batch& batch, const std::vector<uint32_t>& fresh,
                        const std::vector<model::Sighting>& sightings) {
  if (other_ != nullptr) other_->stored(batch, fresh, sightings);
  const std::lock_guard lock(mutex_);
  const model::SensorNumber sensor = number_of(batch.sensor);
  correlate::Intake intake;
  if (!fresh.empty()) intake.cursor = batch.events[fresh.back()].cursor;
  newest_ = std::max(newest_, intake.cursor);
  if (in_packet_order_) {
    if (batch.input == batch.boot) {
      in_packet_order_ = false;  // live: what was held back is read from the store
      behind_ = true;
    } else if (batch.last) {
      reading_.erase(batch.sensor);
    } else {
      reading_.insert(batch.sensor);
    }
  }
  if (!behind_ && !in_packet_order_) {
    intake.ended.reserve(fresh.size());
    for (const uint32_t i : fresh) intake.ended.push_back(model::ended(batch.events[i], sensor));
  }
  for (const model::Sighting& s : sightings) {
    const auto event = std::ranges::find(batch.events, s.id, &model::Event::id);
    if (event != batch.events.end())
      intake.sightings.push_back({event->client, event->server, sensor, s.rtt_client_ns, s.rtt_server_ns});
  }
  intake.served.reserve(batch.services.size());
  uint64_t packet_ns = batch.health ? batch.health->time_ns : 0;
  for (const model::ServiceStats& s : batch.services) {
    intake.served.push_back({s.server, s.from_ns, s.to_ns, s.attempted, s.established, sensor});
    packet_ns = std::max(packet_ns, s.to_ns);
  }
  if (packet_ns > 0 || batch.last) intake.progress.push_back({sensor, packet_ns, batch.last});
  if (intake.size() == 0 && intake.cursor == 0) return;
  queued_ += intake.ended.size();
  queue_.push_back(std::move(intake));
  if (queued_ > kMaxQueued) {
    behind_ = true;
    for (correlate::Intake& one : queue_) one.ended = {};
    queued_ = 0;
  }
  wake_.notify_one();
}

// Reads from the store until it holds nothing newer than what was correlated.
void Correlator::catch_up() {
  for (;;) {
    correlate::Intake intake;
    std::vector<std::string> sensors;
    const uint64_t after = correlation_.cursor();
    std::vector<std::pair<model::Ended, std::string>> read;
    const auto listed = store_.list_after(after, {}, kChunk, {}, [&](const model::Event& event) {
      read.emplace_back(model::ended(event, 0), event.sensor);
      intake.cursor = event.cursor;
      return true;
    });
    if (!listed) {
      spdlog::error("correlation: cannot read what was stored: {}; trying again", listed.error().text);
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kKeepEvery, [this] { return stopping_; });
      if (stopping_) behind_ = false;
      return;
    }
    const bool all = read.size() < kChunk;
    {
      const std::lock_guard lock(mutex_);
      for (auto& [ended, sensor] : read) {
        ended.sensor = number_of(sensor);
        intake.ended.push_back(ended);
      }
      sensors = sensors_;
      if (all && intake.cursor == 0) intake.cursor = after;
      if (all && intake.cursor >= newest_) behind_ = false;
      // Gone by retention: there is nothing to read up to the newest.
      if (all && read.empty()) {
        behind_ = false;
        intake.cursor = std::max(intake.cursor, newest_);
      }
    }
    correlation_.take(intake, sensors, now_ns(), counted_);
    const std::lock_guard lock(mutex_);
    if (!behind_ || stopping_) return;
  }
}

void Correlator::take_in_packet_order(std::vector<correlate::Intake> held) {
  correlate::Intake all;
  for (const correlate::Intake& one : held) {
    all.served.insert(all.served.end(), one.served.begin(), one.served.end());
    all.sightings.insert(all.sightings.end(), one.sightings.begin(), one.sightings.end());
    all.progress.insert(all.progress.end(), one.progress.begin(), one.progress.end());
  }
  const auto interval = [](const model::Served& s) {
    return std::tuple(s.to_ns, s.server, s.from_ns, s.sensor, s.attempted, s.established);
  };
  std::ranges::sort(all.served, {}, interval);
  auto served = all.served.begin();

  std::vector<std::string> sensors;
  correlate::Intake chunk;
  const auto take = [&] {
    if (chunk.ended.empty()) return;
    std::ranges::sort(chunk.ended, {}, [](const model::Ended& e) { return std::pair(e.time_ns, e.id); });
    for (; served != all.served.end() && served->to_ns <= chunk.ended.front().time_ns; ++served)
      chunk.served.push_back(*served);
    correlation_.take(chunk, sensors, now_ns());
    chunk = {};
  };
  store::ListQuery query;
  query.limit = SIZE_MAX >> 1;
  const auto listed = store_.list(query, {}, [&](const model::Event& event) {
    // Equal times stay together, so that their order is not that of arrival.
    if (chunk.ended.size() >= kChunk && chunk.ended.back().time_ns != event.time_ns) take();
    const std::lock_guard lock(mutex_);
    chunk.ended.push_back(model::ended(event, number_of(event.sensor)));
    chunk.ended.back().cursor = 0;  // their order is not that of cursors
    all.cursor = std::max(all.cursor, event.cursor);
    if (sensors.size() != sensors_.size()) sensors = sensors_;
    return true;
  });
  if (!listed) spdlog::error("correlation: cannot read what was stored: {}", listed.error().text);
  take();
  all.served.erase(all.served.begin(), served);
  correlation_.take(all, sensors, now_ns());
  // What comes from now on, another capture say, comes in order of arrival.
  const std::lock_guard lock(mutex_);
  in_packet_order_ = false;
  behind_ = newest_ > all.cursor;
}

void Correlator::keep(bool wait) {
  model::Findings findings = correlation_.changed();
  // How far they go is kept now and then even when nothing was found, so that a start has little to read again.
  if (findings.rows.empty() && !wait && findings.cursor < kept_cursor_ + kWarm) return;
  kept_cursor_ = findings.cursor;
  std::promise<void> done;
  store_.save(std::move(findings), [&done, wait](const store::Written& written) {
    if (written.outcome != store::Outcome::kStored)
      spdlog::error("correlation: what was found could not be kept: {}", written.text);
    if (wait) done.set_value();
  });
  if (wait) done.get_future().wait();
}

void Correlator::run() {
  auto kept = std::chrono::steady_clock::now();
  std::shared_ptr<const model::Names> names = names_.get();
  std::vector<correlate::Intake> held;  // until all captures are read
  for (;;) {
    std::deque<correlate::Intake> work;
    std::vector<std::string> sensors;
    bool behind = false;
    bool stopping = false;
    bool hold = false;
    bool all_read = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kKeepEvery, [this] { return stopping_ || behind_ || !queue_.empty(); });
      work.swap(queue_);
      queued_ = 0;
      sensors = sensors_;
      behind = behind_;
      stopping = stopping_;
      hold = in_packet_order_;
      all_read = hold && reading_.empty();
      busy_ = true;
    }
    if (const auto newest = names_.get(); newest != names) correlation_.set_names(names = newest);
    if (hold || !held.empty()) {
      std::ranges::move(work, std::back_inserter(held));
      work.clear();
    }
    if (all_read && !held.empty()) take_in_packet_order(std::exchange(held, {}));
    if (behind) catch_up();
    if (!hold) std::ranges::move(std::exchange(held, {}), std::back_inserter(work));
    for (correlate::Intake& intake : work) {
      // What was queued before the queue gave way is known from the store.
      const uint64_t known = correlation_.cursor();
      std::erase_if(intake.ended, [&](const model::Ended& e) { return e.cursor <= known; });
      correlation_.take(intake, sensors, now_ns(), counted_);
    }
    const auto now = std::chrono::steady_clock::now();
    if (now - kept >= kKeepEvery || stopping) {
      correlation_.expire(now_ns());
      keep(stopping);
      kept = now;
    }
    std::lock_guard lock(mutex_);
    busy_ = false;
    if (queue_.empty() && !behind_) settled_.notify_all();
    if (stopping && queue_.empty()) return;
  }
}

void Correlator::settle() {
  std::unique_lock lock(mutex_);
  wake_.notify_one();
  settled_.wait(lock, [this] { return (queue_.empty() && !busy_ && !behind_) || stopping_; });
}

}  // namespace rs::control
