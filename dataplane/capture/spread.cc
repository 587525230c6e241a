// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture/spread.h"

#include <rte_errno.h>
#include <rte_thash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <utility>
// last
#include "dataplane/capture/ethdev.h"

namespace rs::capture {
namespace {

// Connections tried, of each IP version. A hash that parts directions sends half of all connections (two queues) or
// more to two queues: 256 of them cannot all be together by chance.
constexpr int kTried = 256;
constexpr size_t kMinKeyBytes = 40;  // hashing IPv6 addresses with ports takes so many
constexpr uint64_t kFnvBasis = 0xcbf29ce484222325ULL;
constexpr uint64_t kFnvPrime = 0x100000001b3ULL;

// Input of the hash in the order the fields stand in the packet, words in host order (Microsoft, "RSS hashing types").
struct Tuple {
  std::array<uint32_t, 9> words{};
  uint32_t addresses = 0;  // words of both addresses
};

Tuple reversed(const Tuple& t) {
  Tuple r = t;
  const auto half = t.addresses / 2;
  std::rotate(r.words.begin(), r.words.begin() + half, r.words.begin() + t.addresses);
  r.words[t.addresses] = t.words[t.addresses] << 16 | t.words[t.addresses] >> 16;
  return r;
}

bool any(uint64_t functions, uint64_t wanted) { return (functions & wanted) != 0; }

uint16_t queue_of(const RssState& rss, const Tuple& t, bool with_ports, bool hashed) {
  const uint32_t hash =
      hashed ? rte_softrss(const_cast<uint32_t*>(t.words.data()), t.addresses + (with_ports ? 1 : 0), rss.key.data())
             : 0;  // what is not hashed goes to the first entry
  return rss.table[hash & (rss.table.size() - 1)];
}

}  // namespace

Spread check_rss(const RssState& rss, uint32_t workers) {
  if (rss.table.empty() || (rss.table.size() & (rss.table.size() - 1)) != 0)
    return {false, 0, "the device does not tell its queue table"};
  if (rss.key.size() < kMinKeyBytes) return {false, 0, "the device's hash key is too short to be checked"};
  std::mt19937 random(1);  // NOLINT: the same connections every time, so that ports can be compared
  uint64_t mapping = kFnvBasis;
  int parted = 0;
  for (int i = 0; i < 2 * kTried; ++i) {
    const bool v6 = i >= kTried;
    Tuple t;
    t.addresses = v6 ? 8 : 2;
    for (uint32_t& word : t.words) word = static_cast<uint32_t>(random());
    const bool ports =
        any(rss.functions, v6 ? RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_IPV6_TCP_EX : RTE_ETH_RSS_NONFRAG_IPV4_TCP);
    const bool addresses =
        any(rss.functions, v6 ? RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER : RTE_ETH_RSS_IPV4);
    const uint16_t there = queue_of(rss, t, ports, ports || addresses);
    const uint16_t back = queue_of(rss, reversed(t), ports, ports || addresses);
    parted += there % workers != back % workers ? 1 : 0;
    mapping = (mapping ^ there % workers) * kFnvPrime;
  }
  if (parted != 0) {
    return {false, 0,
            "its hash sends the directions of " + std::to_string(parted) + " of " + std::to_string(2 * kTried) +
                " connections to different queues"};
  }
  return {true, mapping, "symmetric hash, checked with " + std::to_string(2 * kTried) + " connections"};
}

Result<RssState> read_rss(uint16_t port_id) {
  const auto refused = [](const char* what, int code) {
    return Error{Code::kUnavailable,
                 std::string("the device does not tell its ") + what + " (" + rte_strerror(-code) + ")"};
  };
  rte_eth_dev_info info{};
  if (const int code = rte_eth_dev_info_get(port_id, &info); code != 0) return refused("capabilities", code);
  RssState rss;
  rss.key.resize(std::max<size_t>(info.hash_key_size, 64));
  rte_eth_rss_conf conf{};
  conf.rss_key = rss.key.data();
  conf.rss_key_len = static_cast<uint8_t>(rss.key.size());
  if (const int code = rte_eth_dev_rss_hash_conf_get(port_id, &conf); code != 0) return refused("hash key", code);
  rss.functions = conf.rss_hf;
  const size_t key_bytes = info.hash_key_size != 0 ? info.hash_key_size : conf.rss_key_len;
  rss.key.resize(std::min(rss.key.size(), key_bytes));

  std::vector<rte_eth_rss_reta_entry64> groups((info.reta_size + RTE_ETH_RETA_GROUP_SIZE - 1) /
                                               RTE_ETH_RETA_GROUP_SIZE);
  for (auto& group : groups) group.mask = UINT64_MAX;
  if (groups.empty()) return refused("queue table", -ENOTSUP);
  if (const int code = rte_eth_dev_rss_reta_query(port_id, groups.data(), info.reta_size); code != 0)
    return refused("queue table", code);
  for (uint16_t i = 0; i < info.reta_size; ++i)
    rss.table.push_back(groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE]);
  return rss;
}

Spread known_spread(const std::string& driver, uint16_t queues) {
  // One queue parts nothing; all ports with one queue are alike.
  if (queues == 1) return {true, 1, "one queue"};
  // net/packet/af_packet.c: the queue is the flow's hash scaled to the number of sockets, and the hash is the kernel's
  // own, the same on all interfaces.
  if (driver == "net_af_packet") return {true, kFnvPrime * queues, "the kernel's fanout hash is symmetric"};
  for (const char* plain : {"net_null", "net_pcap", "net_ring", "net_memif", "net_virtio_user", "net_vhost"}) {
    if (driver == plain) return {false, 0, "its driver does not hash connections to queues"};
  }
  return {};
}

}  // namespace rs::capture
