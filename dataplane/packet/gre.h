// SPDX-License-Identifier: Apache-2.0
//
// GRE: RFC 2784 with key and sequence number (RFC 2890) and source routes (RFC 1701), NVGRE (RFC 7637), and the
// enhanced GRE of PPTP (RFC 2637).
#pragma once

#include "dataplane/packet/layer.h"

namespace rs::packet {

Next gre(Cursor& c, PacketView& view);

}  // namespace rs::packet
