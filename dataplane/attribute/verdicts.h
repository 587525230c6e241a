// SPDX-License-Identifier: Apache-2.0
//
// Verdicts reached before. Endings come in crowds of one shape (a server that restarts resets all its connections
// alike), and a verdict depends on the shape alone: it is weighed once and then looked up. Exact, never stale: the
// whole shape is compared. A direct-mapped table, so that whoever sends ever new shapes costs a comparison an ending
// more, and no memory. One a worker.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "dataplane/attribute/attribute.h"

namespace rs::attribute {

class Verdicts {
 public:
  // As attribute(); the reference holds until the next call.
  const Verdict& of(const Shape& facts, bool icmp_from_server) {
    Entry& entry = entries_[slot_of(facts)];
    if (!entry.filled || entry.icmp_from_server != icmp_from_server || entry.shape != facts) [[unlikely]]
      entry = {facts, icmp_from_server, true, attribute(facts, icmp_from_server)};
    return entry.verdict;
  }

 private:
  static constexpr size_t kEntries = 128;  // with a network's usual shapes it stays in the second-level cache

  struct Entry {
    Shape shape;
    bool icmp_from_server = false;
    bool filled = false;
    Verdict verdict;
  };

  // Multiplicative hashing (Knuth, volume 3, section 6.4), a word at a time.
  static size_t slot_of(const Shape& facts) {
    constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;
    uint64_t h = static_cast<uint64_t>(facts.stage) << 16 | static_cast<uint64_t>(facts.ending) << 8 |
                 static_cast<uint64_t>(facts.sender);
    for (const uint64_t word : facts.seen().words) h = (std::rotl(h, 23) ^ word) * kGolden;
    return h >> (64 - std::bit_width(kEntries - 1));
  }

  std::array<Entry, kEntries> entries_{};
};

}  // namespace rs::attribute
