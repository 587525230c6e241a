// SPDX-License-Identifier: Apache-2.0
//
// TCP header and options (RFC 9293 3.1, RFC 7323 timestamps and window scale, RFC 8684 MPTCP).
#pragma once

#include "dataplane/packet/view.h"

namespace rs::packet {

// `segment` starts at the TCP header and holds what was captured; `segment_bytes` is its length by the IP
// header. Fills ports, sequence, flags, options and payload of `view`.
Outcome parse_tcp(Bytes segment, uint32_t segment_bytes, PacketView& view);

}  // namespace rs::packet
