// SPDX-License-Identifier: Apache-2.0
//
// Decisions taken before and while ports open, without EAL: CPUs, buffers, drivers, hash key, clock.
#include <gtest/gtest.h>
#include <rte_thash.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "dataplane/capture/clock.h"
#include "dataplane/capture/cpus.h"
#include "dataplane/capture/eal.h"
#include "dataplane/capture/port.h"
#include "dataplane/capture/spread.h"
// last
#include "dataplane/capture/ethdev.h"

namespace rs::capture {
namespace {

using config::Driver;

std::vector<Cpu> machine(uint32_t cores, uint32_t threads) {
  std::vector<Cpu> cpus;
  for (uint32_t id = 0; id < cores * threads; ++id) {
    cpus.push_back({id, id % cores, id % cores < cores / 2 ? 0 : 1});
  }
  return cpus;
}

TEST(Cpus, DistinctCoresFirstAndTheFirstCpuStaysFree) {
  using List = std::vector<uint32_t>;
  const auto pick = [](const std::vector<Cpu>& m, const List& wanted, uint32_t workers, int node = -1) {
    const auto picked = pick_cpus(m, wanted, workers, node);
    return picked ? *picked : List{};
  };
  EXPECT_EQ(pick(machine(4, 1), {}, 1), (List{1}));
  EXPECT_EQ(pick(machine(4, 1), {}, 4), (List{0, 1, 2, 3}));
  EXPECT_EQ(pick(machine(4, 2), {}, 4), (List{1, 2, 3, 4}));
  EXPECT_EQ(pick(machine(4, 2), {}, 2, 1), (List{2, 3}));
  EXPECT_EQ(pick(machine(2, 1), {}, 5), (List{0, 1, 0, 1, 0}));
  EXPECT_EQ(pick(machine(1, 1), {}, 1), (List{0}));
  EXPECT_EQ(pick(machine(4, 1), {3, 1}, 3), (List{3, 1, 3}));
  const auto refused = pick_cpus(machine(2, 1), {7}, 1, -1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "capture.cores: CPU 7 is not available to this process; available: 0 1");
  EXPECT_FALSE(allowed_cpus().empty());
}

TEST(Cpus, OtherWorkKeepsOffTheWorkersCpus) {
  EXPECT_EQ(lcore_map(machine(2, 1), {0, 1, 0}), "0@(0,1),1@0,2@1,3@0") << "nothing left: anywhere";
  EXPECT_EQ(lcore_map(machine(4, 1), {1, 3}), "0@(0,2),1@1,2@3");
  EXPECT_TRUE(enough_cpus({1, 3}));
  const auto refused = enough_cpus({0, 1, 0});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().text.starts_with("capture.workers: 3 workers, but only 2 CPUs for them"));
}

TEST(Eal, ArgumentsFollowThePlan) {
  const auto has = [](const std::vector<std::string>& args, const char* arg) {
    return std::ranges::find(args, arg) != args.end();
  };
  const auto plain = eal_arguments({.lcores = "0@(0),1@0", .pci = {}, .memory_mib = 64});
  for (const char* arg : {"--lcores=0@(0),1@0", "--no-huge", "--no-shconf", "-m64", "--no-pci", "--no-telemetry"}) {
    EXPECT_TRUE(has(plain, arg)) << arg;
  }
  EXPECT_FALSE(has(plain, "--in-memory"));
  const auto huge = eal_arguments({.lcores = "", .pci = {"0000:3b:00.0"}, .memory_mib = 64, .hugepages = true});
  EXPECT_TRUE(has(huge, "--in-memory"));
  EXPECT_TRUE(has(huge, "--allow=0000:3b:00.0"));
  EXPECT_FALSE(has(huge, "--no-huge"));
  EXPECT_FALSE(has(huge, "--no-pci"));
  EXPECT_FALSE(has(huge, "-m64"));
  EXPECT_TRUE(has(huge, "--no-telemetry"));
  const auto told = eal_arguments({.lcores = "", .pci = {}, .memory_mib = 64, .telemetry = true});
  EXPECT_FALSE(has(told, "--no-telemetry"));
  EXPECT_TRUE(has(told, "--file-prefix=resetscope"));
}

TEST(Buffers, SlotsHoldTheMtuAndDivideTheBlock) {
  EXPECT_EQ(af_packet_buffers(1500).slot_bytes, 2048u);
  EXPECT_EQ(af_packet_buffers(9000).slot_bytes, 16384u);
  EXPECT_EQ(af_packet_buffers(65536).slot_bytes, 16384u);
  EXPECT_EQ(af_packet_buffers(UINT32_MAX).slot_bytes, 16384u);
  for (uint32_t mtu = 68; mtu <= 9216; ++mtu) {
    const Buffers b = af_packet_buffers(mtu);
    EXPECT_GE(b.cut_bytes, mtu + 14 + 8);
    EXPECT_EQ(65536 % b.slot_bytes, 0u);
    EXPECT_GE(b.room_bytes, b.slot_bytes - 32);  // what the driver checks
  }
  EXPECT_LE(af_xdp_buffers().room_bytes + 3 * 128, 4096u);
  EXPECT_GE(memory_mib({}), 32u);
}

TEST(Driver, AutoTakesAfXdpOnlyWhereNothingIsLost) {
  Interface nic{.name = "eth1", .mtu = 1500, .rx_queues = 1, .up = true, .ethernet = true, .physical = true};
  std::string why;
  EXPECT_EQ(choose_driver(nic, Driver::kAuto, 1, &why), Driver::kAfXdp);
  EXPECT_EQ(choose_driver(nic, Driver::kAfPacket, 1, nullptr), Driver::kAfPacket);
  const auto with = [&](auto change) {
    Interface i = nic;
    change(i);
    return choose_driver(i, Driver::kAuto, 4, &why);
  };
  EXPECT_EQ(with([](Interface& i) { i.physical = false; }), Driver::kAfPacket);
  EXPECT_EQ(with([](Interface& i) { i.addressed = true; }), Driver::kAfPacket);
  EXPECT_EQ(with([](Interface& i) { i.stacked = true; }), Driver::kAfPacket);
  EXPECT_EQ(with([](Interface& i) { i.mtu = 9000; }), Driver::kAfPacket);
  EXPECT_EQ(with([](Interface& i) { i.rx_queues = 4; }), Driver::kAfPacket);
  EXPECT_EQ(with([](Interface& i) { i.rx_queues = i.xdp_queues = 8, i.symmetric_rss = true; }), Driver::kAfPacket);
  EXPECT_EQ(with([](Interface& i) { i.rx_queues = 4, i.symmetric_rss = true; }), Driver::kAfPacket);
  EXPECT_EQ(with([](Interface& i) { i.rx_queues = i.xdp_queues = 4; }), Driver::kAfPacket);
  EXPECT_EQ(with([](Interface& i) { i.rx_queues = i.xdp_queues = 4, i.symmetric_rss = true; }), Driver::kAfXdp);
}

// The key's whole point: swapping source and destination leaves the hash.
TEST(Rss, TheKeyIsSymmetric) {
  std::mt19937 random(1);  // NOLINT: the same every run
  const std::vector<uint8_t> key = symmetric_rss_key(52);
  EXPECT_TRUE(symmetric_key(key.data(), 52));
  uint8_t microsoft[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2};
  EXPECT_FALSE(symmetric_key(microsoft, 40));
  const uint8_t zeros[40] = {};
  EXPECT_FALSE(symmetric_key(zeros, 40));
  uint32_t different = 0;
  uint32_t last = 0;
  for (int i = 0; i < 1000; ++i) {
    uint32_t v6[9];
    for (uint32_t& word : v6) word = static_cast<uint32_t>(random());
    uint32_t back[9];
    std::memcpy(back, v6 + 4, 16);
    std::memcpy(back + 4, v6, 16);
    back[8] = v6[8] << 16 | v6[8] >> 16;
    const uint32_t hash = rte_softrss(v6, 9, key.data());
    EXPECT_EQ(hash, rte_softrss(back, 9, key.data()));
    different += hash != last ? 1 : 0;
    last = hash;
    uint32_t v4[3] = {v6[0], v6[1], v6[2]};
    uint32_t back4[3] = {v6[1], v6[0], v6[2] << 16 | v6[2] >> 16};
    EXPECT_EQ(rte_softrss(v4, 3, key.data()), rte_softrss(back4, 3, key.data()));
  }
  EXPECT_GT(different, 900u);
}

// A device that took our key; `table` as most drivers fill it.
RssState device(uint32_t entries, uint16_t queues) {
  RssState rss;
  rss.key = symmetric_rss_key(40);
  rss.functions = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_TCP;
  for (uint32_t i = 0; i < entries; ++i) rss.table.push_back(static_cast<uint16_t>(i % queues));
  return rss;
}

TEST(Spread, TheSelfTestSeesPartedDirections) {
  const Spread good = check_rss(device(128, 4), 4);
  EXPECT_TRUE(good.symmetric) << good.why;
  EXPECT_NE(good.mapping, 0U);

  RssState own_key = device(128, 4);  // Microsoft's example key: what devices that refuse ours have
  const uint8_t microsoft[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
                                 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
                                 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
  own_key.key.assign(microsoft, microsoft + 40);
  const Spread bad = check_rss(own_key, 4);
  EXPECT_FALSE(bad.symmetric);
  EXPECT_NE(bad.why.find("different queues"), std::string::npos);
  EXPECT_TRUE(check_rss(own_key, 1).symmetric) << "one worker has them all";

  RssState half_taken = device(128, 4);  // the key's end overwritten: shows in IPv6 only
  half_taken.key[38] = 0;
  EXPECT_FALSE(check_rss(half_taken, 4).symmetric);
  EXPECT_FALSE(check_rss({symmetric_rss_key(40), 0, {}}, 2).symmetric) << "no table";
  EXPECT_FALSE(check_rss({symmetric_rss_key(16), 0, {0, 1}}, 2).symmetric) << "no whole key";
}

TEST(Spread, PortsAreComparedByWhereConnectionsGo) {
  const Spread a = check_rss(device(128, 4), 4);
  EXPECT_EQ(check_rss(device(512, 4), 4).mapping, a.mapping) << "a larger table, the same queues";
  EXPECT_NE(check_rss(device(512, 3), 3).mapping, check_rss(device(128, 3), 3).mapping) << "3 does not divide 128";
  RssState addresses_only = device(128, 4);
  addresses_only.functions = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6;
  EXPECT_TRUE(check_rss(addresses_only, 4).symmetric);
  EXPECT_NE(check_rss(addresses_only, 4).mapping, a.mapping);
  EXPECT_EQ(known_spread("net_af_packet", 2).mapping, known_spread("net_af_packet", 2).mapping);
  EXPECT_NE(known_spread("net_af_packet", 2).mapping, known_spread("net_af_packet", 3).mapping);
  EXPECT_FALSE(known_spread("net_null", 2).symmetric);
  EXPECT_TRUE(known_spread("net_null", 1).symmetric);
  EXPECT_TRUE(known_spread("net_ixgbe", 2).why.empty()) << "is asked";
}

TEST(Clock, FollowsTheRateAndNeverRunsBack) {
  constexpr uint64_t kStart = 1'700'000'000 * kSecond;
  // Ticks at 2.5 GHz, announced as 2.4: found out at the first calibration.
  const auto sample = [&](double seconds, int64_t set_by_ns = 0) {
    return Clock::Sample{
        static_cast<uint64_t>(seconds * 2.5e9) + 1000, static_cast<uint64_t>(seconds * 1e9) + 77,
        static_cast<uint64_t>(static_cast<int64_t>(kStart + static_cast<uint64_t>(seconds * 1e9)) + set_by_ns)};
  };
  Clock clock;
  clock.start(sample(0), 2.4e9);
  EXPECT_EQ(clock.at(sample(0).ticks), kStart);
  for (int s = 1; s <= 5; ++s) clock.calibrate(sample(s));
  EXPECT_NEAR(static_cast<double>(clock.at(sample(6).ticks) - kStart), 6e9, 1e6);

  // Set back an hour: it goes on, slower, and never back.
  TimeNs last = 0;
  for (int s = 6; s < 60; ++s) {
    for (const double part : {0.0, 0.5, 0.99}) {
      const TimeNs now = clock.at(sample(s + part).ticks);
      EXPECT_GE(now, last);
      last = now;
    }
    clock.calibrate(sample(s + 1, -3600 * static_cast<int64_t>(kSecond)));
  }
  EXPECT_LT(last, kStart + 60 * kSecond);
  EXPECT_GT(last, kStart + 50 * kSecond);

  // Set ahead an hour: followed at once.
  clock.calibrate(sample(61, 3600 * static_cast<int64_t>(kSecond)));
  EXPECT_EQ(clock.at(sample(61).ticks), sample(61, 3600 * static_cast<int64_t>(kSecond)).realtime_ns);
}

TEST(Clock, TheRealOneAgreesWithTheSystem) {
  Clock clock;
  clock.start(sample_now(), ticks_hz());
  const timespec nap{0, 50'000'000};
  ::nanosleep(&nap, nullptr);
  clock.calibrate(sample_now());
  ::nanosleep(&nap, nullptr);
  const Clock::Sample s = sample_now();
  EXPECT_NEAR(static_cast<double>(static_cast<int64_t>(clock.at(s.ticks) - s.realtime_ns)), 0, 5e6);
}

}  // namespace
}  // namespace rs::capture
