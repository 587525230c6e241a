// SPDX-License-Identifier: Apache-2.0
//
// What a host's packets look like at this tap, learned from its SYN-ACKs: the TTL they arrive with. A refused
// connection shows nothing of its server but the RST; these norms give the comparison.
// One per worker, worker thread only; fixed size, the least recently refreshed entry of a set gives way.
// SYN-ACKs only, because a SYN's source is easily forged; and only the first that answers a SYN we saw, so that neither
// a forged answer nor the mirror's copy of one (a hop further) counts. What is learned depends on the SYNs and SYN-ACKs
// alone, not on any flow's state: workers that are shown the same ones know the same, whoever keeps the flows.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "dataplane/base/types.h"

namespace rs::track {

struct HostNorm {
  uint16_t samples = 0;
  uint8_t ttl_min = 0;
  uint8_t ttl_max = 0;
};

// Unkeyed, so that a capture read again collides alike. An IPv4 address differs from its neighbours in the topmost byte
// of the second word: folded down, or a multiplication would leave it up there.
inline uint64_t hash_of(const IpAddr& host) {
  uint64_t w[2];
  std::memcpy(w, host.bytes.data(), sizeof(w));
  uint64_t x = (w[0] ^ (w[1] ^ w[1] >> 32)) * 0x9e3779b97f4a7c15ULL;
  x ^= x >> 32 ^ w[1] >> 48;
  return x * 0xbf58476d1ce4e5b9ULL;
}

class Norms {
 public:
  explicit Norms(uint32_t sets = 4096) : mask_(sets - 1), sets_(sets) {}

  // A SYN of this connection. `flow`: hash of its key, unkeyed, so that a capture read again collides alike.
  void syn(uint64_t flow, uint32_t seq) { asked_[flow & (kAsked - 1)] = awaited(flow, seq + 1); }
  // A SYN-ACK of `host`: learned from when it is the first to acknowledge the connection's latest SYN.
  void syn_ack(uint64_t flow, uint32_t ack, const IpAddr& host, uint8_t ttl) {
    uint32_t& asked = asked_[flow & (kAsked - 1)];
    if (asked != awaited(flow, ack)) return;
    asked = 0;
    learn(host, ttl);
  }

  void learn(const IpAddr& host, uint8_t ttl) {
    Set& set = sets_[hash(host) & mask_];
    Entry* oldest = &set[0];
    for (Entry& e : set) {
      if (e.norm.samples != 0 && e.host == host) {
        e.used = ++clock_;
        e.norm.ttl_min = std::min(e.norm.ttl_min, ttl);
        e.norm.ttl_max = std::max(e.norm.ttl_max, ttl);
        if (e.norm.samples != UINT16_MAX) ++e.norm.samples;
        return;
      }
      if (e.used < oldest->used) oldest = &e;
    }
    *oldest = {host, {1, ttl, ttl}, ++clock_};
  }

  // The host's norm; samples == 0 when nothing is known of it.
  [[nodiscard]] HostNorm of(const IpAddr& host) const {
    for (const Entry& e : sets_[hash(host) & mask_])
      if (e.norm.samples != 0 && e.host == host) return e.norm;
    return {};
  }

 private:
  struct Entry {
    IpAddr host;
    HostNorm norm;
    uint64_t used = 0;
  };
  using Set = std::array<Entry, 4>;

  // SYNs waiting for their answer. A newer SYN takes a place: then one sample is missed. Our choice: a round trip of
  // 100 ms at 500,000 SYNs a second leaves half of them their answers.
  static constexpr uint32_t kAsked = 65'536;

  // What stands for a SYN in its place; 0 is an empty one.
  static uint32_t awaited(uint64_t flow, uint32_t ack) { return (ack ^ static_cast<uint32_t>(flow >> 32)) | 1U; }

  static uint32_t hash(const IpAddr& host) { return static_cast<uint32_t>(hash_of(host) >> 40); }

  uint32_t mask_;
  uint64_t clock_ = 0;
  std::vector<Set> sets_;
  std::vector<uint32_t> asked_ = std::vector<uint32_t>(kAsked);
};

}  // namespace rs::track
