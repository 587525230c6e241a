// SPDX-License-Identifier: Apache-2.0
//
// What a host's packets look like at this tap, learned from its SYN-ACKs: the TTL they arrive with, and how soon. A
// refused connection shows nothing of its server but the RST; these norms give the comparison.
// One per worker, worker thread only; fixed size, the least recently refreshed entry of a set gives way.
// SYN-ACKs only, because a SYN's source is easily forged; and only the first that answers a SYN we saw, so that neither
// a forged answer nor the mirror's copy of one (a hop further) counts. What is learned depends on the SYNs and SYN-ACKs
// alone, not on any flow's state: workers that are shown the same ones know the same, whoever keeps the flows.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "dataplane/base/types.h"

namespace rs::track {

// The two commonest TTLs of a host, with counts that fade as newer packets come: a route that changed is forgotten, and
// a stray value moves nothing.
class TtlModes {
 public:
  void learn(uint8_t ttl) {
    Mode* found = mode_[0].ttl == ttl ? &mode_[0] : mode_[1].ttl == ttl ? &mode_[1] : nullptr;
    if (found == nullptr) {
      // A third value takes the rarer one's place once it has come as often.
      found = &mode_[1];
      if (mode_[1].count != 0) {
        --mode_[1].count;
        return;
      }
      found->ttl = ttl;
    }
    if (++found->count >= kFull)
      for (Mode& m : mode_) m.count /= 2;
    if (mode_[1].count > mode_[0].count) std::swap(mode_[0], mode_[1]);
  }
  // The host's range: one value, or two neighbours of which each is common (paths of equal cost and unequal length).
  // False: it has none, or too little is known.
  [[nodiscard]] bool range(uint8_t& low, uint8_t& high) const {
    const unsigned all = mode_[0].count + mode_[1].count;
    if (mode_[0].count == 0) return false;
    low = high = mode_[0].ttl;
    if (mode_[1].count * kRare <= all) return true;
    const int apart = mode_[1].ttl - mode_[0].ttl;
    if (apart != 1 && apart != -1) return false;
    low = std::min(low, mode_[1].ttl);
    high = std::max(high, mode_[1].ttl);
    return true;
  }

 private:
  static constexpr uint8_t kFull = 64;  // our choice: a change of route is believed after as many connections at most
  static constexpr unsigned kRare = 8;  // one in so many is an accident
  struct Mode {
    uint8_t ttl = 0;
    uint8_t count = 0;
  };
  std::array<Mode, 2> mode_{};
};

struct HostNorm {
  uint16_t samples = 0;
  TtlModes ttl;
  uint32_t rtt_us = 0;  // least time from a SYN to its SYN-ACK; 0 unknown
};
static_assert(sizeof(HostNorm) == 12);

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
  void syn(uint64_t flow, uint32_t seq, TimeNs time) {
    Asked& asked = asked_[flow & (kAsked - 1)];
    const uint32_t mark = awaited(flow, seq + 1);
    // A repeat: which of the two is answered nobody can tell.
    asked = {mark, asked.mark == mark ? uint32_t{0} : tick(time)};
  }
  // A SYN-ACK of `host`: learned from when it is the first to acknowledge the connection's latest SYN.
  void syn_ack(uint64_t flow, uint32_t ack, const IpAddr& host, uint8_t ttl, TimeNs time) {
    Asked& asked = asked_[flow & (kAsked - 1)];
    if (asked.mark != awaited(flow, ack)) return;
    learn(host, ttl, asked.tick == 0 ? 0 : tick(time) - asked.tick);
    asked = {};
  }

  // `rtt_us`: 0 not measured.
  void learn(const IpAddr& host, uint8_t ttl, uint32_t rtt_us = 0) {
    Set& set = sets_[hash(host) & mask_];
    Entry* oldest = &set[0];
    for (Entry& e : set) {
      if (e.norm.samples != 0 && e.host == host) {
        e.used = ++clock_;
        e.norm.ttl.learn(ttl);
        if (rtt_us != 0 && (e.norm.rtt_us == 0 || rtt_us < e.norm.rtt_us)) e.norm.rtt_us = rtt_us;
        if (e.norm.samples != UINT16_MAX) ++e.norm.samples;
        return;
      }
      if (e.used < oldest->used) oldest = &e;
    }
    *oldest = {host, {1, {}, rtt_us}, ++clock_};
    oldest->norm.ttl.learn(ttl);
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

  struct Asked {
    uint32_t mark = 0;
    uint32_t tick = 0;
  };
  // Microseconds, modulo 2^32; never 0.
  static uint32_t tick(TimeNs time) { return static_cast<uint32_t>(time / kUs) | 1U; }

  // What stands for a SYN in its place; 0 is an empty one.
  static uint32_t awaited(uint64_t flow, uint32_t ack) { return (ack ^ static_cast<uint32_t>(flow >> 32)) | 1U; }

  static uint32_t hash(const IpAddr& host) { return static_cast<uint32_t>(hash_of(host) >> 40); }

  uint32_t mask_;
  uint64_t clock_ = 0;
  std::vector<Set> sets_;
  std::vector<Asked> asked_ = std::vector<Asked>(kAsked);
};

}  // namespace rs::track
