// SPDX-License-Identifier: Apache-2.0
#include "control/cli/table.h"

#include <gtest/gtest.h>

#include <sstream>

#include "control/cli/terminal.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

std::string rendered(const Style& style, std::vector<Column> columns, std::vector<std::vector<Cell>> rows) {
  Table table(std::move(columns), style);
  for (auto& row : rows) table.add(std::move(row));
  std::string out;
  table.render(out);
  return out;
}

TEST(Table, AlignsAndTrims) {
  EXPECT_EQ(rendered({}, {{"name"}, {"n", true}, {"text"}}, {{{"a"}, {"5"}, {"x"}}, {{"long one"}, {"1,234"}, {""}}}),
            "name          n  text\n"
            "a             5  x\n"
            "long one  1,234\n");
}

TEST(Table, FitsTheWidthByCuttingTheWidest) {
  const std::string out = rendered({.width = 30}, {{"service", false, 8}, {"cause", false, 8}, {"n", true}},
                                   {{{"a-very-long-service-name"}, {"host_restart_stale"}, {"12"}}});
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 30U) << line;
  EXPECT_NE(out.find(".."), std::string::npos);
  EXPECT_NE(out.find("  12\n"), std::string::npos);
}

TEST(Table, NeverCutsWhatMayNotBe) {
  EXPECT_NE(rendered({.width = 10}, {{"n"}}, {{{"12345678901234567890"}}}).find("12345678901234567890"),
            std::string::npos);
}

TEST(Table, ColourOnlyWhereWanted) {
  const std::vector<std::vector<Cell>> rows = {{{"x", Paint::kHostile}}};
  EXPECT_EQ(rendered({}, {{"a"}}, rows), "a\nx\n");
  EXPECT_EQ(rendered({.color = true}, {{"a"}}, rows), "\x1b[1ma\x1b[0m\n\x1b[1;38;5;175mx\x1b[0m\n");
}

TEST(Table, ColourDoesNotShiftColumns) {
  EXPECT_NE(rendered({.color = true}, {{"a"}, {"b"}}, {{{"x", Paint::kProblem}, {"y"}}, {{"xxx"}, {"z"}}})
                .find("x\x1b[0m    y\n"),
            std::string::npos);
}

TEST(Table, StreamsWithPresetWidths) {
  Table table({{"a", false, 0, 5}, {"b"}}, {});
  std::string out;
  table.start(out);
  table.add({{"1"}, {"2"}});
  table.render(out);
  EXPECT_EQ(out, "a      b\n1      2\n");
}

TEST(Table, HostileTextIsDefused) { EXPECT_EQ(rendered({}, {{"a"}}, {{{"x\x1b]0;evil\x07"}}}), "a\nx?]0;evil?\n"); }

TEST(Wrap, BreaksAtBlanks) {
  std::string out;
  append_wrapped(out, "one two three four five six seven", 2, {.width = 22});
  EXPECT_EQ(out, "  one two three four\n  five six seven\n");
}

TEST(Color, Decision) {
  EXPECT_TRUE(use_color(ColorMode::kAuto, true, false, "xterm"));
  EXPECT_FALSE(use_color(ColorMode::kAuto, false, false, "xterm"));
  EXPECT_FALSE(use_color(ColorMode::kAuto, true, true, "xterm"));
  EXPECT_FALSE(use_color(ColorMode::kAuto, true, false, "dumb"));
  EXPECT_TRUE(use_color(ColorMode::kAlways, false, true, "dumb"));
  EXPECT_FALSE(use_color(ColorMode::kNever, true, false, "xterm"));
}

}  // namespace
}  // namespace rs::cli
