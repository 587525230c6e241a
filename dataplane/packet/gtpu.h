// SPDX-License-Identifier: Apache-2.0
//
// GTP-U version 1 with extension headers (3GPP TS 29.281): user packets (G-PDU) only.
#pragma once

#include "dataplane/packet/layer.h"

namespace rs::packet {

Next gtpu(Cursor& c, PacketView& view);

}  // namespace rs::packet
