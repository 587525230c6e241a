// SPDX-License-Identifier: Apache-2.0
//
// Whose name an HTTP request was sent to. A page elsewhere whose name is made to point to the loopback (DNS rebinding)
// still sends its own name in Host; and its own origin in Origin. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace rs::web {

// "localhost", 127.0.0.0/8 or [::1], with or without a port (RFC 9110 section 7.2).
bool is_loopback_name(const std::string& host);

// Whether an origin ("http://localhost:8080", RFC 6454 section 6.2) is that of the host asked by this scheme.
bool same_origin(std::string_view origin, std::string_view scheme, std::string_view host);

}  // namespace rs::web
