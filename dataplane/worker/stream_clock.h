// SPDX-License-Identifier: Apache-2.0
//
// How far a capture's time has come at each of its packets. Workers that see all packets, and those that are handed a
// share of them, go by this one time, so that what time decides depends on the capture alone, not on bursts or workers.
// It runs on with the latest packet so far; a step back of more than a minute starts it anew (captures joined together,
// a clock that was set), anything less is disorder. Worker thread.
#pragma once

#include "dataplane/capture/frame.h"

namespace rs::worker {

class StreamClock {
 public:
  // Our choice: no queue holds a packet for a minute.
  static constexpr DurationNs kStepBack = 60 * kSecond;

  // Fills burst.reached and burst.restarted; burst.now becomes the time reached.
  void stamp(capture::Burst& burst) {
    for (uint32_t i = 0; i < burst.count; ++i) {
      const TimeNs time = burst.frames[i].time;
      ++seen_;
      burst.restarted[i] = 0;
      if (time > now_) {
        now_ = time;
      } else if (time + kStepBack < now_) [[unlikely]] {
        if (seen_ <= kFree || (seen_ - restarted_) * kShare >= seen_) {
          burst.restarted[i] = now_;
          restarted_ = seen_;
          now_ = time;
        }
      }
      burst.reached[i] = now_;
    }
    if (burst.count != 0) burst.now = now_;
  }
  [[nodiscard]] TimeNs now() const { return now_; }

 private:
  // A restart looks at every connection. So that a capture whose times leap to and fro costs a bounded time a packet,
  // one comes only when a 64th of all packets have passed since the last one, but for the first ones.
  static constexpr uint64_t kFree = 65'536;
  static constexpr uint64_t kShare = 64;

  TimeNs now_ = 0;
  uint64_t seen_ = 0;       // packets
  uint64_t restarted_ = 0;  // of those, at the last restart
};

}  // namespace rs::worker
