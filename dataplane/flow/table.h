// SPDX-License-Identifier: Apache-2.0
//
// The flow table of one worker: fixed memory given at start, cache-line buckets of tags and indices, two candidate
// buckets a key. Worker thread only. Does not know TCP: the caller says which flows may be evicted first.
//
// Lookup in two prefetched steps: prefetch_bucket(hash) for a burst, then candidate(hash), which asks for the flow's
// lines, then find(). Records never move; an index stays valid until erase().
#pragma once

#include <immintrin.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/base/prefetch.h"
#include "dataplane/flow/record.h"

namespace rs::flow {

class Table {
 public:
  // Memory for `capacity` flows; 64-byte aligned and zeroed memory of this size is given to the constructor.
  static size_t bytes_needed(uint32_t capacity);
  // What the first `flows` flows will touch of such memory: the index, and where records begin to be used.
  static std::array<std::span<std::byte>, 3> first_used(std::span<std::byte> memory, uint32_t capacity, uint32_t flows);
  // Memory a flow costs, buckets included.
  static constexpr size_t bytes_per_flow() {
    return sizeof(FlowHot) + 2 * sizeof(Direction) + sizeof(FlowCold) + sizeof(Heads) + kBucketBytes / kFillTarget +
           2 * sizeof(uint32_t) / kFlowsPerOffer;
  }

  Table(std::span<std::byte> memory, uint32_t capacity, Seed seed);

  // worker thread
  [[nodiscard]] uint64_t hash_of(const FlowKey& key) const { return hash(key, seed_); }
  void prefetch_bucket(uint64_t hash) const;
  // Where the hash's flow most likely stands, or kNone; asks for the cache lines that a packet of this end needs.
  [[nodiscard]] uint32_t candidate(uint64_t hash, End from) const;
  // Asks for where the message this end is sending is kept. Without a branch: `wanted` is a coin toss to the predictor.
  void prefetch_head(uint32_t index, End from, bool wanted) const {
    const void* const head = &heads_[index].bytes[static_cast<size_t>(from)];
    const void* const hot = &state_[index].hot;
    prefetch_to_write(wanted ? head : hot);
  }
  // Asks for what the end of a connection reads beyond what each of its packets does.
  void prefetch_rest(uint32_t index, End from) const {
    prefetch(&state_[index].dir[1 - static_cast<size_t>(from)]);
    prefetch(&cold_[index]);
    prefetch(&heads_[index].bytes[0]);
    prefetch(&heads_[index].bytes[1]);
  }
  // Index of the key's flow, or kNone. `candidate` may be any index or kNone; the right one saves the search.
  [[nodiscard]] uint32_t find(const FlowKey& key, uint64_t hash, uint32_t candidate = kNone) const;
  void prefetch_record(uint32_t index) const;
  // A fresh record for a key that is not there, or kNone when there is no room: then evict and try again.
  uint32_t insert(const FlowKey& key, uint64_t hash);
  void erase(uint32_t index);
  // Gives a flow's record to another key, fresh but for its place in the timer wheel; false when the key's buckets
  // have no room.
  bool replace(uint32_t index, const FlowKey& key, uint64_t hash);
  // This flow has just closed, or has just begun: the first to go when room is needed, oldest first. Forgotten beyond
  // one flow in kFlowsPerOffer.
  void offer_closed(uint32_t index) { closed_.push(index); }
  void offer_unestablished(uint32_t index) { unestablished_.push(index); }
  // A flow worth giving up for a new one with this hash, or kNone. Bounded work: closed before unestablished;
  // established flows never.
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
  // Where each array begins, in bytes; the buckets are first. Whole cache lines stand before the rest, so that each
  // array starts aligned.
  struct Layout {
    explicit Layout(uint32_t capacity);
    uint32_t bucket_count;
    size_t state;
    size_t heads;
    size_t cold;
    uint32_t offers;  // entries of each ring
    size_t closed;
    size_t unestablished;
    size_t end;
  };

  static constexpr size_t kBucketBytes = 64;
  static constexpr size_t kSlots = 10;
  static constexpr size_t kFillTarget = 7;  // flows a bucket when the table is full, at most

  static constexpr size_t kFlowsPerOffer = 8;
  // First in, first out; the newest drives out the oldest.
  struct Offers {
    uint32_t* ring = nullptr;
    uint32_t mask = 0;
    uint32_t head = 0;
    uint32_t tail = 0;
    void push(uint32_t index) {
      if (tail - head > mask) ++head;
      ring[tail++ & mask] = index;
    }
    [[nodiscard]] bool empty() const { return head == tail; }
    uint32_t pop() { return ring[head++ & mask]; }
    // The entry `ahead` of the next; only worth a prefetch.
    [[nodiscard]] uint32_t peek(uint32_t ahead) const { return ring[(head + ahead) & mask]; }
  };
  struct alignas(64) Bucket {
    uint16_t tag[kSlots];  // 0: empty
    uint16_t zero_[2];     // tags are compared twelve at a time; never equal to one
    uint32_t index[kSlots];
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
  [[nodiscard]] uint32_t victim_of(Offers& offers, bool closed);
  [[nodiscard]] bool has_room(uint64_t hash) const;
  [[nodiscard]] uint32_t bucket1(uint64_t hash) const { return static_cast<uint32_t>(hash) & mask_; }
  [[nodiscard]] uint32_t bucket2(uint64_t hash) const {
    return (static_cast<uint32_t>(hash) ^ static_cast<uint32_t>(hash >> 32) * 0x5bd1e995U) & mask_;
  }
  // Bits of the slots that hold the tag, two bits a slot.
  static uint32_t match(const Bucket& b, uint16_t tag);
  [[nodiscard]] uint32_t find_in(const Bucket& b, uint16_t tag, const FlowKey& key) const;
  static bool remove_from(Bucket& b, uint32_t index);
  void unlink(uint32_t index);
  static bool put(Bucket& b, uint32_t index, uint16_t tag);
  // Puts an index into one of the hash's buckets; false when both are full.
  bool link(uint32_t index, uint64_t hash);
  void reset(uint32_t index, const FlowKey& key);

  State3* state_ = nullptr;
  FlowCold* cold_ = nullptr;
  Heads* heads_ = nullptr;
  Bucket* buckets_ = nullptr;
  Offers closed_;
  Offers unestablished_;
  uint32_t mask_ = 0;
  uint32_t capacity_ = 0;
  uint32_t size_ = 0;
  uint32_t high_water_ = 0;
  uint32_t free_head_ = kNone;  // list through FlowHot::timer_next of erased records
  uint32_t clock_hand_ = 0;     // where victim() looks beyond the key's own buckets
  Seed seed_;
};

// --- inline ---

inline void Table::prefetch_bucket(uint64_t hash) const { prefetch(&buckets_[bucket1(hash)]); }

inline void Table::prefetch_record(uint32_t index) const {
  const State3* s = &state_[index];
  prefetch_to_write(&s->hot);
  prefetch_to_write(&s->dir[0]);
  prefetch_to_write(&s->dir[1]);
}

inline uint32_t Table::match(const Bucket& b, uint16_t tag) {
  const __m128i want = _mm_set1_epi16(static_cast<int16_t>(tag));
  const void* const tags = b.tag;
  const auto* const vectors = static_cast<const __m128i*>(tags);
  const __m128i first = _mm_load_si128(vectors);
  const __m128i last = _mm_loadl_epi64(vectors + 1);
  const auto low = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi16(first, want)));
  const auto high = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi16(last, want))) & 0xfU;
  return low | high << 16;
}

inline uint32_t Table::candidate(uint64_t hash, End from) const {
  const Bucket& b = buckets_[bucket1(hash)];
  const uint32_t found = match(b, tag_of(hash));
  if (found == 0) [[unlikely]] {
    prefetch(&buckets_[bucket2(hash)]);
    return kNone;
  }
  const uint32_t index = b.index[static_cast<unsigned>(std::countr_zero(found)) / 2];
  prefetch_to_write(&state_[index].hot);
  prefetch_to_write(&state_[index].dir[static_cast<size_t>(from)]);
  return index;
}

inline uint32_t Table::find_in(const Bucket& b, uint16_t tag, const FlowKey& key) const {
  for (uint32_t found = match(b, tag); found != 0; found &= found - 1, found &= found - 1) {
    const uint32_t index = b.index[static_cast<unsigned>(std::countr_zero(found)) / 2];
    if (state_[index].hot.key == key) return index;
  }
  return kNone;
}

inline uint32_t Table::find(const FlowKey& key, uint64_t hash, uint32_t candidate) const {
  // The record may have been erased or given to another flow since.
  if (candidate != kNone && state_[candidate].hot.state != State::kFree && state_[candidate].hot.key == key) [[likely]]
    return candidate;
  const uint16_t tag = tag_of(hash);
  const uint32_t first = find_in(buckets_[bucket1(hash)], tag, key);
  if (first != kNone) return first;
  return find_in(buckets_[bucket2(hash)], tag, key);
}

}  // namespace rs::flow
