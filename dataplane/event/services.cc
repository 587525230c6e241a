// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/services.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "dataplane/event/hash.h"

namespace rs::event {
namespace {

constexpr DurationNs kLeastIntervalNs = kMs;

uint32_t saturating_add(uint32_t a, uint64_t b) {
  const uint64_t sum = a + b;
  return sum < b || sum > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(sum);
}

}  // namespace

Services::Services(const ServicesConfig& config, Sink& sink)
    : config_{std::max(config.entries, 1U), std::max(config.interval_ns, kLeastIntervalNs)}, sink_(sink) {
  const size_t buckets = std::bit_ceil(size_t{config_.entries} * 2);
  bucket_mask_ = buckets - 1;
  seed_ = random_seed();
  buckets_.assign(buckets, kNone);
  slots_.resize(size_t{config_.entries} + 1);
  std::memset(static_cast<void*>(slots_.data()), 0, slots_.size() * sizeof(Slot));
  evictions_left_ = config_.entries;
  used_ = 0;
}

void Services::tally(const Endpoint& server, uint32_t network_tag, Tally what) {
  Slot& slot = slot_for(server, network_tag);
  switch (what) {
    case Tally::kAttempted:
      ++slot.attempted;
      break;
    case Tally::kEstablished:
      ++slot.established;
      break;
    case Tally::kClosedCleanly:
      ++slot.closed_cleanly;
      break;
  }
}

void Services::ending(const Event& event) {
  Slot& slot = slot_for(event.server, event.network_tag);
  switch (event.ending) {
    case Ending::kRefused:
    case Ending::kRejected:
      slot.refused += event.count;
      break;
    case Ending::kReset:
      slot.reset += event.count;
      break;
    case Ending::kTimedOut:
      slot.timed_out += event.count;
      break;
    case Ending::kUnknown:
    case Ending::kClosed:
      break;
  }
  const auto cause = static_cast<size_t>(event.cause);
  if (cause < kCauseCount) slot.by_cause[cause] = saturating_add(slot.by_cause[cause], event.count);
  slot.lost_bytes += event.lost_bytes;
}

void Services::bytes(const Endpoint& server, uint32_t network_tag, uint64_t client_bytes, uint64_t server_bytes) {
  Slot& slot = slot_for(server, network_tag);
  slot.client_bytes += client_bytes;
  slot.server_bytes += server_bytes;
}

uint32_t Services::bucket_of(const Endpoint& server, uint32_t network_tag) const {
  const uint8_t* ip = server.ip.bytes.data();
  const uint64_t a = fold_multiply(load64(ip) ^ seed_, load64(ip + 8) ^ 0xbf58476d1ce4e5b9U);
  const uint64_t b = uint64_t{network_tag} << 16 | server.port;
  return static_cast<uint32_t>(fold_multiply(a ^ 0xa0761d6478bd642fU, b ^ seed_ ^ 0xe7037ed1a0b428dbU) & bucket_mask_);
}

Services::Slot& Services::slot_for(const Endpoint& server, uint32_t network_tag) {
  const uint32_t bucket = bucket_of(server, network_tag);
  uint32_t index = buckets_[bucket];
  while (index != kNone && (slots_[index].network_tag != network_tag || slots_[index].server != server)) {
    index = slots_[index].chain;
  }
  if (index != kNone) {
    Slot& slot = slots_[index];
    if (slot.interval != interval_) renew(slot);
    if (slot.uses < kMostUses) ++slot.uses;
    return slot;
  }
  index = take_place();
  Slot& slot = slots_[index];
  if (index == config_.entries) {
    counters_.together.add(1);
    if (slot.used == 0) {
      clear(slot);
    } else if (slot.interval != interval_) {
      renew(slot);
    }
    return slot;
  }
  clear(slot);
  slot.server = server;
  slot.network_tag = network_tag;
  slot.chain = buckets_[bucket];
  buckets_[bucket] = index;
  return slot;
}

// A free slot, or one whose service was put out for it, or the common entry.
uint32_t Services::take_place() {
  if (free_ != kNone) {
    const uint32_t index = free_;
    free_ = slots_[index].chain;
    return index;
  }
  if (used_ < config_.entries) return used_++;
  if (evictions_left_ == 0) return config_.entries;
  uint32_t victim = kNone;
  for (uint32_t i = 0; i < kEvictLook; ++i) {
    const uint32_t index = hand_;
    hand_ = hand_ + 1 < config_.entries ? hand_ + 1 : 0;
    Slot& slot = slots_[index];
    if (victim == kNone || slot.uses < slots_[victim].uses) victim = index;
    if (slot.uses <= 1) break;
    --slot.uses;
  }
  if (!emit(slots_[victim], now_)) return config_.entries;
  --evictions_left_;
  counters_.evicted.add(1);
  remove(victim);
  free_ = slots_[victim].chain;
  return victim;
}

void Services::clear(Slot& slot) const {
  std::memset(static_cast<void*>(&slot), 0, sizeof(Slot));
  slot.used = 1;
  slot.uses = 1;
  slot.interval = slot.first = interval_;
}

// The service is wanted in a new interval before the sweep reached it. When the ring has no room the old counts stay
// and the interval grows.
void Services::renew(Slot& slot) {
  if (!emit(slot, now_)) {
    slot.first = std::min(slot.first, interval_);
    slot.interval = std::max(slot.interval, interval_);
    return;
  }
  const Endpoint server = slot.server;
  const uint32_t network_tag = slot.network_tag;
  const uint32_t chain = slot.chain;
  clear(slot);
  slot.server = server;
  slot.network_tag = network_tag;
  slot.chain = chain;
}

void Services::write(const Slot& slot, Item& item) const {
  ServiceStats& out = item.service;
  out.server = slot.server;
  out.network_tag = slot.network_tag;
  out.from_ns = slot.first * config_.interval_ns;
  out.to_ns = (uint64_t{slot.interval} + 1) * config_.interval_ns;
  out.attempted = slot.attempted;
  out.established = slot.established;
  out.closed_cleanly = slot.closed_cleanly;
  out.refused = slot.refused;
  out.reset = slot.reset;
  out.timed_out = slot.timed_out;
  out.client_bytes = slot.client_bytes;
  out.server_bytes = slot.server_bytes;
  out.lost_bytes = slot.lost_bytes;
  out.worker = sink_.worker();
  out.by_cause = slot.by_cause;
}

bool Services::emit(const Slot& slot, TimeNs now) {
  Item* item = sink_.reserve();
  if (item == nullptr) return false;
  write(slot, *item);
  sink_.commit_service(*item, now);
  return true;
}

void Services::remove(uint32_t index) {
  Slot& slot = slots_[index];
  slot.used = 0;
  if (index == config_.entries) return;
  uint32_t* link = &buckets_[bucket_of(slot.server, slot.network_tag)];
  while (*link != index) link = &slots_[*link].chain;
  *link = slot.chain;
  slot.chain = free_;
  free_ = index;
}

void Services::sweep(TimeNs now) {
  now_ = now;
  for (uint32_t i = 0; i < kSweepBudget && sweep_ < used_; ++i, ++sweep_) {
    const Slot& slot = slots_[sweep_];
    if (slot.used == 0 || slot.interval == interval_) continue;
    if (!emit(slot, now)) return;
    remove(sweep_);
  }
}

void Services::turn(TimeNs now) {
  now_ = now;
  // Packets of one burst may come from ports whose clocks differ a little: a step back within the last interval
  // stays in the current one.
  if (now < begin_ns_ && now + config_.interval_ns >= begin_ns_) return;
  interval_ = static_cast<uint32_t>(now / config_.interval_ns);
  begin_ns_ = interval_ * config_.interval_ns;
  end_ns_ = begin_ns_ + config_.interval_ns;
  evictions_left_ = config_.entries;
  sweep_ = 0;
  Slot& together = slots_[config_.entries];
  if (together.used != 0 && together.interval != interval_ && emit(together, now)) remove(config_.entries);
}

bool Services::flush(TimeNs now) {
  bool complete = true;
  for (uint32_t index = 0; index < slots_.size(); ++index) {
    const Slot& slot = slots_[index];
    if (slot.used == 0) continue;
    if (Item* item = sink_.reserve_waiting()) {
      write(slot, *item);
      sink_.commit_service(*item, now);
    } else {
      complete = false;
      sink_.count_dropped_service();
    }
    remove(index);
  }
  return complete;
}

}  // namespace rs::event
