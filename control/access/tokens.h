// SPDX-License-Identifier: Apache-2.0
//
// Who may use the web page by a token instead of a certificate: a file with one line each, read again when it changes,
//
//   NAME ROLE SHA256 [UNTIL]      # alice reader 9f86d081884c7d65... 2027-06-30
//
// ROLE is reader or operator, SHA256 that of the token in hexadecimal, UNTIL the last day (UTC) it is good for. A file
// with a fault is refused whole and the tokens before it stay; without the file nobody has one. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/access/gate.h"
#include "proto/file_stamp.h"
#include "proto/result.h"

namespace rs::access {

struct Token {
  std::string name;
  Role role = Role::kReader;
  std::string digest;  // lower-case hexadecimal
  int64_t until = 0;   // Unix time of its end; 0: none
  bool operator==(const Token&) const = default;
};

// `name` stands in the errors, with the line.
Result<std::vector<Token>> parse_tokens(const std::string& name, const std::string& text);

class Tokens {
 public:
  static constexpr size_t kMaxTokens = 10'000;

  // Empty path: nobody has one.
  static Result<std::vector<Token>> load(const std::string& path);
  // Error: the file cannot be read or has a fault.
  Result<void> open(const std::string& path);

  [[nodiscard]] bool wanted() const { return !path_.empty(); }
  // By its SHA-256; none: unknown, or over at `now` (Unix time).
  [[nodiscard]] std::optional<Token> find(std::string_view digest, int64_t now);

 private:
  void look();  // under mutex_

  std::string path_;
  std::mutex mutex_;           // all below
  std::vector<Token> tokens_;  // by digest
  FileStamp stamp_;
  std::chrono::steady_clock::time_point looked_;
};

}  // namespace rs::access
