// SPDX-License-Identifier: Apache-2.0
//
// Appending text fast: numbers, JSON strings, times. Everything here only grows a std::string, so that a page of
// 10,000 endings is one buffer and one write. Pure functions.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace rs::cli {

void append_number(std::string& out, uint64_t value);
void append_number(std::string& out, int64_t value);
// Four decimals at most, no trailing zeros; what is not finite becomes 0.
void append_decimal(std::string& out, double value);
// Seconds with nanoseconds, exact, no trailing zeros: "350.000123".
void append_seconds(std::string& out, const google::protobuf::Duration& value);
// "2026-11-21T10:43:18.123456789Z". Out of range of RFC 3339: the nearest end of it.
void append_rfc3339(std::string& out, const google::protobuf::Timestamp& time);

// With quotes. Control characters, quotes and backslashes are escaped; bytes that are no UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
// As RFC 4180 wants it: quoted only if it must be. A text a spreadsheet would run as a formula gets a leading quote.
void append_csv(std::string& out, std::string_view text);

// "1,234,567"
std::string grouped(uint64_t value);
// "1.2 GB", powers of ten as network people count.
std::string bytes_text(uint64_t bytes);
// "1 packet", "2 packets"
std::string counted(uint64_t n, std::string_view one, std::string_view many);
// "350 s", "12 ms", "2 h 5 min"
std::string duration_text(int64_t ns);

// Safe on a terminal: control characters and bytes that are no UTF-8 become '?'.
std::string printable(std::string_view text);
// Columns a text takes on a terminal: code points, which is right for the texts that occur here.
size_t display_width(std::string_view text);
// At most `columns` wide; what is cut is shown by "..".
std::string fitted(std::string_view text, size_t columns);

}  // namespace rs::cli
