// SPDX-License-Identifier: Apache-2.0
//
// IPv4 (RFC 791) and IPv6 with extension headers (RFC 8200), down to the TCP header or the TCP header quoted in
// an ICMP or ICMPv6 error (RFC 792, RFC 4443).
#pragma once

#include "dataplane/packet/view.h"

namespace rs::packet {

// `packet` starts at the IP header; trailing bytes (Ethernet padding) are cut off by the header's own length.
// `wire_bytes` is the packet's length on the wire, used where the header leaves the length open (IPv4 total
// length 0 of a segmentation offload).
Outcome parse_ipv4(Bytes packet, uint32_t wire_bytes, PacketView& view);
Outcome parse_ipv6(Bytes packet, PacketView& view);
// Chooses by the version field.
Outcome parse_ip(Bytes packet, uint32_t wire_bytes, PacketView& view);

}  // namespace rs::packet
