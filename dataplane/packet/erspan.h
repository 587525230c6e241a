// SPDX-License-Identifier: Apache-2.0
//
// ERSPAN types II and III (draft-foschiano-erspan-03), behind GRE. Type I has no header.
#pragma once

#include "dataplane/packet/layer.h"

namespace rs::packet {

Next erspan2(Cursor& c);
Next erspan3(Cursor& c);

}  // namespace rs::packet
