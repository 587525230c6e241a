// SPDX-License-Identifier: Apache-2.0
#include "control/web/door.h"

#include <algorithm>

#include "control/access/caller.h"
#include "proto/tls_secret.h"

namespace rs::web {
namespace {

// The prefix makes browsers take it only over TLS, for this host and all paths (RFC 6265bis section 4.1.3.2).
constexpr std::string_view kCookie = "__Host-resetscope=";
constexpr std::string_view kCookieRights = "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=";
constexpr size_t kSessionBytes = 32;
constexpr size_t kMaxTokenBytes = 1024;
constexpr std::string_view kBearer = "bearer ";  // RFC 6750 section 2.1; the scheme's case does not matter

Error nobody(const std::string& why) { return {Code::kPermission, why}; }

// Of "a=1; __Host-resetscope=2; b=3": "2".
std::string value_of(std::string_view cookie) {
  for (size_t at = cookie.find(kCookie); at != std::string_view::npos; at = cookie.find(kCookie, at + 1)) {
    if (at != 0 && cookie[at - 1] != ' ' && cookie[at - 1] != ';') continue;
    const std::string_view rest = cookie.substr(at + kCookie.size());
    return std::string(rest.substr(0, rest.find(';')));
  }
  return {};
}

bool is_bearer(std::string_view header) {
  return header.size() > kBearer.size() &&
         std::ranges::equal(header.substr(0, kBearer.size()), kBearer, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
}

}  // namespace

Result<access::Caller> Door::holder(const std::string& digest, const Knock& knock, int64_t now) {
  const auto token = tokens_ == nullptr ? std::nullopt : tokens_->find(digest, now);
  if (!token) return nobody("the token is not known here, or its time is over");
  access::Caller caller;
  caller.name = token->name;
  caller.address = knock.address;
  caller.units = {std::string("resetscope-").append(access::name(token->role))};
  caller.shown = "token";
  return caller;
}

Door::Session Door::session_of(const Knock& knock, int64_t now) {
  const std::string value = value_of(knock.cookie);
  if (value.empty()) return {};
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(tls::sha256_hex(value));
  if (found == sessions_.end()) return {};
  if (now < found->second.until) return found->second;
  sessions_.erase(found);
  return {};
}

int64_t Door::session_end(const Knock& knock, int64_t now) { return session_of(knock, now).until; }

Result<access::Caller> Door::who(const Knock& knock, int64_t now) {
  if (!knock.secure) {
    access::Caller caller;
    caller.local = true;
    caller.name = "local";
    caller.address = knock.address;
    return caller;
  }
  if (!knock.authorization.empty()) {
    if (!is_bearer(knock.authorization)) return nobody("Authorization takes \"Bearer TOKEN\" only");
    return holder(tls::sha256_hex(std::string_view(knock.authorization).substr(kBearer.size())), knock, now);
  }
  if (const Session session = session_of(knock, now); !session.token.empty()) {
    auto caller = holder(session.token, knock, now);
    if (caller) return caller;
  }
  if (tls::is_good(knock.shown, now)) return access::caller_of(knock.shown.certificate, knock.address);
  if (knock.shown.any) {
    const std::string fault = knock.shown.fault.empty() ? "it has expired" : knock.shown.fault;
    return nobody("the certificate \"" + knock.shown.certificate.name + "\" proves nothing here: " + fault);
  }
  if (!value_of(knock.cookie).empty())
    return nobody(
        "the sign-in is over: its time has passed, its token was withdrawn, or the control plane was started again");
  return nobody("nobody is signed in, and the browser showed no certificate");
}

Result<std::string> Door::sign_in(const Knock& knock, const std::string& token, int64_t now) {
  const std::string digest = token.size() > kMaxTokenBytes ? std::string() : tls::sha256_hex(token);
  auto caller = holder(digest, knock, now);
  if (!caller) {
    access::Caller unknown;
    unknown.name = "nobody";
    unknown.address = knock.address;
    gate_.turned_away(unknown, access::Need::kRead, "SignIn", caller.error().text);
    return caller.error();
  }
  const std::string value = tls::random_hex(kSessionBytes);
  if (value.empty()) return Error{Code::kResource, "the system has no random bytes to give"};
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(sessions_, [now](const auto& one) { return one.second.until <= now; });
    if (sessions_.size() >= kMostSessions)
      sessions_.erase(std::ranges::min_element(sessions_, {}, [](const auto& one) { return one.second.until; }));
    sessions_[tls::sha256_hex(value)] = {digest, now + session_s_};
  }
  gate_.audit().write({0, caller->name, caller->address, "SignIn", "web page", true, "done"});
  return std::string(kCookie).append(value).append(kCookieRights).append(std::to_string(session_s_));
}

std::string Door::sign_out(const Knock& knock, int64_t now) {
  if (const auto caller = who(knock, now); caller && session_end(knock, now) != 0)
    gate_.audit().write({0, caller->name, caller->address, "SignOut", "web page", true, "done"});
  if (const std::string value = value_of(knock.cookie); !value.empty()) {
    const std::lock_guard lock(mutex_);
    sessions_.erase(tls::sha256_hex(value));
  }
  return std::string(kCookie).append(kCookieRights).append("0");
}

}  // namespace rs::web
