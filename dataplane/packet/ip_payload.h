// SPDX-License-Identifier: Apache-2.0
//
// What follows an IP header, by IANA protocol number: extension headers, tunnels, ICMP; IP in IP among them (RFC 2003,
// RFC 2473, RFC 4213).
#pragma once

#include "dataplane/packet/layer.h"

namespace rs::packet {

Next ip_payload(Cursor& c, PacketView& view);

}  // namespace rs::packet
