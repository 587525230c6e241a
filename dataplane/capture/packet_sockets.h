// SPDX-License-Identifier: Apache-2.0
//
// The kernel sockets behind an AF_PACKET port. DPDK's driver keeps them to itself and (22.11) never asks them for
// drops, so frames lost to a full ring would go uncounted: we find them among our own descriptors and ask.
// Also holds an interface in promiscuous mode by a socket's membership, which the kernel ends with the process even
// when it is killed; the flag DPDK's driver would set stays behind. Control thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proto/result.h"

namespace rs::capture {

class PacketSockets {
 public:
  PacketSockets() = default;
  ~PacketSockets();
  PacketSockets(PacketSockets&& o) noexcept;
  PacketSockets& operator=(PacketSockets&& o) noexcept;

  // Duplicates every packet socket of this process that is bound to the interface.
  void find(uint32_t interface_index);
  [[nodiscard]] size_t size() const { return sockets_.size(); }
  // Leave out what the host sends: on lo every packet would be seen twice.
  void ignore_outgoing();
  // Frames dropped for want of room since the last call; the kernel counts from 0 again.
  uint64_t take_drops();

  Result<void> hold_promiscuous(const std::string& name, uint32_t interface_index);

 private:
  void close_all();
  std::vector<int> sockets_;
  int promiscuous_ = -1;
};

}  // namespace rs::capture
