// SPDX-License-Identifier: Apache-2.0
//
// Ethernet II and 802.3 with LLC/SNAP (IEEE 802, RFC 1042), VLAN tags (802.1Q, 802.1ad), FabricPath, and
// what an EtherType names.
#pragma once

#include "dataplane/packet/layer.h"

namespace rs::packet {

inline constexpr size_t kEthernetHeader = 14;

// EtherTypes (IEEE 802 numbers).
inline constexpr uint16_t kTypeIpv4 = 0x0800;
inline constexpr uint16_t kTypeIpv6 = 0x86dd;
inline constexpr uint16_t kTypeBridging = 0x6558;  // transparent Ethernet bridging (RFC 1701)

Next by_ethertype(uint16_t type);

Next ethernet(Cursor& c);
Next vlan(Cursor& c);
Next llc(Cursor& c);
Next fabric_path(Cursor& c);

// A frame that can be one: sent by no group address, and where its type names IP, with an IP header behind. For
// tunnels that only a port number announces.
bool plausible_ethernet(Bytes frame);
// Surely a frame: plausible, and IP behind it or behind its tags. For payloads that nothing announces.
bool surely_ethernet(Bytes frame);
// Version and header length of an IP header of either version are possible.
bool plausible_ip(Bytes packet);

}  // namespace rs::packet
