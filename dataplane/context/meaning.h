// SPDX-License-Identifier: Apache-2.0
//
// What the last messages of a connection meant, as far as a pattern knows: names such as "http.status=503" and the
// classes that attribution weighs. Plain values; no payload. Filled by Scanner (worker thread), read by attribute and
// event.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "proto/vocabulary.h"

namespace rs::context {

// What a message says about why the connection ends. The names stand in the pattern file.
enum class Class : uint8_t {
  kNone = 0,           // known, but says nothing of the ending
  kRequest,            // a client opens a request in plain text
  kClientHello,        // a client opens TLS
  kOverload,           // the server has no capacity for anybody
  kRateLimit,          // this client asks too much or too often
  kTlsFailure,         // a fatal TLS alert
  kAppProtocolError,   // one end does not understand the other
  kAdminKill,          // somebody ends this session or stops the server
  kRequestError,       // this request is wrong
  kTooLarge,           // this request or message is too large
  kAuth,               // not allowed: credentials, permissions
  kTimeout,            // the message or answer took too long
  kIdleTimeout,        // too long a silence
  kNoBackend,          // a proxy has nowhere to pass it to
  kBlocked,            // a policy forbids it
  kUnknownConnection,  // a device has no state for it
  kNotListening,       // a device has no listener for it
  kPeerReset,          // a device passes on a reset
  kPeerSilent,         // a device gave up: retransmissions or probes unanswered
  kPeerToPeer,         // file sharing
};
inline constexpr std::array<std::string_view, 20> kClassNames = {"none",
                                                                 "request",
                                                                 "client_hello",
                                                                 "overload",
                                                                 "rate_limit",
                                                                 "tls_failure",
                                                                 "app_protocol_error",
                                                                 "admin_kill",
                                                                 "request_error",
                                                                 "too_large",
                                                                 "auth",
                                                                 "timeout",
                                                                 "idle_timeout",
                                                                 "no_backend",
                                                                 "blocked",
                                                                 "unknown_connection",
                                                                 "not_listening",
                                                                 "peer_reset",
                                                                 "peer_silent",
                                                                 "peer_to_peer"};
inline constexpr size_t kClassCount = kClassNames.size();
static_assert(kClassCount == static_cast<size_t>(Class::kPeerToPeer) + 1);

// Where a message stood.
enum class Place : uint8_t { kClient = 0, kServer, kRst };
inline constexpr size_t kPlaceCount = 3;

inline constexpr size_t kTextBytes = 48;  // NUL-terminated
inline constexpr uint8_t kNoProtocol = 0;

struct Meaning {
  Class cls = Class::kNone;
  bool seen = false;
  bool final = false;              // the message ends the connection: whatever the other end says later
  uint8_t protocol = kNoProtocol;  // what the end speaks, by the pattern set's numbering
  uint32_t value = 0;              // the number in it, 0 when there is none
  std::array<char, kTextBytes> text{};
};

struct Context {
  std::array<Meaning, kPlaceCount> at{};  // by Place
  Meaning window;                         // reset code in the RST's window field
  std::array<char, kTextBytes> server_name{};

  [[nodiscard]] const Meaning& of(Place p) const { return at[static_cast<size_t>(p)]; }
};
static_assert(std::is_trivially_copyable_v<Context>);

}  // namespace rs::context
