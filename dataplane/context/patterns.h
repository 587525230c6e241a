// SPDX-License-Identifier: Apache-2.0
//
// The pattern file as data: which first bytes of a message mean what. A YAML file (those under patterns/ are built in)
// read whole or refused whole with file, line and reason. Control thread; no Hyperscan here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/context/meaning.h"
#include "proto/result.h"

namespace rs::context {

// How a value is read from the message after a match.
enum class ValueKind : uint8_t { kNone = 0, kDigits, kLetters, kU8, kBe16, kBe32, kLe16, kLe32 };

struct Value {
  uint64_t key = 0;  // the number, or up to 8 letters, first in the highest byte
  std::string text;  // what stands behind "name="
  Class cls = Class::kNone;
};

struct Example {
  std::string bytes;
  std::string means;  // "name" or "name=value"; empty: must not match
  size_t line = 0;
};

struct Pattern {
  std::string name;   // e.g. "http.status"
  std::string match;  // regular expression, Hyperscan's PCRE subset; '.' is any byte
  bool nocase = false;
  uint8_t places = 0;  // bits 1 << Place
  Class cls = Class::kNone;
  bool final = false;
  bool only_known = false;  // a value that is not listed is no match
  uint8_t protocol = kNoProtocol;
  ValueKind kind = ValueKind::kNone;
  bool from_end = false;  // `at` counts from the end of the match, else from the message's first byte
  int at = 0;
  uint8_t bytes = 0;
  std::vector<Value> values;  // sorted by key
  std::vector<Example> examples;
  size_t line = 0;
};

// A reset code in the window field.
struct WindowCode {
  uint16_t window = 0;
  std::string text;
  Class cls = Class::kNone;
};

struct PatternSet {
  std::string version;
  std::string file;  // for messages
  std::vector<Pattern> patterns;
  std::vector<std::string> protocols;  // by number; [0] is none
  std::vector<WindowCode> windows;     // sorted
  uint64_t digest = 0;                 // of the file's text
};

// The set built into the program.
std::string_view built_in_patterns();

Result<PatternSet> parse_patterns(std::string_view text, const std::string& file);
// Reads a file; an empty path gives the built-in set.
Result<PatternSet> load_patterns(const std::string& path);

}  // namespace rs::context
