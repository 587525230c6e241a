// SPDX-License-Identifier: Apache-2.0
//
// UDP (RFC 768) as far as a tunnel may run over it. Only a port number announces those, so each validates its header
// and whatever does not fit is plain UDP: Outcome::kNotTcp.
#pragma once

#include "dataplane/packet/layer.h"

namespace rs::packet {

Next udp(Cursor& c, PacketView& view);

}  // namespace rs::packet
