// SPDX-License-Identifier: Apache-2.0
//
// PPP (RFC 1661) in HDLC-like framing (RFC 1662), over Ethernet (RFC 2516) or GRE (RFC 2637), and Cisco's HDLC.
#pragma once

#include "dataplane/packet/layer.h"

namespace rs::packet {

Next pppoe(Cursor& c, PacketView& view);
Next ppp(Cursor& c);
Next cisco_hdlc(Cursor& c);

}  // namespace rs::packet
