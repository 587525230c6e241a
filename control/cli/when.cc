// SPDX-License-Identifier: Apache-2.0
#include "control/cli/when.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "control/cli/text.h"

namespace rs::cli {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
// Beyond these years nanoseconds do not fit 64 bits.
constexpr int kFirstYear = 1678, kLastYear = 2261;

struct Cursor {
  std::string_view rest;

  bool eat(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  std::optional<int> digits(size_t n) {
    if (rest.size() < n) return std::nullopt;
    int value = 0;
    for (size_t i = 0; i < n; ++i) {
      if (rest[i] < '0' || rest[i] > '9') return std::nullopt;
      value = value * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(n);
    return value;
  }
};

std::optional<int64_t> unit_ns(std::string_view unit) {
  if (unit == "ms") return kSecond / 1000;
  if (unit == "s") return kSecond;
  if (unit == "m" || unit == "min") return 60 * kSecond;
  if (unit == "h") return 3600 * kSecond;
  if (unit == "d") return 86'400 * kSecond;
  if (unit == "w") return 604'800 * kSecond;
  return std::nullopt;
}

std::optional<int64_t> relative(std::string_view text) {
  int64_t total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    size_t letters = 0;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    const auto unit = unit_ns(text.substr(0, letters));
    if (!unit) return std::nullopt;
    int64_t part = 0;
    if (__builtin_mul_overflow(number, *unit, &part) || __builtin_add_overflow(total, part, &total))
      return std::nullopt;
    text.remove_prefix(letters);
  }
  return total;
}

std::optional<UnixNs> absolute(std::string_view text) {
  Cursor at{text};
  const auto year = at.digits(4);
  if (!year || *year < kFirstYear || *year > kLastYear || !at.eat('-')) return std::nullopt;
  const auto month = at.digits(2);
  if (!month || !at.eat('-')) return std::nullopt;
  const auto day = at.digits(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  int64_t seconds = std::chrono::sys_days{date}.time_since_epoch().count() * int64_t{86'400};
  if (at.rest.empty()) return seconds * kSecond;

  if (!at.eat('T') && !at.eat('t') && !at.eat(' ')) return std::nullopt;
  const auto hour = at.digits(2);
  if (!hour || *hour > 23 || !at.eat(':')) return std::nullopt;
  const auto minute = at.digits(2);
  if (!minute || *minute > 59 || !at.eat(':')) return std::nullopt;
  const auto second = at.digits(2);
  if (!second || *second > 60) return std::nullopt;  // 60: a leap second
  seconds += *hour * 3600 + *minute * 60 + *second;
  int64_t nanos = 0;
  if (at.eat('.')) {
    int64_t scale = kSecond;
    size_t n = 0;
    for (; n < at.rest.size() && at.rest[n] >= '0' && at.rest[n] <= '9'; ++n)
      if (scale > 1) nanos += (at.rest[n] - '0') * (scale /= 10);
    if (n == 0) return std::nullopt;
    at.rest.remove_prefix(n);
  }
  if (!at.eat('Z') && !at.eat('z')) {
    const bool east = at.eat('+');
    if (!east && !at.eat('-')) return std::nullopt;
    const auto hours = at.digits(2);
    if (!hours || *hours > 23 || !at.eat(':')) return std::nullopt;
    const auto minutes = at.digits(2);
    if (!minutes || *minutes > 59) return std::nullopt;
    seconds += (east ? -1 : 1) * (*hours * 3600 + *minutes * 60);
  }
  if (!at.rest.empty()) return std::nullopt;
  return seconds * kSecond + nanos;
}

std::string quoted(std::string_view text) { return std::string("\"").append(text).append("\""); }

}  // namespace

Result<UnixNs> parse_when(std::string_view text, UnixNs now) {
  if (text == "now") return now;
  if (const auto ns = relative(text)) {
    if (*ns > now) return UnixNs{0};
    return now - *ns;
  }
  if (const auto ns = absolute(text)) return *ns;
  return Error{Code::kInvalid,
               quoted(text) +
                   " is no time: write how long ago (15m, 2h, 3d), or a date (2026-11-21), or date, time and "
                   "zone as in 2026-11-21T10:43:18Z"};
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  if (const auto ns = relative(text)) return std::chrono::nanoseconds(*ns);
  return Error{Code::kInvalid, quoted(text) + " is no length of time: write 10s, 500ms or 1m30s"};
}

google::protobuf::Timestamp to_timestamp(UnixNs ns) {
  google::protobuf::Timestamp time;
  int64_t seconds = ns / kSecond, nanos = ns % kSecond;
  if (nanos < 0) {
    nanos += kSecond;
    --seconds;
  }
  time.set_seconds(seconds);
  time.set_nanos(static_cast<int32_t>(nanos));
  return time;
}

UnixNs to_ns(const google::protobuf::Timestamp& time) {
  int64_t ns = 0;
  if (__builtin_mul_overflow(time.seconds(), kSecond, &ns) || __builtin_add_overflow(ns, int64_t{time.nanos()}, &ns))
    return time.seconds() < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
  return ns;
}

std::string when_text(const google::protobuf::Timestamp& time) {
  std::string text;
  append_rfc3339(text, time);
  text[10] = ' ';
  text.resize(23);  // milliseconds
  return text;
}

std::string ago_text(const google::protobuf::Timestamp& time, UnixNs now) {
  const UnixNs ns = to_ns(time);
  if (ns <= 0) return "never";
  if (ns > now) return "now";
  constexpr int64_t kNow = kSecond;  // below a second nobody cares
  return now - ns < kNow ? "now" : duration_text(now - ns) + " ago";
}

}  // namespace rs::cli
