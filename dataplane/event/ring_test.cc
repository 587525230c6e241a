// SPDX-License-Identifier: Apache-2.0
//
// Meant to be run under ThreadSanitizer too.
#include "dataplane/event/ring.h"

#include <gtest/gtest.h>

#include <thread>

#include "dataplane/event/sink.h"
#include "dataplane/event/test_items.h"

namespace rs::event {
namespace {

TEST(Ring, CapacityIsRoundedUpToAPowerOfTwo) {
  EXPECT_EQ(SpscRing<int>(0).capacity(), 2U);
  EXPECT_EQ(SpscRing<int>(3).capacity(), 4U);
  EXPECT_EQ(SpscRing<int>(64).capacity(), 64U);
}

TEST(Ring, FullAndEmpty) {
  SpscRing<int> ring(4);
  EXPECT_EQ(ring.front(), nullptr);
  for (int i = 0; i < 4; ++i) {
    int* slot = ring.reserve();
    ASSERT_NE(slot, nullptr);
    EXPECT_EQ(ring.reserve(), slot) << "not committed: the same slot";
    *slot = i;
    ring.commit();
  }
  EXPECT_EQ(ring.reserve(), nullptr);
  EXPECT_EQ(ring.size(), 4U);
  for (int i = 0; i < 4; ++i) {
    ASSERT_NE(ring.front(), nullptr);
    EXPECT_EQ(*ring.front(), i);
    ring.pop();
  }
  EXPECT_EQ(ring.front(), nullptr);
  EXPECT_NE(ring.reserve(), nullptr);
}

TEST(Ring, TwoThreadsKeepOrderAndContent) {
  struct Wide {
    uint64_t words[24];
  };
  constexpr uint64_t kItems = 1'000'000;
  SpscRing<Wide> ring(256);
  std::thread producer([&] {
    for (uint64_t i = 0; i < kItems;) {
      Wide* slot = ring.reserve();
      if (slot == nullptr) {
        std::this_thread::yield();
        continue;
      }
      for (uint64_t& word : slot->words) word = i;
      ring.commit();
      ++i;
    }
  });
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < kItems;) {
    const Wide* slot = ring.front();
    if (slot == nullptr) {
      std::this_thread::yield();
      continue;
    }
    for (const uint64_t word : slot->words) wrong += word != i;
    ring.pop();
    ++i;
  }
  producer.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(ring.front(), nullptr);
}

TEST(Sink, WaitingProducerLosesNothing) {
  constexpr uint64_t kItems = 50'000;
  Ring ring(16);
  Sink sink(ring, WhenFull::kWait, 0);
  std::thread producer([&] {
    for (uint64_t i = 0; i < kItems; ++i) EXPECT_TRUE(sink.put(test::reset(test::kStart, i), test::kStart));
  });
  uint64_t next = 0;
  while (next < kItems) {
    const Item* item = ring.front();
    if (item == nullptr) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(item->event.id, next);
    ++next;
    ring.pop();
  }
  producer.join();
  EXPECT_EQ(sink.counters().events.get(), kItems);
  EXPECT_EQ(sink.counters().endings.get(), kItems);
}

TEST(Sink, WaitEndsWhenTheConsumerLeaves) {
  Ring ring(2);
  Sink sink(ring, WhenFull::kWait, 0);
  bool last = true;
  std::thread producer([&] {
    for (int i = 0; i < 3; ++i) last = sink.put(test::reset(test::kStart, 1), test::kStart);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ring.close();
  producer.join();
  EXPECT_FALSE(last);
  EXPECT_EQ(sink.counters().waits.get(), 1U);
}

TEST(Sink, DroppingProducerReturnsAtOnce) {
  Ring ring(2);
  Sink sink(ring, WhenFull::kDrop, 5);
  EXPECT_TRUE(sink.put(test::reset(test::kStart, 1), 77));
  EXPECT_TRUE(sink.put(test::reset(test::kStart, 2), 78));
  EXPECT_FALSE(sink.put(test::reset(test::kStart, 3), 79));
  ASSERT_NE(ring.front(), nullptr);
  EXPECT_EQ(ring.front()->kind, ItemKind::kEvent);
  EXPECT_EQ(ring.front()->worker, 5);
  EXPECT_EQ(ring.front()->now, 77U);
}

}  // namespace
}  // namespace rs::event
