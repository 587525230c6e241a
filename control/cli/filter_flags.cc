// SPDX-License-Identifier: Apache-2.0
#include "control/cli/filter_flags.h"

#include <arpa/inet.h>

#include <charconv>

#include "control/cli/words.h"

namespace rs::cli {
namespace {

using std::string;
using Value = FilterFlag::Value;

constexpr FilterFlag kFlags[] = {
    {"ip", "ip", Value::kAddress, nullptr, "client or server address, or network (10.0.0.0/8)"},
    {"client-ip", "client_ip", Value::kAddress, nullptr, "client address or network"},
    {"server-ip", "server_ip", Value::kAddress, nullptr, "server address or network"},
    {"site", "site", Value::kText, nullptr, "site of the server, from the names file"},
    {"service", "service", Value::kText, nullptr, "service of the server, from the names file"},
    {"owner", "owner", Value::kText, nullptr, "owner of the server, from the names file"},
    {"port", "port", Value::kPort, nullptr, "port at either end"},
    {"cause", "cause", Value::kWord, words<v1::Cause>, "why it ended, e.g. port_closed"},
    {"family", "family", Value::kWord, words<v1::Family>, "family of causes, e.g. timers"},
    {"origin", "origin", Value::kWord, words<v1::Origin>, "who really sent it"},
    {"stage", "stage", Value::kWord, words<v1::Stage>, "how far the connection had come"},
    {"severity", "severity", Value::kWord, words<v1::Severity>, "how much it matters"},
    {"ending", "ending", Value::kWord, words<v1::Ending>, "what the application was told"},
    {"sensor", "sensor", Value::kText, nullptr, "sensor that saw it"},
};

Error bad(const FilterFlag& flag, const string& value, const string& want) {
  return {Code::kInvalid, "--" + string(flag.name) + ": \"" + value + "\" is not " + want};
}

Result<void> check_word(const FilterFlag& flag, const string& value) {
  const auto& known = flag.words();
  for (const string& word : known)
    if (word == value) return {};
  string want = "one of: ";
  if (const string near = nearest(value, known); !near.empty()) {
    want = "known; did you mean " + near + "?";
  } else {
    for (const string& word : known) want.append(&word == &known.front() ? "" : ", ").append(word);
  }
  return bad(flag, value, want);
}

// Text as the filter language takes it.
string literal(const FilterFlag& flag, const string& value) {
  if (flag.value != Value::kText) return value;
  string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

Result<void> check(const FilterFlag& flag, const string& value) {
  switch (flag.value) {
    case Value::kAddress:
      if (!is_address(value, true)) return bad(flag, value, "an address or a network such as 10.0.0.0/8");
      return {};
    case Value::kPort: {
      unsigned port = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
      if (error != std::errc{} || end != value.data() + value.size() || port > 65'535)
        return bad(flag, value, "a port from 0 to 65535");
      return {};
    }
    case Value::kWord:
      return check_word(flag, value);
    case Value::kText:
      if (value.empty()) return bad(flag, value, "a name");
      return {};
  }
  return {};
}

// "a = 1", "a in (1, 2)", "a in 10.0.0.0/8", or several of these joined by "or" in parentheses.
Result<string> one_flag(const FilterFlag& flag, const std::vector<string>& values) {
  std::vector<string> parts;
  string list;
  size_t listed = 0;
  for (const string& value : values) {
    if (auto ok = check(flag, value); !ok) return ok.error();
    if (value.find('/') != string::npos && flag.value == Value::kAddress) {
      parts.push_back(string(flag.field) + " in " + value);
    } else {
      list.append(listed++ == 0 ? "" : ", ").append(literal(flag, value));
    }
  }
  if (listed == 1) parts.push_back(string(flag.field) + " = " + list);
  if (listed > 1) parts.push_back(string(flag.field) + " in (" + list + ")");
  if (parts.size() == 1) return parts[0];
  string out = "(";
  for (const string& part : parts) out.append(out.size() == 1 ? "" : " or ").append(part);
  return out + ")";
}

void append_and(string& out, const string& part) { out.append(out.empty() ? "" : " and ").append(part); }

}  // namespace

std::span<const FilterFlag> filter_flags() { return kFlags; }

const FilterFlag* find_filter_flag(std::string_view name) {
  for (const FilterFlag& flag : kFlags)
    if (flag.name == name) return &flag;
  return nullptr;
}

FilterValues::FilterValues() : wanted(std::size(kFlags)), unwanted(std::size(kFlags)) {}

Result<string> filter_text(const FilterValues& values) {
  string out;
  for (const bool negated : {false, true})
    for (size_t i = 0; i < std::size(kFlags); ++i) {
      const auto& given = negated ? values.unwanted[i] : values.wanted[i];
      if (given.empty()) continue;
      auto text = one_flag(kFlags[i], given);
      if (!text) return text.error();
      append_and(out, negated ? "not " + *text : *text);
    }
  if (values.raw.find_first_not_of(" \t\r\n") != string::npos)
    append_and(out, out.empty() ? values.raw : "(" + values.raw + ")");
  return out;
}

Result<std::vector<string>> join_not(std::vector<string> args) {
  std::vector<string> out;
  out.reserve(args.size());
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--") {
      out.insert(out.end(), args.begin() + static_cast<std::ptrdiff_t>(i), args.end());
      break;
    }
    if (args[i] != "--not") {
      out.push_back(std::move(args[i]));
      continue;
    }
    const string next = i + 1 < args.size() ? args[i + 1] : string();
    const string flag = next.starts_with("--")
                            ? next.substr(2, next.find('=') == string::npos ? string::npos : next.find('=') - 2)
                            : string();
    if (find_filter_flag(flag) == nullptr)
      return Error{Code::kInvalid, "--not must stand directly before a filter flag, as in --not --cause port_scan"};
    out.push_back("--not-" + next.substr(2));
    ++i;
  }
  return out;
}

bool is_address(const string& text, bool network) {
  string host = text;
  unsigned length = 0;
  const size_t slash = text.find('/');
  if (slash != string::npos) {
    if (!network) return false;
    host.resize(slash);
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + slash + 1, end, length);
    if (error != std::errc{} || at != end) return false;
  }
  in6_addr buffer{};
  if (inet_pton(AF_INET, host.c_str(), &buffer) == 1) return length <= 32;
  return inet_pton(AF_INET6, host.c_str(), &buffer) == 1 && length <= 128;
}

}  // namespace rs::cli
