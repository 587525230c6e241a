// SPDX-License-Identifier: Apache-2.0
//
// The flow table of one worker: fixed memory given at start, cache-line buckets of tags and indices, two candidate
// buckets a key. Worker thread only. Does not know TCP: the caller says which flows may be evicted first.
//
// Lookup in two prefetched steps: prefetch_bucket(hash) for a burst, then prefetch_flow(hash) for a burst, then
// find(). Records never move; an index stays valid until erase().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/flow/record.h"

namespace rs::flow {

class Table {
 public:
  // Memory for `capacity` flows; 64-byte aligned and zeroed memory of this size is given to the constructor.
  static size_t bytes_needed(uint32_t capacity);
  // Memory a flow costs, buckets included.
  static constexpr size_t bytes_per_flow() {
    return sizeof(FlowHot) + 2 * sizeof(Direction) + sizeof(FlowCold) + sizeof(Heads) + kBucketBytes / kFillTarget;
  }

  Table(std::span<std::byte> memory, uint32_t capacity, Seed seed);

  // worker thread
  [[nodiscard]] uint64_t hash_of(const FlowKey& key) const { return hash(key, seed_); }
  void prefetch_bucket(uint64_t hash) const;
  void prefetch_flow(uint64_t hash) const;
  // Index of the key's flow, or kNone.
  [[nodiscard]] uint32_t find(const FlowKey& key, uint64_t hash) const;
  // A fresh record for a key that is not there, or kNone when there is no room: then evict and try again.
  uint32_t insert(const FlowKey& key, uint64_t hash);
  void erase(uint32_t index);
  // Gives a flow's record to another key, fresh but for its place in the timer wheel; false when the key's buckets
  // have no room.
  bool replace(uint32_t index, const FlowKey& key, uint64_t hash);
  // A flow worth giving up for a new one with this hash, or kNone. Looks at a bounded number of neighbours:
  // closed before unestablished; established flows never.
  [[nodiscard]] uint32_t victim(uint64_t hash);

  FlowHot& hot(uint32_t i) { return state_[i].hot; }
  const FlowHot& hot(uint32_t i) const { return state_[i].hot; }
  Direction& dir(uint32_t i, End e) { return state_[i].dir[static_cast<size_t>(e)]; }
  FlowCold& cold(uint32_t i) { return cold_[i]; }
  Heads& heads(uint32_t i) { return heads_[i]; }

  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] uint32_t capacity() const { return capacity_; }
  // Records ever used are [0, high_water()): for walking all flows at the end of input.
  [[nodiscard]] uint32_t high_water() const { return high_water_; }

 private:
  static constexpr size_t kBucketBytes = 64;
  static constexpr size_t kSlots = 10;
  static constexpr size_t kFillTarget = 6;  // flows a bucket when the table is full: overflow is then < 1e-6

  struct alignas(64) Bucket {
    uint32_t index[kSlots];
    uint16_t tag[kSlots];  // 0: empty
    uint32_t zero_;
  };
  static_assert(sizeof(Bucket) == kBucketBytes);

  struct alignas(64) State3 {
    FlowHot hot;
    Direction dir[2];
  };
  static_assert(sizeof(State3) == 192);

  static uint16_t tag_of(uint64_t hash) {
    const auto t = static_cast<uint16_t>(hash >> 48);
    return t == 0 ? uint16_t{1} : t;
  }
  [[nodiscard]] uint32_t bucket1(uint64_t hash) const { return static_cast<uint32_t>(hash) & mask_; }
  [[nodiscard]] uint32_t bucket2(uint64_t hash) const {
    return (static_cast<uint32_t>(hash) ^ static_cast<uint32_t>(hash >> 32) * 0x5bd1e995U) & mask_;
  }
  [[nodiscard]] uint32_t find_in(const Bucket& b, uint16_t tag, const FlowKey& key) const;
  static bool remove_from(Bucket& b, uint32_t index);
  void unlink(uint32_t index);
  // Puts an index into one of the hash's buckets; false when both are full.
  bool link(uint32_t index, uint64_t hash);
  void reset(uint32_t index, const FlowKey& key);

  State3* state_ = nullptr;
  FlowCold* cold_ = nullptr;
  Heads* heads_ = nullptr;
  Bucket* buckets_ = nullptr;
  uint32_t mask_ = 0;
  uint32_t capacity_ = 0;
  uint32_t size_ = 0;
  uint32_t high_water_ = 0;
  uint32_t free_head_ = kNone;  // list through FlowHot::timer_next of erased records
  uint32_t clock_hand_ = 0;     // where victim() looks beyond the key's own buckets
  Seed seed_;
};

// --- inline ---

inline void Table::prefetch_bucket(uint64_t hash) const { __builtin_prefetch(&buckets_[bucket1(hash)]); }

inline void Table::prefetch_flow(uint64_t hash) const {
  const Bucket& b = buckets_[bucket1(hash)];
  const uint16_t tag = tag_of(hash);
  for (size_t i = 0; i < kSlots; ++i) {
    if (b.tag[i] == tag) {
      const State3* s = &state_[b.index[i]];
      __builtin_prefetch(&s->hot, 1);
      __builtin_prefetch(&s->dir[0], 1);
      __builtin_prefetch(&s->dir[1], 1);
      return;
    }
  }
  __builtin_prefetch(&buckets_[bucket2(hash)]);
}

inline uint32_t Table::find_in(const Bucket& b, uint16_t tag, const FlowKey& key) const {
  for (size_t i = 0; i < kSlots; ++i) {
    if (b.tag[i] == tag && state_[b.index[i]].hot.key == key) return b.index[i];
  }
  return kNone;
}

inline uint32_t Table::find(const FlowKey& key, uint64_t hash) const {
  const uint16_t tag = tag_of(hash);
  const uint32_t first = find_in(buckets_[bucket1(hash)], tag, key);
  if (first != kNone) return first;
  return find_in(buckets_[bucket2(hash)], tag, key);
}

}  // namespace rs::flow
