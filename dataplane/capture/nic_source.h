// SPDX-License-Identifier: Apache-2.0
//
// The packet source over live ports: polls one worker's queues of every port in turn, one queue's burst at a time.
// Frames bear the NIC's timestamp where it has one, else the moment their burst was taken. Time advances on silent
// ports too, and never backwards within a worker.
// A frame of several segments shows its first one and counts as truncated. A consumer that keeps a frame beyond
// release() (to hand it to another worker) takes its mbuf and sets frame.mbuf to null; release() of any worker's source
// gives it back.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "dataplane/capture/counter.h"
#include "dataplane/capture/frame.h"
#include "dataplane/capture/port.h"
#include "dataplane/capture/source.h"

namespace rs::capture {

class NicSource {
 public:
  // `ports` must outlive it. Worker `worker` of ports.workers().
  NicSource(Ports& ports, uint32_t worker);
  NicSource(const NicSource&) = delete;
  NicSource& operator=(const NicSource&) = delete;

  // worker thread; see Source. False only after stop().
  bool receive(Burst& burst) noexcept;
  void release(Burst& burst) noexcept;

  // Adds holders to a frame's mbuf: release() by as many workers gives it back. Any thread that holds it.
  static void hold(void* mbuf, int16_t more) noexcept;
  // worker thread. There is work elsewhere (frames from other workers): no rest on the next silent poll.
  void stay_awake() noexcept { empty_polls_ = 0; }

  // any thread. Ports' drops are not a worker's own: worker 0 reports them for all.
  [[nodiscard]] SourceCounts counts() const;
  void stop() { stop_.store(true, std::memory_order_relaxed); }

  // control thread: brings missed_pkts up to date; news for the log. Only worker 0's does anything.
  std::vector<std::string> refresh() { return worker_ == 0 ? ports_.refresh() : std::vector<std::string>(); }

 private:
  struct Queue {
    Port* port;
    uint16_t queue;
  };

  void rest() noexcept;

  Ports& ports_;
  std::vector<Queue> queues_;
  size_t next_ = 0;
  uint32_t empty_polls_ = 0;
  bool may_rest_ = false;  // only kernel interfaces are polled
  uint32_t worker_;
  TimeNs now_ = 0;
  Counter rx_pkts_;
  Counter rx_bytes_;
  Counter truncated_;
  std::atomic<bool> stop_ = false;  // w: any, r: worker
};
static_assert(Source<NicSource>);

}  // namespace rs::capture
