// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow/table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "dataplane/flow/wheel.h"

namespace rs::flow {
namespace {

struct Memory {
  explicit Memory(uint32_t capacity) : bytes(Table::bytes_needed(capacity)) {
    data.reset(static_cast<std::byte*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64)));
    std::memset(data.get(), 0, bytes);
  }
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  size_t bytes;
  std::unique_ptr<std::byte[], Free> data;
  std::span<std::byte> span() { return {data.get(), bytes}; }
};

FlowKey key_of(uint32_t n) {
  const uint8_t a[4] = {10, static_cast<uint8_t>(n >> 16), static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n)};
  const uint8_t b[4] = {192, 0, 2, 1};
  FlowKey key;
  make_key(IpAddr::v4(a), static_cast<uint16_t>(1024 + n % 60000), IpAddr::v4(b), 443, 0, key);
  return key;
}

TEST(Key, BothDirectionsAreOneFlow) {
  const uint8_t a[4] = {10, 0, 0, 1};
  const uint8_t b[4] = {10, 0, 0, 2};
  FlowKey one;
  FlowKey two;
  EXPECT_NE(make_key(IpAddr::v4(a), 5, IpAddr::v4(b), 6, 0, one), make_key(IpAddr::v4(b), 6, IpAddr::v4(a), 5, 0, two));
  EXPECT_TRUE(one == two);
  EXPECT_EQ(hash(one, Seed{}), hash(two, Seed{}));
  // Same address on both ends: the ports decide.
  FlowKey three;
  FlowKey four;
  make_key(IpAddr::v4(a), 5, IpAddr::v4(a), 6, 0, three);
  make_key(IpAddr::v4(a), 6, IpAddr::v4(a), 5, 0, four);
  EXPECT_TRUE(three == four);
}

TEST(Table, AgreesWithAMapUnderRandomUse) {
  constexpr uint32_t kCapacity = 4096;
  Memory memory(kCapacity);
  Table table(memory.span(), kCapacity, Seed{1, 2});
  std::map<uint32_t, uint32_t> reference;
  std::mt19937 random(7);
  for (int step = 0; step < 200'000; ++step) {
    const auto n = static_cast<uint32_t>(random() % 6000);
    const FlowKey key = key_of(n);
    const uint64_t h = table.hash_of(key);
    const uint32_t found = table.find(key, h);
    const auto it = reference.find(n);
    ASSERT_EQ(found != kNone, it != reference.end());
    if (found != kNone) {
      ASSERT_EQ(found, it->second);
      ASSERT_TRUE(table.hot(found).key == key);
      if (random() % 2 == 0) {
        table.erase(found);
        reference.erase(it);
      }
    } else if (reference.size() < kCapacity * 9 / 10) {
      const uint32_t at = table.insert(key, h);
      ASSERT_NE(at, kNone);
      table.hot(at).state = State::kEstablished;
      reference[n] = at;
    }
    ASSERT_EQ(table.size(), reference.size());
  }
}

TEST(Table, FillsToItsCapacity) {
  // The last is the fullest the buckets ever get: seven flows each.
  for (const uint32_t capacity : {60'000U, 7U * 16'384 - 7}) {
    Memory memory(capacity);
    Table table(memory.span(), capacity, Seed{3, 4});
    for (uint32_t n = 0; n < capacity; ++n) {
      const FlowKey key = key_of(n);
      ASSERT_NE(table.insert(key, table.hash_of(key)), kNone) << n;
    }
    EXPECT_EQ(table.insert(key_of(capacity), table.hash_of(key_of(capacity))), kNone);
    for (uint32_t n = 0; n < capacity; ++n) {
      const FlowKey key = key_of(n);
      ASSERT_EQ(table.find(key, table.hash_of(key)), n);
    }
  }
}

TEST(Table, VictimIsClosedBeforeUnestablishedAndNeverEstablished) {
  constexpr uint32_t kCapacity = 64;
  Memory memory(kCapacity);
  Table table(memory.span(), kCapacity, Seed{5, 6});
  for (uint32_t n = 0; n < kCapacity; ++n) {
    const uint32_t i = table.insert(key_of(n), table.hash_of(key_of(n)));
    ASSERT_NE(i, kNone);
    table.hot(i).state = State::kEstablished;
  }
  const FlowKey newcomer = key_of(1000);
  const uint64_t h = table.hash_of(newcomer);
  EXPECT_EQ(table.victim(h), kNone);
  table.hot(7).state = State::kSynSent;
  EXPECT_EQ(table.victim(h), 7U);
  table.hot(9).state = State::kClosed;
  // The clock hand may meet either first; a closed one wins when both are in reach, and an established one never.
  for (int k = 0; k < 8; ++k) {
    const uint32_t v = table.victim(h);
    EXPECT_TRUE(v == 9U || v == 7U);
  }
  table.hot(9).ending = 1;  // being settled: has an answer to give first
  table.hot(7).state = State::kEstablished;
  EXPECT_EQ(table.victim(h), kNone);
}

TEST(Table, VictimsGoInTheOrderTheyWereOffered) {
  constexpr uint32_t kCapacity = 4096;
  Memory memory(kCapacity);
  Table table(memory.span(), kCapacity, Seed{5, 6});
  for (uint32_t n = 0; n < kCapacity; ++n) {
    const uint32_t i = table.insert(key_of(n), table.hash_of(key_of(n)));
    ASSERT_NE(i, kNone);
    table.hot(i).state = State::kEstablished;
  }
  // Far apart, so that no search among neighbours would find them.
  for (const uint32_t i : {1000U, 3000U, 2000U}) {
    table.hot(i).state = State::kSynSent;
    table.offer_unestablished(i);
  }
  table.hot(3000).state = State::kEstablished;  // its handshake came through since
  table.hot(500).state = State::kClosed;
  table.offer_closed(500);
  std::vector<uint32_t> victims;
  for (uint32_t n = kCapacity; victims.size() < 3; ++n) {
    const uint64_t h = table.hash_of(key_of(n));
    const uint32_t v = table.victim(h);
    if (v == kNone) continue;  // this key's own buckets are full
    victims.push_back(v);
    table.hot(v).state = State::kEstablished;
  }
  EXPECT_EQ(victims, (std::vector<uint32_t>{500, 1000, 2000}));
}

TEST(Table, OffersBeyondTheRingDriveOutTheOldest) {
  constexpr uint32_t kCapacity = 1024;
  Memory memory(kCapacity);
  Table table(memory.span(), kCapacity, Seed{5, 6});
  for (uint32_t n = 0; n < kCapacity; ++n) {
    const uint32_t i = table.insert(key_of(n), table.hash_of(key_of(n)));
    ASSERT_NE(i, kNone);
    table.hot(i).state = State::kSynSent;
    table.offer_unestablished(i);
  }
  // One in eight is remembered: the oldest of these goes first, for a key whose buckets have room.
  std::vector<uint32_t> victims;
  for (uint32_t n = 0; n < 20; ++n) victims.push_back(table.victim(table.hash_of(key_of(5000 + n))));
  EXPECT_NE(std::find(victims.begin(), victims.end(), kCapacity - kCapacity / 8), victims.end());
}

TEST(Table, ReplaceKeepsThePlaceInTheWheel) {
  Memory memory(1024);
  Table table(memory.span(), 1024, Seed{7, 8});
  const uint32_t i = table.insert(key_of(1), table.hash_of(key_of(1)));
  table.hot(i).timer_next = 42;
  table.hot(i).state = State::kClosed;
  ASSERT_TRUE(table.replace(i, key_of(2), table.hash_of(key_of(2))));
  EXPECT_EQ(table.find(key_of(1), table.hash_of(key_of(1))), kNone);
  EXPECT_EQ(table.find(key_of(2), table.hash_of(key_of(2))), i);
  EXPECT_EQ(table.hot(i).timer_next, 42U);
  EXPECT_EQ(table.hot(i).state, State::kFree);
}

TEST(Table, FirstFlowsTouchWhatIsSaid) {
  Memory memory(5000);
  Table table(memory.span(), 5000, {1, 2});
  for (uint32_t n = 0; n < 300; ++n) {
    const FlowKey key = key_of(n);
    const uint32_t index = table.insert(key, table.hash_of(key));
    ASSERT_NE(index, kNone);
    std::memset(static_cast<void*>(&table.heads(index)), 0xff, sizeof(Heads));
    std::memset(static_cast<void*>(&table.cold(index)), 0xff, sizeof(FlowCold));
  }
  for (const auto part : Table::first_used(memory.span(), 5000, 300)) std::ranges::fill(part, std::byte{0});
  EXPECT_TRUE(std::ranges::all_of(memory.span(), [](std::byte b) { return b == std::byte{0}; }));
  size_t all = 0;
  for (const auto part : Table::first_used(memory.span(), 5000, UINT32_MAX)) all += part.size();
  EXPECT_LE(all, Table::bytes_needed(5000));
}

TEST(Table, FitsTheBudget) { EXPECT_LE(Table::bytes_per_flow(), 384U); }

TEST(Wheel, FiresEachInItsTimeAndAgainWhenAsked) {
  std::vector<uint32_t> link(100, kNone);
  const auto next = [&](uint32_t i) -> uint32_t& { return link[i]; };
  Wheel wheel;
  std::vector<TimeNs> due(100);
  for (uint32_t i = 0; i < 100; ++i) {
    due[i] = kSecond * 1000 + i * 700 * kMs;  // up to 70 s: beyond the horizon
    wheel.add(i, due[i], next);
  }
  std::vector<int> fired(100, 0);
  for (TimeNs now = 1000 * kSecond; now < 1080 * kSecond; now += 20 * kMs) {
    wheel.advance(now, 1000, next, [&](uint32_t i) -> TimeNs {
      if (now < due[i]) return due[i];
      EXPECT_LT(now - due[i], 150 * kMs) << i;
      ++fired[i];
      return 0;
    });
  }
  for (uint32_t i = 0; i < 100; ++i) EXPECT_EQ(fired[i], 1) << i;
}

TEST(Wheel, AClockThatJumpsYearsVisitsEachFlowOnce) {
  std::vector<uint32_t> link(10, kNone);
  const auto next = [&](uint32_t i) -> uint32_t& { return link[i]; };
  Wheel wheel;
  for (uint32_t i = 0; i < 10; ++i) wheel.add(i, kSecond * (1 + i), next);
  int visits = 0;
  wheel.advance(kSecond * 1'000'000'000, 1000, next, [&](uint32_t) -> TimeNs {
    ++visits;
    return 0;
  });
  EXPECT_EQ(visits, 10);
}

TEST(Wheel, BudgetBoundsTheWorkAndLosesNothing) {
  std::vector<uint32_t> link(1000, kNone);
  const auto next = [&](uint32_t i) -> uint32_t& { return link[i]; };
  Wheel wheel;
  for (uint32_t i = 0; i < 1000; ++i) wheel.add(i, kSecond, next);
  int visits = 0;
  int calls = 0;
  while (visits < 1000 && calls < 1000) {
    int now = 0;
    wheel.advance(10 * kSecond, 16, next, [&](uint32_t) -> TimeNs {
      ++now;
      return 0;
    });
    EXPECT_LE(now, 16);
    visits += now;
    ++calls;
  }
  EXPECT_EQ(visits, 1000);
}

}  // namespace
}  // namespace rs::flow
