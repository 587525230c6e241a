// SPDX-License-Identifier: Apache-2.0
//
// VXLAN (RFC 7348) with group policy (draft-smith-vxlan-group-policy-05), and VXLAN-GPE
// (draft-ietf-nvo3-vxlan-gpe-13).
#pragma once

#include "dataplane/packet/layer.h"

namespace rs::packet {

Next vxlan(Cursor& c, PacketView& view);
Next vxlan_gpe(Cursor& c, PacketView& view);

}  // namespace rs::packet
