// SPDX-License-Identifier: Apache-2.0
#include "control/cli/heat.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

#include "control/cli/text.h"

namespace rs::cli {
namespace {

// What grafana/grafana #14019 got wrong: each value lies within the bounds that the legend prints for its level.
TEST(HeatScale, LegendIsTrueOfEveryCell) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> values;
    const bool whole = round % 2 == 0;
    for (size_t n = random() % 40; n > 0; --n) {
      const double value = std::pow(10.0, static_cast<double>(random() % 700) / 100);
      values.push_back(whole ? std::floor(value) : value / 1000);
    }
    const HeatScale scale(values, whole);
    EXPECT_LE(scale.levels(), HeatScale::kLevels);
    for (const double value : values) {
      const size_t level = scale.level(value);
      ASSERT_GE(level, 1u);
      ASSERT_LE(level, scale.levels());
      EXPECT_LE(value, scale.bound(level));
      EXPECT_GE(value, scale.least(level));
    }
    for (size_t level = 2; level <= scale.levels(); ++level) EXPECT_GT(scale.bound(level), scale.bound(level - 1));
  }
}

TEST(HeatScale, ZeroIsNoLevel) {
  const HeatScale scale({0, 0, 5}, true);
  EXPECT_EQ(scale.level(0), 0u);
  EXPECT_EQ(scale.level(5), 1u);
  EXPECT_EQ(scale.levels(), 1u);
  EXPECT_EQ(HeatScale({}, true).levels(), 0u);
  EXPECT_EQ(HeatScale({0}, true).level(0), 0u);
}

TEST(HeatScale, MarksDifferWithAndWithoutColour) {
  const HeatScale scale({1, 10'000'000}, true);
  ASSERT_EQ(scale.levels(), HeatScale::kLevels);
  for (const Style& style : {Style{false, false, 0}, Style{false, true, 0}, Style{true, true, 0}}) {
    std::set<std::string> marks = {no_data_mark(style), std::string(incomplete_mark())};
    for (size_t level = 0; level <= scale.levels(); ++level) marks.insert(scale.mark(level, style));
    EXPECT_EQ(marks.size(), scale.levels() + 3);
    if (style.color) continue;
    for (const std::string& mark : marks) EXPECT_EQ(display_width(mark), 1u) << mark;
  }
}

}  // namespace
}  // namespace rs::cli
