// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/chain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "control/model/ip.h"

namespace rs::correlate {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1000 * kMs;
constexpr uint64_t kStart = 1'700'000'000 * kSecond;

const model::Ip kProxy = model::from_v4(0x0a000005);
const model::Endpoint kFront{kProxy, 443};
const model::Endpoint kBack{model::from_v4(0x0a000109), 8080};

model::Ended ending(uint64_t id, uint64_t at_ns, model::Endpoint client, model::Endpoint server) {
  model::Ended e;
  e.id = e.cursor = id;
  e.time_ns = at_ns;
  e.client = client;
  e.server = server;
  e.ending = Ending::kReset;
  return e;
}
model::Ended front(uint64_t id, uint64_t at_ns) {
  return ending(id, at_ns, {model::from_v4(0xc0a80000u + static_cast<uint32_t>(id)), 40000}, kFront);
}
model::Ended back(uint64_t id, uint64_t at_ns) { return ending(id, at_ns, {kProxy, static_cast<uint16_t>(id)}, kBack); }

TEST(ChainFinder, TheBackSideCausesTheFrontSide) {
  ChainFinder chains;
  std::map<uint64_t, uint64_t> roots;
  for (uint64_t i = 0; i < 20; ++i) {
    const uint64_t at = kStart + i * 10 * kSecond;
    for (const auto& relay : chains.add(back(1000 + i, at))) roots[relay.event_id] = relay.root_id;
    for (const auto& relay : chains.add(front(2000 + i, at + 4 * kMs))) roots[relay.event_id] = relay.root_id;
  }
  ASSERT_EQ(roots.size(), 20u);  // those before it was certain, too
  for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(roots[2000 + i], 1000 + i);
}

TEST(ChainFinder, OrderOfArrivalDoesNotMatter) {
  ChainFinder chains;
  std::map<uint64_t, uint64_t> roots;
  for (uint64_t i = 0; i < 20; ++i) {
    const uint64_t at = kStart + i * 10 * kSecond;
    for (const auto& relay : chains.add(front(2000 + i, at + 4 * kMs))) roots[relay.event_id] = relay.root_id;
    for (const auto& relay : chains.add(back(1000 + i, at))) roots[relay.event_id] = relay.root_id;
  }
  ASSERT_EQ(roots.size(), 20u);
  for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(roots[2000 + i], 1000 + i);
}

TEST(ChainFinder, AClientThatLeavesIsTheRootOfWhatTheProxyDropsBehind) {
  ChainFinder chains;
  std::map<uint64_t, uint64_t> roots;
  for (uint64_t i = 0; i < 10; ++i) {
    const uint64_t at = kStart + i * 10 * kSecond;
    chains.add(front(2000 + i, at));
    for (const auto& relay : chains.add(back(1000 + i, at + 2 * kMs))) roots[relay.event_id] = relay.root_id;
  }
  EXPECT_EQ(roots.size(), 10u);
  EXPECT_EQ(roots[1005], 2005u);
}

TEST(ChainFinder, ChanceMeetingsAreNoLink) {
  ChainFinder chains;
  std::mt19937_64 random(1);
  size_t relays = 0;
  std::vector<std::pair<uint64_t, bool>> times;
  for (int i = 0; i < 4000; ++i) times.emplace_back(kStart + random() % (600 * kSecond), random() % 2 == 0);
  std::ranges::sort(times);
  uint64_t id = 0;
  for (const auto& [at, is_front] : times)  // seven a second, unrelated
    relays += chains.add(is_front ? front(++id, at) : back(++id, at)).size();
  EXPECT_LT(relays, 40u);  // of some thousand chance meetings
}

TEST(ChainFinder, TheRootOfTwoProxiesIsTheDeepest) {
  const model::Endpoint second{model::from_v4(0x0a000006), 80};
  ChainFinder chains;
  std::map<uint64_t, uint64_t> roots;
  const auto add = [&](const model::Ended& e) {
    for (const auto& relay : chains.add(e)) roots[relay.event_id] = relay.root_id;
  };
  for (uint64_t i = 0; i < 10; ++i) {
    const uint64_t at = kStart + i * 10 * kSecond;
    add(ending(1000 + i, at, {second.ip, static_cast<uint16_t>(1000 + i)}, kBack));
    add(ending(2000 + i, at + 3 * kMs, {kProxy, static_cast<uint16_t>(1000 + i)}, second));
    add(front(3000 + i, at + 6 * kMs));
  }
  EXPECT_EQ(roots[2009], 1009u);
  EXPECT_EQ(roots[3009], 1009u);
  EXPECT_EQ(chains.root(3009), 1009u);
}

TEST(ChainFinder, NamesJoinTheSidesOfAProxyWithTwoAddresses) {
  const model::Ip inside = model::from_v4(0x0a000205);
  std::vector<model::NameEntry> entries = {
      {.network = {kProxy, 128}, .site = "", .service = "edge", .owner = "", .role = model::Role::kProxy},
      {.network = {inside, 128}, .site = "", .service = "edge", .owner = "", .role = model::Role::kProxy}};
  const auto run = [&](bool named) {
    ChainFinder chains;
    if (named) chains.set_names(std::make_shared<model::Names>(entries, std::map<std::string, model::Tap>{}));
    size_t relays = 0;
    for (uint64_t i = 0; i < 10; ++i) {
      const uint64_t at = kStart + i * 10 * kSecond;
      relays += chains.add(ending(1000 + i, at, {inside, static_cast<uint16_t>(i)}, kBack)).size();
      relays += chains.add(front(2000 + i, at + 3 * kMs)).size();
    }
    return relays;
  };
  EXPECT_EQ(run(false), 0u);
  EXPECT_EQ(run(true), 10u);
}

}  // namespace
}  // namespace rs::correlate
