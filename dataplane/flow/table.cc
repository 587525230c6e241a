// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow/table.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

namespace rs::flow {
namespace {

// Offers overtaken by events that victim() passes over in one call. Our choice: each was pushed once, so the work is
// paid for by earlier packets; the bound keeps one packet from paying for all.
constexpr int kOffersLook = 32;

// Flows victim() looks at beyond the key's own buckets. Our choice: in a flood nearly every flow qualifies, in
// ordinary overload one in a few; 64 bounds the work and finds one almost surely.
constexpr uint32_t kVictimLook = 64;

// How gladly a flow goes: 0 not at all, 1 unestablished, 2 closed. A flow whose RST is being settled has an answer to
// give first.
int rank(const FlowHot& h) {
  if (h.state == State::kFree || h.ending != kNone) return 0;
  if (h.state == State::kClosed) return 2;
  return h.state == State::kSynSent || h.state == State::kSynAckSeen ? 1 : 0;
}

}  // namespace

Table::Layout::Layout(uint32_t capacity)
    : bucket_count(std::bit_ceil(static_cast<uint32_t>(capacity / kFillTarget + 1))),
      state(bucket_count * sizeof(Bucket)),
      heads(state + size_t{capacity} * sizeof(State3)),
      cold(heads + size_t{capacity} * sizeof(Heads)),
      // A power of two, at least one cache line.
      offers(std::bit_floor(std::max(static_cast<uint32_t>(capacity / kFlowsPerOffer), 16U))),
      closed(cold + size_t{capacity} * sizeof(FlowCold)),
      unestablished(closed + offers * sizeof(uint32_t)),
      end(unestablished + offers * sizeof(uint32_t)) {}

size_t Table::bytes_needed(uint32_t capacity) { return Layout(capacity).end; }

std::array<std::span<std::byte>, 3> Table::first_used(std::span<std::byte> memory, uint32_t capacity, uint32_t flows) {
  const Layout at(capacity);
  const size_t used = std::min(flows, capacity);
  return {memory.first(at.state + used * sizeof(State3)), memory.subspan(at.heads, used * sizeof(Heads)),
          memory.subspan(at.cold, used * sizeof(FlowCold))};
}

Table::Table(std::span<std::byte> memory, uint32_t capacity, Seed seed) : capacity_(capacity), seed_(seed) {
  assert(memory.size() >= bytes_needed(capacity));
  const Layout at(capacity);
  const auto array = [&memory](size_t from) -> void* { return &memory[from]; };
  mask_ = at.bucket_count - 1;
  buckets_ = static_cast<Bucket*>(array(0));
  state_ = static_cast<State3*>(array(at.state));
  heads_ = static_cast<Heads*>(array(at.heads));
  cold_ = static_cast<FlowCold*>(array(at.cold));
  for (const auto& [offers, from] : {std::pair{&closed_, at.closed}, {&unestablished_, at.unestablished}}) {
    offers->ring = static_cast<uint32_t*>(array(from));
    offers->mask = at.offers - 1;
  }
}

bool Table::put(Bucket& b, uint32_t index, uint16_t tag) {
  const uint32_t empty = match(b, 0);
  if (empty == 0) return false;
  const size_t slot = static_cast<unsigned>(std::countr_zero(empty)) / 2;
  b.index[slot] = index;
  b.tag[slot] = tag;
  return true;
}

bool Table::link(uint32_t index, uint64_t key_hash) {
  const uint16_t tag = tag_of(key_hash);
  const uint32_t first = bucket1(key_hash);
  const uint32_t second = bucket2(key_hash);
  if (put(buckets_[first], index, tag) || put(buckets_[second], index, tag)) return true;
  // Both full: one of their flows moves to its own other bucket. That none of twenty has room there does not happen
  // below the fill the table is sized for.
  for (const uint32_t from : {first, second}) {
    Bucket& b = buckets_[from];
    for (size_t i = 0; i < kSlots; ++i) {
      const uint64_t h = hash(state_[b.index[i]].hot.key, seed_);
      const uint32_t to = bucket1(h) == from ? bucket2(h) : bucket1(h);
      if (to == from || !put(buckets_[to], b.index[i], tag_of(h))) continue;
      b.index[i] = index;
      b.tag[i] = tag;
      return true;
    }
  }
  return false;
}

void Table::reset(uint32_t index, const FlowKey& key) {
  State3& s = state_[index];
  s.hot = FlowHot{};
  s.hot.key = key;
  s.dir[0] = Direction{};
  s.dir[1] = Direction{};
  cold_[index] = FlowCold{};
}

uint32_t Table::insert(const FlowKey& key, uint64_t hash) {
  const bool recycled = free_head_ != kNone;
  if (!recycled && high_water_ == capacity_) return kNone;
  const uint32_t index = recycled ? free_head_ : high_water_;
  if (!link(index, hash)) return kNone;
  if (recycled) {
    free_head_ = state_[index].hot.timer_next;
  } else {
    ++high_water_;
  }
  reset(index, key);
  ++size_;
  return index;
}

bool Table::remove_from(Bucket& b, uint32_t index) {
  for (size_t i = 0; i < kSlots; ++i) {
    if (b.tag[i] != 0 && b.index[i] == index) {
      b.tag[i] = 0;
      return true;
    }
  }
  return false;
}

void Table::unlink(uint32_t index) {
  const uint64_t key_hash = hash(state_[index].hot.key, seed_);
  if (!remove_from(buckets_[bucket1(key_hash)], index)) remove_from(buckets_[bucket2(key_hash)], index);
}

void Table::erase(uint32_t index) {
  unlink(index);
  FlowHot& h = state_[index].hot;
  h.state = State::kFree;
  h.timer_next = free_head_;
  free_head_ = index;
  --size_;
}

bool Table::replace(uint32_t index, const FlowKey& key, uint64_t key_hash) {
  const uint64_t old_hash = hash(state_[index].hot.key, seed_);
  unlink(index);
  if (!link(index, key_hash)) {
    link(index, old_hash);
    return false;
  }
  const uint32_t timer_next = state_[index].hot.timer_next;
  reset(index, key);
  state_[index].hot.timer_next = timer_next;
  return true;
}

bool Table::has_room(uint64_t hash) const {
  return match(buckets_[bucket1(hash)], 0) != 0 || match(buckets_[bucket2(hash)], 0) != 0;
}

uint32_t Table::victim_of(Offers& offers, bool closed) {
  for (int look = 0; look < kOffersLook && !offers.empty(); ++look) {
    prefetch_record(offers.peek(4));
    const uint32_t index = offers.pop();
    if (rank(state_[index].hot) == (closed ? 2 : 1)) return index;
  }
  return kNone;
}

uint32_t Table::victim(uint64_t hash) {
  uint32_t best = kNone;
  int best_rank = 0;
  const auto consider = [&](uint32_t index) {
    const int r = rank(state_[index].hot);
    if (r > best_rank) {
      best = index;
      best_rank = r;
    }
  };
  if (!has_room(hash)) {
    // Only a flow from the key's own buckets makes room there.
    for (const uint32_t b : {bucket1(hash), bucket2(hash)}) {
      for (size_t i = 0; i < kSlots; ++i)
        if (buckets_[b].tag[i] != 0) consider(buckets_[b].index[i]);
    }
    return best;
  }
  best = victim_of(closed_, true);
  if (best == kNone) best = victim_of(unestablished_, false);
  if (best != kNone) return best;
  for (uint32_t i = 0; i < kVictimLook && high_water_ != 0 && best_rank < 2; ++i) {
    clock_hand_ = clock_hand_ + 1 < high_water_ ? clock_hand_ + 1 : 0;
    consider(clock_hand_);
  }
  return best;
}

}  // namespace rs::flow
