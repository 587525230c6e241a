// SPDX-License-Identifier: Apache-2.0
#include "control/cli/text.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace rs::cli {
namespace {

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string decimal(double value) {
  std::string out;
  append_decimal(out, value);
  return out;
}

std::string csv(std::string_view text) {
  std::string out;
  append_csv(out, text);
  return out;
}

std::string rfc3339(int64_t seconds, int32_t nanos) {
  google::protobuf::Timestamp time;
  time.set_seconds(seconds);
  time.set_nanos(nanos);
  std::string out;
  append_rfc3339(out, time);
  return out;
}

std::string seconds(int64_t s, int32_t nanos) {
  google::protobuf::Duration duration;
  duration.set_seconds(s);
  duration.set_nanos(nanos);
  std::string out;
  append_seconds(out, duration);
  return out;
}

TEST(Json, EscapesWhatMustBe) {
  EXPECT_EQ(json("plain"), "\"plain\"");
  EXPECT_EQ(json("a\"b\\c\nd\te\r"), R"("a\"b\\c\nd\te\r")");
  EXPECT_EQ(json(std::string("\0\x1f\x7f", 3)), R"("\u0000\u001f\u007f")");
  EXPECT_EQ(json("grüße → ok"), "\"grüße → ok\"");
}

TEST(Json, EveryByteAndPairGivesValidJson) {
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b) {
      const std::string text = {static_cast<char>(a), static_cast<char>(b), 'x'};
      EXPECT_TRUE(nlohmann::json::accept(json(text))) << a << ' ' << b;
    }
}

TEST(Json, BadUtf8BecomesTheReplacementCharacter) {
  EXPECT_EQ(json("\xff"), "\"\\ufffd\"");
  EXPECT_EQ(json("a\xc3"), "\"a\\ufffd\"");
  EXPECT_EQ(json("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");  // a surrogate is no character
  EXPECT_EQ(json("\xc0\xaf"), "\"\\ufffd\\ufffd\"");             // overlong
}

TEST(Numbers, Decimal) {
  EXPECT_EQ(decimal(0), "0");
  EXPECT_EQ(decimal(1), "1");
  EXPECT_EQ(decimal(0.949999988079071), "0.95");
  EXPECT_EQ(decimal(-0.25), "-0.25");
  EXPECT_EQ(decimal(2.00004), "2");
  EXPECT_EQ(decimal(1234.5678), "1234.5678");
  EXPECT_EQ(decimal(std::numeric_limits<double>::quiet_NaN()), "0");
  EXPECT_EQ(decimal(std::numeric_limits<double>::infinity()), "0");
}

TEST(Numbers, Seconds) {
  EXPECT_EQ(seconds(0, 0), "0");
  EXPECT_EQ(seconds(350, 0), "350");
  EXPECT_EQ(seconds(350, 123'000), "350.000123");
  EXPECT_EQ(seconds(-1, -500'000'000), "-1.5");
}

TEST(Time, Rfc3339HasNanosecondsAndUtc) {
  EXPECT_EQ(rfc3339(1'795'603'398, 123'456'789), "2026-11-25T10:43:18.123456789Z");
  EXPECT_EQ(rfc3339(1'795'603'398, 0), "2026-11-25T10:43:18.000000000Z");
  EXPECT_EQ(rfc3339(0, 5), "1970-01-01T00:00:00.000000005Z");
  EXPECT_EQ(rfc3339(-1, 0), "1969-12-31T23:59:59.000000000Z");
  EXPECT_EQ(rfc3339(1'709'251'199, 999'999'999), "2024-02-29T23:59:59.999999999Z");
  EXPECT_EQ(rfc3339(1'709'251'200, 0), "2024-03-01T00:00:00.000000000Z");
}

TEST(Time, OutOfRangeIsTheNearestEnd) {
  EXPECT_EQ(rfc3339(std::numeric_limits<int64_t>::max(), 0), "9999-12-31T23:59:59.000000000Z");
  EXPECT_EQ(rfc3339(std::numeric_limits<int64_t>::min(), 0), "0000-01-01T00:00:00.000000000Z");
  EXPECT_EQ(rfc3339(0, -5), "1970-01-01T00:00:00.000000000Z");
}

TEST(Csv, QuotesOnlyWhatMustBe) {
  EXPECT_EQ(csv("plain text"), "plain text");
  EXPECT_EQ(csv("a,b"), "\"a,b\"");
  EXPECT_EQ(csv("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(csv("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(csv("=cmd()"), "\"'=cmd()\"");
}

TEST(Words, ForPeople) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
  EXPECT_EQ(counted(1, "packet", "packets"), "1 packet");
  EXPECT_EQ(counted(2000, "packet", "packets"), "2,000 packets");
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1'234), "1.2 kB");
  EXPECT_EQ(bytes_text(123'456'789), "123 MB");
  EXPECT_EQ(duration_text(1'250'000), "1.2 ms");
  EXPECT_EQ(duration_text(3'600'000'000'000), "60 min");
  EXPECT_EQ(duration_text(7'500'000'000'000), "2 h 5 min");
  EXPECT_EQ(duration_text(-5), "0 us");
}

TEST(Terminal, ControlCharactersCannotReachIt) {
  EXPECT_EQ(printable("a\x1b[31mb\x07\n"), "a?[31mb??");
  EXPECT_EQ(printable("x\x9b"
                      "31m"),
            "x?31m");  // a bare C1 byte is no UTF-8
  EXPECT_EQ(printable("x\xc2\x9b"
                      "31m"),
            "x?31m");  // C1 as UTF-8
  EXPECT_EQ(printable("grün"), "grün");
}

TEST(Terminal, WidthCountsCharactersNotBytes) {
  EXPECT_EQ(display_width("grün"), 4U);
  EXPECT_EQ(fitted("grünlich", 8), "grünlich");
  EXPECT_EQ(fitted("grünlich", 6), "grün..");
  EXPECT_EQ(fitted("abc", 2), "ab");
  EXPECT_EQ(fitted("abc", 0), "");
}

}  // namespace
}  // namespace rs::cli
