// SPDX-License-Identifier: Apache-2.0
//
// MPLS label stack (RFC 3032), over IPv4, IPv6 or an Ethernet pseudowire (RFC 4448).
#pragma once

#include "dataplane/packet/layer.h"

namespace rs::packet {

Next mpls(Cursor& c, PacketView& view);

}  // namespace rs::packet
