// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/condense.h"

#include <algorithm>
#include <bit>

#include "dataplane/event/hash.h"

namespace rs::event {
namespace {

// Layout of Key::words[3]; words[0..1] are the server's address, words[2] the client's network, words[4] tag and
// second.
constexpr unsigned kPortShift = 0;
constexpr unsigned kCauseShift = 16;
constexpr unsigned kOriginShift = 24;
constexpr unsigned kStageShift = 32;
constexpr unsigned kEndingShift = 40;
constexpr unsigned kV4Shift = 48;     // the client's address family: words[2] alone would not tell
constexpr unsigned kLevelShift = 56;  // so that a coarse key never equals a full one
constexpr uint64_t kPortMask = 0xffff;
constexpr DurationNs kMaxLingerNs = 10 * kSecond;

template <class E>
constexpr uint64_t bits(E value) {
  return static_cast<uint64_t>(value);
}

}  // namespace

Condenser::Condenser(const CondenserConfig& config, Sink& sink) : config_(config), sink_(sink) {
  if (!config_.fold && !config_.may_fold) return;
  const std::array<uint32_t, kLevels> sizes = {std::max(config_.entries, 1U), std::max(config_.entries / 16, 16U),
                                               std::max(config_.entries / 16, 16U)};
  const uint32_t total = sizes[0] + sizes[1] + sizes[2];
  const size_t buckets = std::bit_ceil(size_t{total} * 2);
  bucket_mask_ = buckets - 1;
  seed_ = random_seed();
  buckets_.assign(buckets, kNone);
  slots_.resize(total);
  first_.resize(total);
  uint32_t index = 0;
  for (uint8_t level = 0; level < kLevels; ++level) {
    free_[level] = kNone;
    for (uint32_t i = 0; i < sizes[level]; ++i, ++index) {
      slots_[index] = Slot{};
      slots_[index].level = level;
      slots_[index].next = free_[level];
      free_[level] = index;
    }
  }
}

void Condenser::add(const Event& event, TimeNs now) {
  counters_.endings.add(event.count);
  if (!config_.fold) {
    put_whole(event, now);
    return;
  }
  const Key key = make_key(event);
  const uint32_t bucket = bucket_of(key);
  uint32_t index = find(key, bucket);
  if (index == kNone) {
    index = insert(key, bucket, 0, event.time_ns, now);
    if (index == kNone) {
      add_coarse(key, event, now);
      return;
    }
  }
  Slot& slot = slots_[index];
  if (slot.whole < config_.keep_first && sink_.put(event, now)) {
    ++slot.whole;
    counters_.whole.add(1);
    return;
  }
  fold_into(index, event);
}

Condenser::Key Condenser::make_key(const Event& event) {
  Key key;
  const uint8_t* client = event.client.ip.bytes.data();
  const bool v4 = event.client.ip.is_v4();
  key.words[0] = load64(event.server.ip.bytes.data());
  key.words[1] = load64(event.server.ip.bytes.data() + 8);
  // IPv4: the first three of the last four bytes (little endian load, the host byte shifted out); IPv6: the first 8.
  key.words[2] = v4 ? (load64(client + 8) >> 32) & 0xffffffU : load64(client);
  key.words[3] = uint64_t{event.server.port} << kPortShift | bits(event.cause) << kCauseShift |
                 bits(event.origin) << kOriginShift | bits(event.stage) << kStageShift |
                 bits(event.ending) << kEndingShift | uint64_t{v4} << kV4Shift;
  key.words[4] = uint64_t{event.network_tag} << 32 | static_cast<uint32_t>(event.time_ns / kWindowNs);
  return key;
}

// A scan has one client and many servers, everything else that overflows has one server and many clients.
Condenser::Key Condenser::coarsen(const Key& key, uint8_t level, Cause cause) {
  Key coarse = key;
  if (level == 2 || cause == Cause::kPortScan) {
    coarse.words[0] = coarse.words[1] = 0;
    coarse.words[3] &= ~(kPortMask << kPortShift);
  }
  if (level == 2 || cause != Cause::kPortScan) {
    coarse.words[2] = 0;
    coarse.words[3] &= ~(uint64_t{1} << kV4Shift);
  }
  coarse.words[3] |= uint64_t{level} << kLevelShift;
  return coarse;
}

uint64_t Condenser::hash(const Key& key, uint64_t seed) {
  // Odd constants from splitmix64 and the golden ratio; any would do.
  const uint64_t a = fold_multiply(key.words[0] ^ seed ^ 0x9e3779b97f4a7c15U, key.words[1] ^ 0xbf58476d1ce4e5b9U);
  const uint64_t b = fold_multiply(key.words[2] ^ seed ^ 0x94d049bb133111ebU, key.words[3] ^ 0xd6e8feb86659fd93U);
  return fold_multiply(a ^ key.words[4] ^ 0xa0761d6478bd642fU, b ^ 0xe7037ed1a0b428dbU);
}

uint32_t Condenser::find(const Key& key, uint32_t bucket) const {
  uint32_t index = buckets_[bucket];
  while (index != kNone && !(slots_[index].key == key)) index = slots_[index].chain;
  return index;
}

uint32_t Condenser::insert(const Key& key, uint32_t bucket, uint8_t level, TimeNs event_time, TimeNs now) {
  const uint32_t index = free_[level];
  if (index == kNone) return kNone;
  Slot& slot = slots_[index];
  free_[level] = slot.next;
  slot.key = key;
  slot.count = 0;
  slot.whole = 0;
  slot.exemplars = 0;
  slot.chain = buckets_[bucket];
  buckets_[bucket] = index;

  // An ending reported later than its linger is held for a second all the same, so that late floods fold too; one
  // stamped in the future is held no longer than one of now.
  const DurationNs linger = std::min(config_.linger_ns, kMaxLingerNs);
  TimeNs due = (event_time / kWindowNs + 1) * kWindowNs + linger;
  if (due <= now || event_time > now + kWindowNs) due = now + kWindowNs;
  const uint64_t tick = std::clamp(due / kTickNs + (due % kTickNs != 0), cursor_ + 1, cursor_ + kTicks - 1);
  append(due_[tick % kTicks], index);
  return index;
}

void Condenser::append(List& list, uint32_t index) {
  slots_[index].next = kNone;
  if (list.tail == kNone) {
    list.head = index;
  } else {
    slots_[list.tail].next = index;
  }
  list.tail = index;
}

// Takes the slot out of its hash bucket and gives it back; the caller has taken it out of its list.
void Condenser::remove(uint32_t index) {
  Slot& slot = slots_[index];
  uint32_t* link = &buckets_[bucket_of(slot.key)];
  while (*link != index) link = &slots_[*link].chain;
  *link = slot.chain;
  slot.next = free_[slot.level];
  free_[slot.level] = index;
}

void Condenser::fold_into(uint32_t index, const Event& event) {
  Slot& slot = slots_[index];
  counters_.folded.add(event.count);
  if (slot.count == 0) {
    copy_event(first_[index], event);
    first_[index].exemplar_count = 0;
    slot.count = event.count;
    // In a coarse event an end is blanked: the first ending is then an exemplar like the others.
    if (slot.level == 0) return;
  } else {
    slot.count += event.count;
  }
  if (slot.exemplars < kMaxExemplars) {
    first_[index].exemplars[slot.exemplars++] = Exemplar{event.time_ns, event.client};
  }
}

void Condenser::add_coarse(const Key& key, const Event& event, TimeNs now) {
  for (uint8_t level = 1; level < kLevels; ++level) {
    const Key coarse = coarsen(key, level, event.cause);
    const uint32_t bucket = bucket_of(coarse);
    uint32_t index = find(coarse, bucket);
    if (index == kNone) index = insert(coarse, bucket, level, event.time_ns, now);
    if (index != kNone) {
      counters_.coarse.add(event.count);
      fold_into(index, event);
      return;
    }
  }
  put_whole(event, now);
}

void Condenser::put_whole(const Event& event, TimeNs now) {
  if (sink_.put(event, now)) {
    counters_.whole.add(1);
  } else {
    sink_.count_dropped_event(event.count);
  }
}

// A single ending left over is no fold: it goes out as it came.
void Condenser::write_folded(uint32_t index, Item& item) const {
  const Slot& slot = slots_[index];
  Event& event = item.event;
  copy_event(event, first_[index]);
  event.count = slot.count;
  if (slot.level == 0 && slot.count <= 1) return;
  event.exemplar_count = slot.exemplars;
  std::copy_n(first_[index].exemplars.begin(), slot.exemplars, event.exemplars.begin());
  event.flags = static_cast<uint16_t>(event.flags | static_cast<uint16_t>(Flag::kFolded));
  // The key holds the second; the first ending's id keeps two folds of one key and second apart (late endings).
  event.id = mix64(hash(slot.key, 0) ^ mix64(event.id + sink_.worker() + 1));
  if (slot.level > 0) {
    const bool scan = event.cause == Cause::kPortScan;
    if (slot.level == 2 || scan) event.server = Endpoint{};
    if (slot.level == 2 || !scan) event.client = Endpoint{};
  }
}

void Condenser::emit(uint32_t index, Item& item, TimeNs now) {
  write_folded(index, item);
  counters_.folded_events.add(1);
  sink_.commit_event(item, now);
}

void Condenser::sweep(TimeNs now) {
  const uint64_t tick = now / kTickNs;
  const bool back = now + kClockJumpNs < now_;
  if (back || tick > cursor_ + kTicks) gather(tick);
  now_ = back ? now : std::max(now_, now);
  uint32_t budget = kSweepBudget;
  while (cursor_ < tick) {
    List& list = due_[(cursor_ + 1) % kTicks];
    while (list.head != kNone) {
      if (budget <= kEmitCost) return;
      const uint32_t index = list.head;
      const uint32_t next = slots_[index].next;
      if (slots_[index].count > 0) {
        Item* item = sink_.reserve();
        if (item == nullptr) return;  // ring full: the counts stay here, and grow, until there is room
        budget -= kEmitCost;
        emit(index, *item, now);
      }
      remove(index);
      --budget;
      list.head = next;
      if (next == kNone) list.tail = kNone;
    }
    ++cursor_;
    next_ns_ = (cursor_ + 1) * kTickNs;
  }
}

// After a jump of the clock: everything becomes due at `tick`, in the order of its old ticks.
void Condenser::gather(uint64_t tick) {
  List all;
  for (uint32_t i = 1; i <= kTicks; ++i) {
    List& list = due_[(cursor_ + i) % kTicks];
    if (list.head == kNone) continue;
    if (all.tail == kNone) {
      all.head = list.head;
    } else {
      slots_[all.tail].next = list.head;
    }
    all.tail = list.tail;
    list = List{};
  }
  cursor_ = tick == 0 ? 0 : tick - 1;
  next_ns_ = (cursor_ + 1) * kTickNs;
  due_[(cursor_ + 1) % kTicks] = all;
}

bool Condenser::flush(TimeNs now) {
  bool complete = true;
  for (uint32_t i = 1; i <= kTicks; ++i) {
    List& list = due_[(cursor_ + i) % kTicks];
    while (list.head != kNone) {
      const uint32_t index = list.head;
      list.head = slots_[index].next;
      if (slots_[index].count > 0) {
        if (Item* item = sink_.reserve_waiting()) {
          emit(index, *item, now);
        } else {
          complete = false;
          sink_.count_dropped_event(slots_[index].count);
        }
      }
      remove(index);
    }
    list = List{};
  }
  return complete;
}

}  // namespace rs::event
