// SPDX-License-Identifier: Apache-2.0
#include "control/access/tokens.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>

#include "proto/tls.h"
#include "proto/tls_secret.h"

namespace rs::access {
namespace {

constexpr size_t kMaxFileBytes = 4 << 20;
constexpr size_t kMaxName = 64;

bool prints(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// "2027-06-30": the first moment after that day.
std::optional<int64_t> end_of_day(const std::string& text) {
  tm day{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%d", &day);
  if (text.size() != 10 || rest == nullptr || *rest != '\0') return std::nullopt;
  const tm asked = day;
  const time_t begin = timegm(&day);
  if (begin < 0 || day.tm_mday != asked.tm_mday || day.tm_mon != asked.tm_mon) return std::nullopt;  // 2027-02-30
  return static_cast<int64_t>(begin) + 86'400;
}

Result<Token> parse_line(const std::string& line) {
  const auto bad = [](const std::string& why) { return Error{Code::kInvalid, why}; };
  std::istringstream words(line);
  Token token;
  std::string role;
  std::string until;
  std::string more;
  words >> token.name >> role >> token.digest >> until >> more;
  if (token.digest.empty() || !more.empty()) return bad("expected NAME ROLE SHA256 [UNTIL]");
  if (token.name.size() > kMaxName || !prints(token.name)) return bad("a name has at most 64 printable characters");
  if (role != "reader" && role != "operator") return bad("the role \"" + role + "\" is not reader or operator");
  token.role = role == "reader" ? Role::kReader : Role::kOperator;
  for (char& c : token.digest) c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  if (token.digest.size() != tls::kDigestLetters || !is_hex(token.digest))
    return bad("the third word must be the token's SHA-256 in 64 hexadecimal digits, not the token itself");
  if (until.empty()) return token;
  const auto end = end_of_day(until);
  if (!end) return bad("\"" + until + "\" is no day such as 2027-06-30");
  token.until = *end;
  return token;
}

}  // namespace

Result<std::vector<Token>> parse_tokens(const std::string& name, const std::string& text) {
  std::vector<Token> tokens;
  std::istringstream lines(text);
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (const size_t comment = line.find('#'); comment != std::string::npos) line.resize(comment);
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto at = [&](const std::string& why) {
      return Error{Code::kInvalid, name + ":" + std::to_string(number) + ": " + why};
    };
    auto token = parse_line(line);
    if (!token) return at(token.error().text);
    if (tokens.size() == Tokens::kMaxTokens) return at("more than " + std::to_string(Tokens::kMaxTokens) + " tokens");
    tokens.push_back(std::move(*token));
  }
  std::ranges::sort(tokens, {}, &Token::digest);
  const auto twice = std::ranges::adjacent_find(tokens, {}, &Token::digest);
  if (twice != tokens.end())
    return Error{Code::kInvalid, name + ": \"" + twice->name + "\" and \"" + std::next(twice)->name +
                                     "\" have the same token; the audit log could not tell them apart"};
  return tokens;
}

Result<std::vector<Token>> Tokens::load(const std::string& path) {
  if (path.empty()) return std::vector<Token>{};
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return Error{errno == EACCES ? Code::kPermission : Code::kNotFound,
                 path + ": cannot read the tokens: " + std::strerror(errno)};
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return Error{Code::kInvalid, path + ": cannot read the tokens (is it a directory?)"};
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kMaxFileBytes) return Error{Code::kInvalid, path + ": larger than 4 MiB: no file of tokens"};
  return parse_tokens(path, text);
}

Result<void> Tokens::open(const std::string& path) {
  const std::lock_guard lock(mutex_);
  path_ = path;
  stamp_ = stamp_of(path_);
  looked_ = std::chrono::steady_clock::now();
  auto read = load(path);
  if (!read) return read.error();
  tokens_ = std::move(*read);
  return {};
}

void Tokens::look() {
  const auto now = std::chrono::steady_clock::now();
  if (path_.empty() || now - looked_ < std::chrono::seconds(tls::kReloadSeconds)) return;
  looked_ = now;
  const FileStamp fresh = stamp_of(path_);
  if (fresh == stamp_) return;
  stamp_ = fresh;
  auto read = load(path_);
  if (!read && read.error().code == Code::kNotFound) {
    tokens_.clear();
    return spdlog::warn("{}: nobody has a token any more", read.error().text);
  }
  if (!read) return spdlog::error("{}; the tokens before it stay", read.error().text);
  tokens_ = std::move(*read);
  spdlog::info("{} tokens from {}", tokens_.size(), path_);
}

std::optional<Token> Tokens::find(std::string_view digest, int64_t now) {
  const std::lock_guard lock(mutex_);
  look();
  const auto found =
      std::ranges::lower_bound(tokens_, digest, {}, [](const Token& t) { return std::string_view(t.digest); });
  if (found == tokens_.end() || found->digest != digest) return std::nullopt;
  if (found->until != 0 && now >= found->until) return std::nullopt;
  return *found;
}

}  // namespace rs::access
