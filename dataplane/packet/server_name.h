// SPDX-License-Identifier: Apache-2.0
//
// The name a client asks for in its first message: TLS server_name (RFC 6066 3) or HTTP Host (RFC 9110 7.2). Pure;
// hostile bytes; bounded work. It finds the name and judges nothing. A ClientHello that goes on in a second segment
// (post-quantum key shares make that the rule) is followed with TlsRest; one whose name or extension header lies
// across the border is given up.
#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"

namespace rs::packet {

// Where the extensions of a ClientHello go on beyond the bytes that were read.
struct TlsRest {
  uint16_t skip = 0;  // bytes of the stream until the next extension's header
  uint16_t left = 0;  // bytes of extensions from there on; 0: nothing is pending
};

// Longest name kept as such in DNS (RFC 1035 2.3.4).
inline constexpr size_t kMaxNameBytes = 253;

// The part of `payload` that is the name; empty when there is none. `rest` is set when the search goes on in the
// stream's next bytes.
Bytes server_name(const Bytes& payload, TlsRest& rest);
// The same in the bytes that follow.
Bytes server_name_on(const Bytes& payload, TlsRest& rest);

}  // namespace rs::packet
