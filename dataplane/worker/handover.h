// SPDX-License-Identifier: Apache-2.0
//
// Hand-over: frames of flows that another worker keeps go to that worker through a lane of their own, one for each
// ordered pair of workers. For ports whose hash parts a connection's two directions, ports with fewer queues than
// there are workers, and captures that one worker reads for all. A frame keeps its time and its port, and frames of one
// giver stay in order; those of two givers do not. The mbuf goes along: the taker frees it.
//
// Some frames are shown to all: what each worker must know whoever keeps the flow. Their mbuf then has several holders.
//
// A full lane on live ports: the giver drops the frame and counts it. On captures: the giver waits.
// Lanes are made on the control thread. A giver publishes once a burst, a taker takes bursts; no lock, no locked
// instruction.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/capture/frame.h"
#include "dataplane/event/ring.h"
#include "dataplane/event/sink.h"

namespace rs::worker {

// One giver, one taker.
class Lane {
 public:
  // `capacity` is rounded up to a power of two, at least a burst.
  explicit Lane(uint32_t capacity);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // giver
  // False when full. The taker sees it after publish(). `reached`: how far the whole input's time has come with it.
  bool put(const capture::Frame& frame, TimeNs reached);
  // Captures: the input's clock had come to `reached` and started anew; told with the next frame.
  void restart(TimeNs reached) { giver_.restarted = std::max(giver_.restarted, reached); }
  void publish();
  // The giver's packet time, all frames before it being published: lets a taker's time run on without frames.
  void reach(TimeNs now) {
    giver_.reached.store(now, std::memory_order_release);
    giver_.reached_at.store(giver_.staged, std::memory_order_release);
  }
  void end() { giver_.ended.store(true, std::memory_order_release); }

  // taker
  // One burst at most, burst.now as far as the giver's time had come with it; or the giver's time alone. False: there
  // is nothing, not even a time worth a look.
  bool take(capture::Burst& burst);
  [[nodiscard]] TimeNs reached() const { return giver_.reached.load(std::memory_order_acquire); }
  // After ended(): where the clock stood when it started anew after the last frame; 0: it did not.
  [[nodiscard]] TimeNs last_restart() const { return giver_.restarted; }
  // The giver has ended and everything was taken.
  [[nodiscard]] bool ended() const;

 private:
  struct alignas(event::kCacheLine) Giver {
    std::atomic<uint64_t> head{0};        // w: giver, r: taker
    std::atomic<TimeNs> reached{0};       // w: giver, r: taker
    std::atomic<uint64_t> reached_at{0};  // w: giver, r: taker. `head` that `reached` was told at, or a newer `reached`
    std::atomic<bool> ended{false};       // w: giver, r: taker
    uint64_t staged = 0;                  // giver's own: head with what is not published
    uint64_t tail_seen = 0;               // giver's own
    TimeNs restarted = 0;                 // giver's own until it has ended
  };
  struct alignas(event::kCacheLine) Taker {
    std::atomic<uint64_t> tail{0};  // w: taker, r: giver
    TimeNs reached_seen = 0;        // taker's own
  };
  static_assert(sizeof(Giver) == event::kCacheLine && sizeof(Taker) == event::kCacheLine);

  struct Slot {
    capture::Frame frame;
    TimeNs reached;
    TimeNs restarted;
  };

  const uint64_t mask_;
  const std::unique_ptr<Slot[]> slots_;
  Giver giver_;
  Taker taker_;
};

// Adds `more` holders to a frame's mbuf (negative: takes away).
using Hold = void (*)(void* mbuf, int16_t more);

// One worker's ends of its lanes. Worker thread.
class Handover {
 public:
  [[nodiscard]] event::WhenFull when_full() const { return when_full_; }
  // To worker `owner`. False: its lane is full and the port is live.
  bool give(uint16_t owner, const capture::Frame& frame, TimeNs reached);
  // To every other worker but `owner`, to look at only; this one stays the frame's owner. A full live lane is left out.
  void show(uint16_t owner, const capture::Frame& frame, TimeNs reached);
  // See Lane.
  void restart(TimeNs reached);
  // What was given this burst, and, on captures, the time it brought.
  void publish(TimeNs now);
  // Nothing follows from this worker.
  void end();

  // Lanes to take from, one after the other.
  [[nodiscard]] const std::vector<Lane*>& in() const { return in_; }
  // Every giver has ended and everything was taken.
  [[nodiscard]] bool ended() const;
  // Captures, after ended(): how far the giver's time has come, and Lane::last_restart().
  [[nodiscard]] TimeNs reached() const;
  [[nodiscard]] TimeNs last_restart() const;
  // Nothing to do: yields the core for a moment. Captures, and the end of live input.
  void rest(uint32_t idle_rounds) const;

 private:
  friend class Exchange;
  bool wait(Lane& lane, const capture::Frame& frame, TimeNs reached);

  std::vector<Lane*> out_;  // by worker; null: itself
  std::vector<Lane*> in_;
  event::WhenFull when_full_ = event::WhenFull::kDrop;
  Hold hold_ = nullptr;
};

// All lanes between the workers of a sensor. Control thread.
class Exchange {
 public:
  // `one_giver`: only worker 0 hands anything over (captures). `hold`: live ports.
  Exchange(uint16_t workers, uint32_t lane_frames, event::WhenFull when_full, bool one_giver, Hold hold = nullptr);
  [[nodiscard]] Handover& of(uint16_t worker) { return *ends_[worker]; }

 private:
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::unique_ptr<Handover>> ends_;
};

}  // namespace rs::worker
