// SPDX-License-Identifier: Apache-2.0
//
// What the kernel knows of an interface, read before anything is opened on it, and which DPDK driver reads it best.
// Control thread. Changes nothing on the machine.
//
// AF_XDP takes the frames it sees away from the host, sees incoming frames only, reads only the kernel queues it is
// bound to, cannot choose their hash, and cuts nothing but drops frames above one page. So auto takes it only where
// none of that matters: a physical NIC without IP addresses, bridge or bond, an MTU that fits, and one queue, or as
// many as there are workers with a symmetric hash key, all of which can be bound. Everything else is read through
// AF_PACKET.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/config/config.h"
#include "proto/result.h"

namespace rs::capture {

struct Interface {
  std::string name;
  uint32_t index = 0;
  uint32_t mtu = 0;
  uint32_t rx_queues = 1;
  uint32_t xdp_queues = 1;  // of those, how many DPDK's AF_XDP driver can bind: the combined channels
  int numa_node = -1;
  bool up = false;  // administratively
  bool carrier = false;
  bool loopback = false;
  bool ethernet = false;       // frames start with an Ethernet header
  bool physical = false;       // has a device behind it
  bool addressed = false;      // has an IPv4 address, or an IPv6 one that is not link-local
  bool stacked = false;        // in a bridge or bond, or with VLAN or other interfaces on top
  bool symmetric_rss = false;  // its hash key gives both directions of a connection the same queue
};

// Errors: no such interface, down, not Ethernet; each with what to do.
Result<Interface> examine_interface(const std::string& name);

// Whether this process may open packet sockets; the error says what to give it.
Result<void> may_capture(const std::string& name);

// A Toeplitz key repeating every 16 bits hashes (a, b) like (b, a): source and destination fields of addresses and
// ports lie a multiple of 16 bits apart (Woo & Park, "Scalable TCP session monitoring with symmetric RSS", 2012).
bool symmetric_key(const uint8_t* key, uint32_t size);

// Never kAuto. `why` (may be null): one phrase for the log.
config::Driver choose_driver(const Interface& on, config::Driver wanted, uint32_t workers, std::string* why);

}  // namespace rs::capture
