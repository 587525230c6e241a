// SPDX-License-Identifier: Apache-2.0
//
// GENEVE with options (RFC 8926).
#pragma once

#include "dataplane/packet/layer.h"

namespace rs::packet {

Next geneve(Cursor& c, PacketView& view);

}  // namespace rs::packet
