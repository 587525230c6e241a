// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/handover.h"

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
    : mask_(std::bit_ceil(std::max(capacity, capture::kBurst)) - 1U),
      slots_(std::make_unique<capture::Frame[]>(mask_ + 1)) {}

bool Lane::put(const capture::Frame& frame) {
  if (giver_.staged - giver_.tail_seen > mask_) {
    giver_.tail_seen = taker_.tail.load(std::memory_order_acquire);
    if (giver_.staged - giver_.tail_seen > mask_) return false;
  }
  slots_[giver_.staged++ & mask_] = frame;
  return true;
}

void Lane::publish() {
  if (giver_.head.load(std::memory_order_relaxed) != giver_.staged)
    giver_.head.store(giver_.staged, std::memory_order_release);
}

bool Lane::take(capture::Burst& burst) {
  // The time first: all that was handed over before it was published is then seen below.
  const TimeNs now = reached();
  const uint64_t tail = taker_.tail.load(std::memory_order_relaxed);
  const uint64_t waiting = giver_.head.load(std::memory_order_acquire) - tail;
  burst.count = static_cast<uint32_t>(std::min<uint64_t>(waiting, capture::kBurst));
  burst.handed = true;
  if (burst.count == 0) {
    if (now < taker_.reached_seen + kTimeStepNs) return false;
  } else {
    for (uint32_t i = 0; i < burst.count; ++i) {
      burst.frames[i] = slots_[(tail + i) & mask_];
      burst.now = std::max(burst.now, burst.frames[i].time);
      __builtin_prefetch(burst.frames[i].data);
    }
    taker_.tail.store(tail + burst.count, std::memory_order_release);
  }
  if (burst.count == waiting) {
    burst.now = std::max(burst.now, now);
    taker_.reached_seen = now;
  }
  return true;
}

bool Lane::ended() const {
  if (!giver_.ended.load(std::memory_order_acquire)) return false;
  return giver_.head.load(std::memory_order_acquire) == taker_.tail.load(std::memory_order_relaxed);
}

bool Handover::give(uint16_t owner, const capture::Frame& frame) {
  Lane& lane = *out_[owner];
  return lane.put(frame) || (when_full_ == event::WhenFull::kWait && wait(lane, frame));
}

void Handover::show(uint16_t owner, const capture::Frame& frame) {
  for (size_t k = 0; k < out_.size(); ++k) {
    if (out_[k] == nullptr || k == owner) continue;
    const bool held = hold_ != nullptr && frame.mbuf != nullptr;
    if (held) hold_(frame.mbuf, 1);
    if (!give(static_cast<uint16_t>(k), frame) && held) hold_(frame.mbuf, -1);
  }
}

// Captures only: the taker lives until its giver has ended, so room comes.
bool Handover::wait(Lane& lane, const capture::Frame& frame) {
  lane.publish();
  for (uint32_t rounds = 0; !lane.put(frame); ++rounds) rest(rounds);
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
