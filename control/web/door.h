// SPDX-License-Identifier: Apache-2.0
//
// Who is behind an HTTP request: everybody on plaintext, which is the loopback's only; over TLS whoever shows a
// certificate, a token, or the cookie of a sign-in with a token. What they may then do is the gate's to say. Sign-ins
// live in memory: they end with the program, with their time, and with their token. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "control/access/gate.h"
#include "control/access/tokens.h"
#include "proto/result.h"
#include "proto/tls_handshakes.h"

namespace rs::web {

// What a request brings along.
struct Knock {
  bool secure = false;  // came over TLS
  std::string address;
  tls::Shown shown;
  std::string authorization;  // header
  std::string cookie;         // header
};

class Door {
 public:
  static constexpr size_t kMostSessions = 4096;  // beyond, the one that ends first goes

  // `tokens` may be null: nobody has one. Both outlive this.
  Door(access::Gate& gate, access::Tokens* tokens, int64_t session_s)
      : gate_(gate), tokens_(tokens), session_s_(session_s) {}

  // `now`: Unix time. The error says to a person why nobody is known; it is always Code::kPermission.
  Result<access::Caller> who(const Knock& knock, int64_t now);

  // The value of Set-Cookie that keeps who brings this token signed in. Refusals and sign-ins go to the audit log.
  Result<std::string> sign_in(const Knock& knock, const std::string& token, int64_t now);
  // The value of Set-Cookie that forgets it.
  std::string sign_out(const Knock& knock, int64_t now);

  [[nodiscard]] bool takes_tokens() const { return tokens_ != nullptr && tokens_->wanted(); }
  // Of the sign-in that a request's cookie stands for, Unix time; 0: none.
  int64_t session_end(const Knock& knock, int64_t now);

 private:
  struct Session {
    std::string token;  // its digest
    int64_t until = 0;
  };
  // The caller of a token that is still good.
  Result<access::Caller> holder(const std::string& digest, const Knock& knock, int64_t now);
  // By the cookie; empty: none, or over.
  Session session_of(const Knock& knock, int64_t now);

  access::Gate& gate_;
  access::Tokens* const tokens_;
  const int64_t session_s_;
  std::mutex mutex_;                         // all below
  std::map<std::string, Session> sessions_;  // by the digest of the cookie's value
};

}  // namespace rs::web
