// SPDX-License-Identifier: Apache-2.0
//
// The self-test of how a port spreads frames over its queues: whether both directions of a connection reach one queue,
// and whether two ports spread alike. Nothing is taken on trust that a device tells of itself: the hash key, the hashed
// fields and the queue table it accepted are read back, and connections are put through them in both directions by
// DPDK's software Toeplitz. Control thread, once a port at opening.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proto/result.h"

namespace rs::capture {

// Receive-side scaling as a device says it does it.
struct RssState {
  std::vector<uint8_t> key;     // Toeplitz
  uint64_t functions = 0;       // RTE_ETH_RSS_*: what is hashed
  std::vector<uint16_t> table;  // queue by the hash's low bits; a power of two of entries
};

struct Spread {
  bool symmetric = true;
  // Ports with the same value send a connection to queues of the same number; 0: comparable with no other port.
  uint64_t mapping = 0;
  std::string why;  // one phrase: how it was found
};

// Runs connections of both IP versions through `rss` in both directions; queues are folded onto `workers`.
Spread check_rss(const RssState& rss, uint32_t workers);

// What device `port_id` tells. Error: it does not.
Result<RssState> read_rss(uint16_t port_id);

// By what is known of the driver: those that do not hash at all, and the kernel's AF_PACKET fanout. An empty `why`:
// not known, ask the device.
Spread known_spread(const std::string& driver, uint16_t queues);

}  // namespace rs::capture
