// SPDX-License-Identifier: Apache-2.0
//
// Network service header (RFC 8300): between a tunnel's header and the packet it carries.
#pragma once

#include "dataplane/packet/layer.h"

namespace rs::packet {

Next nsh(Cursor& c);

}  // namespace rs::packet
