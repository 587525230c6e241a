// SPDX-License-Identifier: Apache-2.0
//
// What an entry of capture.ports means, from its spelling alone: no look at the machine, so that one configuration
// means the same everywhere.
#pragma once

#include <cstdint>
#include <string_view>

namespace rs::config {

enum class PortKind : uint8_t {
  kInterface = 0,  // eth1: a kernel interface
  kPci,            // 0000:3b:00.0 or 3b:00.0: a NIC bound to a user-space driver (or a bifurcated one)
  kVdev,           // net_null0,size=64: handed to DPDK's EAL as it is
  kFile,           // has a '/', or ends in .pcap .pcapng .cap .ntar .gz, or is "-" (standard input)
};

PortKind kind_of(std::string_view port);

// Letters, digits and "._-:@+", at most 15 (IFNAMSIZ - 1): nothing that could end a PMD argument early.
bool valid_interface_name(std::string_view name);

}  // namespace rs::config
