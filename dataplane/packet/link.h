// SPDX-License-Identifier: Apache-2.0
//
// A frame's first header by its link type: Linux cooked captures (LINKTYPE_LINUX_SLL, _SLL2), BSD loopback
// (LINKTYPE_NULL, _LOOP), raw IP, and serial lines. Layouts: tcpdump.org/linktypes.html.
#pragma once

#include "dataplane/capture/frame.h"
#include "dataplane/packet/layer.h"

namespace rs::packet {

Next first_header(capture::LinkType link, Cursor& c);

}  // namespace rs::packet
