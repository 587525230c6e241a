// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/handover.h"

#include "dataplane/base/prefetch.h"

#include <immintrin.h>
#include <time.h>

#include <algorithm>
#include <bit>

namespace rs::worker {
namespace {

// Our choice, as for the ring to the export core: a taker at work frees room within a microsecond; after some of those
// it is not at work, and the core is better used by others.
constexpr uint32_t kSpins = 256;
constexpr long kNapNs = 50'000;

// Time alone is handed on in steps: an idle taker need not look at its timers more often.
constexpr DurationNs kTimeStepNs = 10 * kMs;

}  // namespace

Lane::Lane(uint32_t capacity)
    : mask_(std::bit_ceil(std::max(capacity, capture::kBurst)) - 1U), slots_(std::make_unique<Slot[]>(mask_ + 1)) {}

bool Lane::put(const capture::Frame& frame, TimeNs reached) {
  if (giver_.staged - giver_.tail_seen > mask_) {
    giver_.tail_seen = taker_.tail.load(std::memory_order_acquire);
    if (giver_.staged - giver_.tail_seen > mask_) return false;
  }
  slots_[giver_.staged++ & mask_] = {frame, reached, giver_.restarted};
  giver_.restarted = 0;
  return true;
}

void Lane::publish() {
  if (giver_.head.load(std::memory_order_relaxed) != giver_.staged)
    giver_.head.store(giver_.staged, std::memory_order_release);
}

bool Lane::take(capture::Burst& burst) {
  // The time first: all frames before it are then seen below. It counts when it is told of no older place than this.
  const uint64_t at = giver_.reached_at.load(std::memory_order_acquire);
  const TimeNs now = reached();
  const uint64_t tail = taker_.tail.load(std::memory_order_relaxed);
  const uint64_t waiting = giver_.head.load(std::memory_order_acquire) - tail;
  burst.count = static_cast<uint32_t>(std::min<uint64_t>(waiting, capture::kBurst));
  burst.handed = true;
  if (burst.count == 0) {
    if (at != tail || now < taker_.reached_seen + kTimeStepNs) return false;
    burst.now = taker_.reached_seen = now;
    return true;
  }
  for (uint32_t i = 0; i < burst.count; ++i) {
    const Slot& slot = slots_[(tail + i) & mask_];
    burst.frames[i] = slot.frame;
    burst.reached[i] = slot.reached;
    burst.restarted[i] = slot.restarted;
    prefetch(burst.frames[i].data);
  }
  burst.now = taker_.reached_seen = burst.reached[burst.count - 1];
  taker_.tail.store(tail + burst.count, std::memory_order_release);
  return true;
}

bool Lane::ended() const {
  if (!giver_.ended.load(std::memory_order_acquire)) return false;
  return giver_.head.load(std::memory_order_acquire) == taker_.tail.load(std::memory_order_relaxed);
}

bool Handover::give(uint16_t owner, const capture::Frame& frame, TimeNs reached) {
  Lane& lane = *out_[owner];
  return lane.put(frame, reached) || (when_full_ == event::WhenFull::kWait && wait(lane, frame, reached));
}

void Handover::restart(TimeNs reached) {
  for (Lane* lane : out_)
    if (lane != nullptr) lane->restart(reached);
}

void Handover::show(uint16_t owner, const capture::Frame& frame, TimeNs reached) {
  for (size_t k = 0; k < out_.size(); ++k) {
    if (out_[k] == nullptr || k == owner) continue;
    const bool held = hold_ != nullptr && frame.mbuf != nullptr;
    if (held) hold_(frame.mbuf, 1);
    if (!give(static_cast<uint16_t>(k), frame, reached) && held) hold_(frame.mbuf, -1);
  }
}

// Captures only: the taker lives until its giver has ended, so room comes.
bool Handover::wait(Lane& lane, const capture::Frame& frame, TimeNs reached) {
  lane.publish();
  for (uint32_t rounds = 0; !lane.put(frame, reached); ++rounds) rest(rounds);
  return true;
}

void Handover::publish(TimeNs now) {
  for (Lane* lane : out_) {
    if (lane == nullptr) continue;
    lane->publish();
    // Live workers have clocks of their own.
    if (when_full_ == event::WhenFull::kWait) lane->reach(now);
  }
}

void Handover::end() {
  for (Lane* lane : out_)
    if (lane != nullptr) lane->end();
}

bool Handover::ended() const { return std::ranges::all_of(in_, &Lane::ended); }

TimeNs Handover::reached() const {
  TimeNs latest = 0;
  for (const Lane* lane : in_) latest = std::max(latest, lane->reached());
  return latest;
}

TimeNs Handover::last_restart() const {
  TimeNs latest = 0;
  for (const Lane* lane : in_) latest = std::max(latest, lane->last_restart());
  return latest;
}

void Handover::rest(uint32_t idle_rounds) const {
  if (idle_rounds < kSpins) {
    _mm_pause();
    return;
  }
  const timespec nap{.tv_sec = 0, .tv_nsec = kNapNs};
  ::nanosleep(&nap, nullptr);
}

Exchange::Exchange(uint16_t workers, uint32_t lane_frames, event::WhenFull when_full, bool one_giver, Hold hold) {
  for (uint16_t i = 0; i < workers; ++i) {
    ends_.push_back(std::make_unique<Handover>());
    ends_.back()->out_.resize(workers);
    ends_.back()->when_full_ = when_full;
    ends_.back()->hold_ = hold;
  }
  for (uint16_t giver = 0; giver < (one_giver ? 1 : workers); ++giver) {
    for (uint16_t taker = 0; taker < workers; ++taker) {
      if (giver == taker) continue;
      lanes_.push_back(std::make_unique<Lane>(lane_frames));
      ends_[giver]->out_[taker] = lanes_.back().get();
      ends_[taker]->in_.push_back(lanes_.back().get());
    }
  }
}

}  // namespace rs::worker
