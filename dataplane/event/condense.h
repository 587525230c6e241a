// SPDX-License-Identifier: Apache-2.0
//
// Folds repeats. Endings of one key (server endpoint, network tag, cause, origin, stage, ending, client /24 or /64)
// whose time lies in one whole second of packet time become: the first few whole, at once; all others one event with
// an exact count, a few exemplars and Flag::kFolded, put out when that second and a linger are over. The linger is
// there because an ending is known only after its settle time.
//
// Memory is bounded and sized at construction. When no place is left for a new key it folds into a coarser one:
// first without the client network (or, for a port scan, without the server), then without either; what a folded
// event spans is shown as address ::, port 0. Only when those are full too does an ending go out whole. A full ring
// is treated like a repeat, so in a flood counts are folded rather than lost.
//
// The same endings in the same order give the same events with the same ids. One per worker, worker thread; no
// allocation, system call or clock.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/event/sink.h"

namespace rs::event {

struct CondenserConfig {
  bool fold = true;                   // false: everything passes (analyze)
  bool may_fold = false;              // room for folding even while it is off, so that it can be switched on
  uint32_t keep_first = 4;            // endings of a key and second that pass whole; 0: none
  uint32_t entries = 4096;            // keys at a time, 1.6 KB each; an eighth more for coarser keys
  DurationNs linger_ns = 1500 * kMs;  // settle time (1 s) and the expiry's granularity; at most 10 s
};

// w: worker, r: any
struct CondenserCounters {
  Count endings;        // given to add()
  Count whole;          // events put out whole
  Count folded;         // endings folded
  Count folded_events;  // events they became
  Count coarse;         // of `folded`: into a coarser key, the table being full
};

class Condenser {
 public:
  Condenser(const CondenserConfig& config, Sink& sink);

  // worker thread
  // Takes one ending (or an event standing for several). `now` is the packet time of the last advance().
  void add(const Event& event, TimeNs now);
  // What is already folded goes out as it would have. Switching on takes effect when there is room (may_fold).
  void set_folding(bool fold, DurationNs linger_ns) {
    config_.fold = fold && !slots_.empty();
    config_.linger_ns = linger_ns;
  }
  // Puts out what is due, a few at a time so that no burst waits long; call once a burst, also on a quiet port.
  void advance(TimeNs now) {
    if (now < next_ns_ && now + kClockJumpNs >= now_) [[likely]] {
      if (now > now_) now_ = now;
      return;
    }
    sweep(now);
  }
  // Puts out everything, waiting for room; false when the export core has left (what could not be put is counted).
  bool flush(TimeNs now);

  // any thread
  [[nodiscard]] const CondenserCounters& counters() const { return counters_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr DurationNs kWindowNs = kSecond;
  static constexpr DurationNs kTickNs = 250 * kMs;         // our choice: how late a folded event may be
  static constexpr uint32_t kTicks = 64;                   // 16 s ahead: window + longest linger fit
  static constexpr DurationNs kClockJumpNs = 5 * kSecond;  // packets are reordered by less than this
  static constexpr uint32_t kSweepBudget = 64;             // a call, in slots looked at: at most a few microseconds
  static constexpr uint32_t kEmitCost = 4;                 // of it, for a slot that becomes an event
  static constexpr uint8_t kLevels = 3;                    // 0 full key, 1 one end dropped, 2 both

  // Five words compared and hashed as such; built in make_key().
  struct Key {
    uint64_t words[5];
    bool operator==(const Key&) const = default;
  };
  struct alignas(kCacheLine) Slot {
    Key key;
    uint64_t count;  // endings folded so far
    uint32_t chain;  // next slot of the hash bucket
    uint32_t next;   // next slot due in the same tick, or next free slot
    uint32_t whole;  // endings put out whole so far
    uint8_t level;
    uint8_t exemplars;
    uint8_t pad[2];
  };
  static_assert(sizeof(Slot) == kCacheLine);
  struct List {
    uint32_t head = kNone;
    uint32_t tail = kNone;
  };

  static Key make_key(const Event& event);
  static Key coarsen(const Key& key, uint8_t level, Cause cause);
  static uint64_t hash(const Key& key, uint64_t seed);
  [[nodiscard]] uint32_t bucket_of(const Key& key) const {
    return static_cast<uint32_t>(hash(key, seed_) & bucket_mask_);
  }
  uint32_t find(const Key& key, uint32_t bucket) const;
  uint32_t insert(const Key& key, uint32_t bucket, uint8_t level, TimeNs event_time, TimeNs now);
  void remove(uint32_t index);
  void fold_into(uint32_t index, const Event& event);
  void add_coarse(const Key& key, const Event& event, TimeNs now);
  void put_whole(const Event& event, TimeNs now);
  void write_folded(uint32_t index, Item& item) const;
  void emit(uint32_t index, Item& item, TimeNs now);
  void sweep(TimeNs now);
  void gather(uint64_t tick);
  void append(List& list, uint32_t index);

  CondenserConfig config_;
  Sink& sink_;
  TimeNs now_ = 0;
  TimeNs next_ns_ = 0;   // when the tick after cursor_ is due
  uint64_t cursor_ = 0;  // last tick all of whose slots are out
  uint64_t bucket_mask_ = 0;
  uint64_t seed_ = 0;  // random, against made-up collisions; never shows in the output
  std::array<uint32_t, kLevels> free_{};
  std::array<List, kTicks> due_{};
  std::vector<uint32_t> buckets_;
  std::vector<Slot> slots_;
  std::vector<Event> first_;  // by slot: the first ending folded, the event's body
  CondenserCounters counters_;
};

}  // namespace rs::event
