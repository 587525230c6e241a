// SPDX-License-Identifier: Apache-2.0
#include "control/cli/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace rs::cli {
namespace {

// RFC 3339 knows the years 0000 to 9999.
constexpr int64_t kFirstSecond = -62'167'219'200, kLastSecond = 253'402'300'799;

template <class T>
void append_integer(std::string& out, T value) {
  std::array<char, 24> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  out.append(buffer.data(), end);
}

// Nanoseconds after the point without trailing zeros; nothing for 0.
void append_fraction(std::string& out, uint32_t nanos) {
  if (nanos == 0) return;
  std::array<char, 10> buffer;
  size_t end = 1;  // behind the last digit that is not 0
  for (size_t i = 9; i > 0; --i, nanos /= 10) {
    buffer[i] = static_cast<char>('0' + nanos % 10);
    if (end == 1 && buffer[i] != '0') end = i + 1;
  }
  buffer[0] = '.';
  out.append(buffer.data(), end);
}

void put2(char* at, int value) {
  at[0] = static_cast<char>('0' + value / 10 % 10);
  at[1] = static_cast<char>('0' + value % 10);
}

// Length of the UTF-8 sequence at the front of `text`, 0 if there is none (RFC 3629).
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t n = lead >= 0xc2 && lead <= 0xdf   ? 2
                   : lead >= 0xe0 && lead <= 0xef ? 3
                   : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                  : 0;
  if (n == 0 || text.size() < n) return 0;
  for (size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) || (lead == 0xf0 && byte(1) < 0x90) ||
      (lead == 0xf4 && byte(1) > 0x8f))
    return 0;
  return n;
}

}  // namespace

void append_number(std::string& out, uint64_t value) { append_integer(out, value); }
void append_number(std::string& out, int64_t value) { append_integer(out, value); }

void append_decimal(std::string& out, double value) {
  if (!std::isfinite(value) || std::fabs(value) > 1e14) value = 0;
  const auto scaled = static_cast<int64_t>(std::llround(value * 1e4));
  if (scaled < 0) out += '-';
  const auto magnitude = static_cast<uint64_t>(scaled < 0 ? -scaled : scaled);
  append_integer(out, magnitude / 10'000);
  append_fraction(out, static_cast<uint32_t>(magnitude % 10'000) * 100'000);
}

void append_seconds(std::string& out, const google::protobuf::Duration& value) {
  int64_t seconds = value.seconds();
  int32_t nanos = value.nanos();
  if (seconds < 0 || nanos < 0) {
    out += '-';
    seconds = seconds < 0 ? -(seconds + 1) + 1 : seconds;
    nanos = nanos < 0 ? -(nanos + 1) + 1 : nanos;
  }
  append_integer(out, seconds);
  append_fraction(out, static_cast<uint32_t>(std::min(nanos, 999'999'999)));
}

void append_rfc3339(std::string& out, const google::protobuf::Timestamp& time) {
  const int64_t seconds = std::clamp(time.seconds(), kFirstSecond, kLastSecond);
  // Endings come in order of time: the minute rarely changes, and gmtime is most of the cost.
  static thread_local int64_t known_minute = INT64_MIN;
  static thread_local std::array<char, 17> prefix;  // "2026-11-21T10:43:"
  const int64_t minute = seconds >= 0 ? seconds / 60 : (seconds - 59) / 60;
  if (minute != known_minute) {
    const auto t = static_cast<time_t>(minute * 60);
    std::tm tm{};
    gmtime_r(&t, &tm);
    const int year = tm.tm_year + 1900;
    prefix = {0, 0, 0, 0, '-', 0, 0, '-', 0, 0, 'T', 0, 0, ':', 0, 0, ':'};
    put2(&prefix[0], year / 100);
    put2(&prefix[2], year % 100);
    put2(&prefix[5], tm.tm_mon + 1);
    put2(&prefix[8], tm.tm_mday);
    put2(&prefix[11], tm.tm_hour);
    put2(&prefix[14], tm.tm_min);
    known_minute = minute;
  }
  std::array<char, 13> tail;
  put2(tail.data(), static_cast<int>(seconds - minute * 60));
  tail[2] = '.';
  auto nanos = static_cast<uint32_t>(std::clamp(time.nanos(), 0, 999'999'999));
  for (size_t i = 11; i > 2; --i, nanos /= 10) tail[i] = static_cast<char>('0' + nanos % 10);
  tail[12] = 'Z';
  out.append(prefix.data(), prefix.size());
  out.append(tail.data(), tail.size());
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  size_t plain = 0;  // start of what can be copied as it stands
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != 0x7f) {
      ++i;
      continue;
    }
    const size_t length = c < 0x80 ? 0 : sequence_length(text.substr(i));
    if (length > 1) {
      i += length;
      continue;
    }
    out.append(text.substr(plain, i - plain));
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (c >= 0x80) {
          out += "\\ufffd";
        } else {
          out += "\\u00";
          out += kHex[c >> 4];
          out += kHex[c & 15];
        }
    }
    plain = ++i;
  }
  out.append(text.substr(plain));
  out += '"';
}

void append_csv(std::string& out, std::string_view text) {
  const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  if (!formula && text.find_first_of("\",\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  if (formula) out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

std::string grouped(uint64_t value) {
  std::string digits = std::to_string(value);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

std::string bytes_text(uint64_t bytes) {
  static constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> buffer;
  std::snprintf(buffer.data(), buffer.size(), unit == 0 || value >= 99.5 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return buffer.data();
}

std::string counted(uint64_t n, std::string_view one, std::string_view many) {
  return grouped(n).append(" ").append(n == 1 ? one : many);
}

std::string duration_text(int64_t ns) {
  const uint64_t n = ns < 0 ? 0 : static_cast<uint64_t>(ns);
  constexpr uint64_t kSecond = 1'000'000'000;
  const double s = static_cast<double>(n) / 1e9;
  std::array<char, 48> b;
  if (n < 1'000'000)
    std::snprintf(b.data(), b.size(), "%.3g us", s * 1e6);
  else if (n < 10'000'000)
    std::snprintf(b.data(), b.size(), "%.1f ms", s * 1e3);
  else if (n < kSecond)
    std::snprintf(b.data(), b.size(), "%.0f ms", s * 1e3);
  else if (n < 10 * kSecond)
    std::snprintf(b.data(), b.size(), "%.1f s", s);
  else if (n < 600 * kSecond)
    std::snprintf(b.data(), b.size(), "%.0f s", s);
  else if (n < 7'200 * kSecond)
    std::snprintf(b.data(), b.size(), "%" PRIu64 " min", n / kSecond / 60);
  else if (n < 172'800 * kSecond)
    std::snprintf(b.data(), b.size(), "%" PRIu64 " h %" PRIu64 " min", n / kSecond / 3600, n / kSecond / 60 % 60);
  else
    std::snprintf(b.data(), b.size(), "%" PRIu64 " d %" PRIu64 " h", n / kSecond / 86'400, n / kSecond / 3600 % 24);
  return b.data();
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t n = sequence_length(text.substr(i));
    const auto c = static_cast<unsigned char>(text[i]);
    // C0, DEL, and C1 (U+0080 to U+009F), which terminals obey as well.
    const bool control =
        c < 0x20 || c == 0x7f || (c == 0xc2 && n == 2 && static_cast<unsigned char>(text[i + 1]) < 0xa0);
    if (n == 0 || control) {
      out += '?';
      i += n == 0 ? 1 : n;
    } else {
      out += text.substr(i, n);
      i += n;
    }
  }
  return out;
}

size_t display_width(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string fitted(std::string_view text, size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  const size_t keep = columns > 2 ? columns - 2 : columns;
  size_t i = 0;
  for (size_t n = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80 && n++ == keep) break;
  std::string out(text.substr(0, i));
  if (columns > 2) out += "..";
  return out;
}

}  // namespace rs::cli
