// SPDX-License-Identifier: Apache-2.0
//
// The TCP header quoted in an ICMP or ICMPv6 error (RFC 792, RFC 4443), which tells what connection it is about.
#pragma once

#include "dataplane/packet/layer.h"

namespace rs::packet {

// `c` stands at the ICMP header, `view` holds the IP header before it. On kIcmpQuote `view` is the quoted packet's.
Outcome icmp_quote(Cursor& c, PacketView& view);

}  // namespace rs::packet
