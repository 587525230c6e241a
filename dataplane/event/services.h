// SPDX-License-Identifier: Apache-2.0
//
// Denominators: for each service (server endpoint and network tag) and interval of packet time, how many connections
// were attempted, established and closed cleanly, how the others ended, and their bytes. Rates need them.
//
// Memory is bounded and sized at construction. For a new service without a place the least used one goes out early,
// with its interval so far; after as many of those as there are places in one interval (a scan makes every address a
// service), newcomers are counted together as address ::, port 0. No count is lost; only a ring that is still full
// at the end of a live run can lose any, and that is counted.
//
// One per worker, worker thread; no allocation, system call or clock.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/event/sink.h"

namespace rs::event {

enum class Tally : uint8_t { kAttempted, kEstablished, kClosedCleanly };

struct ServicesConfig {
  uint32_t entries = 8192;                // services at a time, 384 bytes each
  DurationNs interval_ns = 10 * kSecond;  // at least 1 ms; intervals start at its multiples since 1970
};

// w: worker, r: any
struct ServicesCounters {
  Count evicted;   // put out before their interval's end, for want of places
  Count together;  // tallies that went to the common entry
};

class Services {
 public:
  Services(const ServicesConfig& config, Sink& sink);

  // worker thread
  // All of these count into the interval that the last advance() lies in.
  void tally(const Endpoint& server, uint32_t network_tag, Tally what);
  // How a connection ended, Event.count times; lost bytes are the event's, once. A rejection counts as a refusal.
  void ending(const Event& event);
  // Payload bytes each side sent.
  void bytes(const Endpoint& server, uint32_t network_tag, uint64_t client_bytes, uint64_t server_bytes);
  // Starts a new interval when `now` lies in one; puts out the old one's entries, a few a call.
  void advance(TimeNs now) {
    if (now >= begin_ns_ && now < end_ns_) [[likely]] {
      if (sweep_ < used_) sweep(now);
      return;
    }
    turn(now);
  }
  // Puts out everything, waiting for room; false when the export core has left (what could not be put is counted).
  bool flush(TimeNs now);

  // any thread
  [[nodiscard]] const ServicesCounters& counters() const { return counters_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kSweepBudget = 32;  // slots looked at a call
  static constexpr uint32_t kEvictLook = 32;    // slots looked at for a victim
  static constexpr uint8_t kMostUses = 7;       // so often the eviction hand passes a busy service

  struct alignas(kCacheLine) Slot {
    // first line: each connection
    Endpoint server;
    uint8_t used;
    uint8_t uses;
    uint32_t network_tag;
    uint32_t chain;     // next slot of the hash bucket, or next free slot
    uint32_t interval;  // last interval counted into
    uint64_t attempted;
    uint64_t established;
    uint64_t closed_cleanly;
    uint32_t first;  // first interval counted into: earlier than `interval` only when the ring was full
    uint32_t pad;
    // second line: endings
    uint64_t refused;
    uint64_t reset;
    uint64_t timed_out;
    uint64_t client_bytes;
    uint64_t server_bytes;
    uint64_t lost_bytes;
    std::array<uint32_t, kCauseCount> by_cause;
  };
  static_assert(offsetof(Slot, refused) == kCacheLine);

  Slot& slot_for(const Endpoint& server, uint32_t network_tag);
  uint32_t take_place();
  void clear(Slot& slot) const;
  void renew(Slot& slot);
  void write(const Slot& slot, Item& item) const;
  bool emit(const Slot& slot, TimeNs now);
  void remove(uint32_t index);
  [[nodiscard]] uint32_t bucket_of(const Endpoint& server, uint32_t network_tag) const;
  void sweep(TimeNs now);
  void turn(TimeNs now);

  const ServicesConfig config_;
  Sink& sink_;
  TimeNs now_ = 0;
  TimeNs begin_ns_ = 0;
  TimeNs end_ns_ = 0;
  uint32_t interval_ = 0;
  uint32_t sweep_ = 0;  // next slot to look at for the last interval's entries
  uint32_t used_ = 0;   // slots ever used
  uint32_t hand_ = 0;   // next slot to look at for eviction
  uint32_t evictions_left_ = 0;
  uint32_t free_ = kNone;
  uint64_t bucket_mask_ = 0;
  uint64_t seed_ = 0;  // random, against made-up collisions; never shows in the output
  std::vector<uint32_t> buckets_;
  std::vector<Slot> slots_;  // the last one is the common entry, in no bucket
  ServicesCounters counters_;
};

}  // namespace rs::event
