// SPDX-License-Identifier: Apache-2.0
//
// What a host's packets look like at this tap, learned from its SYN-ACKs: the TTL they arrive with. A refused
// connection shows nothing of its server but the RST; these norms give the comparison.
// One per worker, worker thread only; fixed size, the least recently refreshed entry of a set gives way.
// SYN-ACKs only, because a SYN's source is easily forged and a SYN-ACK answers a packet we saw.
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

class Norms {
 public:
  explicit Norms(uint32_t sets = 4096) : mask_(sets - 1), sets_(sets) {}

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

  static uint32_t hash(const IpAddr& host) {
    uint64_t w[2];
    std::memcpy(w, host.bytes.data(), sizeof(w));
    return static_cast<uint32_t>(((w[0] ^ w[1] * 0x9e3779b97f4a7c15ULL) * 0xbf58476d1ce4e5b9ULL) >> 40);
  }

  uint32_t mask_;
  uint64_t clock_ = 0;
  std::vector<Set> sets_;
};

}  // namespace rs::track
