// SPDX-License-Identifier: Apache-2.0
//
// Commands that show sums and findings rather than single endings: heatmap, comparisons.
#include <gmock/gmock.h>

#include <algorithm>

#include "control/cli/program_fixture.h"

namespace rs::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

void add_cell(v1::HeatmapResponse& map, uint32_t x, uint32_t y, double value, bool incomplete = false) {
  v1::HeatmapCell& cell = *map.add_cells();
  cell.set_x(x);
  cell.set_y(y);
  cell.set_value(value);
  cell.set_incomplete(incomplete);
}

v1::HeatmapResponse sample_map() {
  v1::HeatmapResponse map;
  for (const char* at : {"2026-11-25T10:00:00Z", "2026-11-25T11:00:00Z", "2026-11-25T12:00:00Z"}) map.add_x_labels(at);
  map.mutable_step()->set_seconds(3600);
  map.add_y_labels("payments-db @ fra1 (10.0.2.9:8080)");
  map.add_y_labels("other");
  map.set_y_other(true);
  map.set_other(1000);
  map.set_total(1007);
  add_cell(map, 0, 0, 7);
  add_cell(map, 1, 0, 0);
  add_cell(map, 0, 1, 1000, true);
  add_cell(map, 1, 1, 0);  // the third hour: nobody watched
  return map;
}

TEST_F(Program, HeatmapInAscii) {
  service_.heatmap = sample_map();
  setenv("LC_ALL", "C", 1);
  const Ran ran = command({"heatmap", "--since", "2026-11-25T10:00:00Z"});
  unsetenv("LC_ALL");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("payments-db @ fra1 (10.0.2.9:8080) .   /\n"));
  EXPECT_THAT(ran.out, HasSubstr("other                              @!  /\n"));
  EXPECT_THAT(ran.out, HasSubstr("                                   10:00"));
  EXPECT_THAT(ran.out, HasSubstr("endings:  . 7"));
  EXPECT_THAT(ran.out, HasSubstr("-1,000"));
  EXPECT_THAT(ran.out, HasSubstr("! not all was seen  / no data"));
  EXPECT_THAT(ran.out, Not(HasSubstr("\x1b[")));
  EXPECT_THAT(ran.err, HasSubstr("\"other\" stands for 1,000 of 1,007"));
  EXPECT_EQ(service_.heatmap_request.x(), v1::DIMENSION_TIME);
  EXPECT_EQ(service_.heatmap_request.y(), v1::DIMENSION_SERVICE);
  EXPECT_EQ(service_.heatmap_request.rows(), 20U);
}

TEST_F(Program, HeatmapInUnicodeAndColour) {
  service_.heatmap = sample_map();
  setenv("LC_ALL", "C.UTF-8", 1);
  const Ran ran = command({"heatmap", "--color", "always"});
  unsetenv("LC_ALL");
  EXPECT_THAT(ran.out, HasSubstr("\x1b[38;5;24m▁\x1b[0m"));
  EXPECT_THAT(ran.out, HasSubstr("\x1b[38;5;227m█\x1b[0m!"));
  EXPECT_THAT(ran.out, HasSubstr("╱ no data"));
}

TEST_F(Program, HeatmapOfWordsHasAKey) {
  service_.heatmap = sample_map();
  service_.heatmap.clear_x_labels();
  for (const char* cause : {"port_closed", "overload", "other"}) service_.heatmap.add_x_labels(cause);
  const Ran ran = command({"heatmap", "--x", "cause", "--y", "client_network", "--metric", "per_1000_connections"});
  EXPECT_THAT(ran.out, HasSubstr("A  B  C\n"));
  EXPECT_THAT(ran.out, HasSubstr("A=port_closed B=overload C=other"));
  EXPECT_EQ(service_.heatmap_request.metric(), v1::METRIC_PER_1000_CONNECTIONS);
}

TEST_F(Program, HeatmapForMachines) {
  service_.heatmap = sample_map();
  const auto cells = json_lines(command({"heatmap", "-o", "json"}).out);
  ASSERT_EQ(cells.size(), 6u);
  EXPECT_EQ(cells[0]["time"], "2026-11-25T10:00:00Z");
  EXPECT_EQ(cells[0]["value"], 7);
  EXPECT_EQ(cells[0]["complete"], true);
  EXPECT_EQ(cells[2]["value"], nullptr);
  EXPECT_EQ(cells[2]["complete"], false);
  EXPECT_EQ(cells[3]["complete"], false);
  const std::string csv = command({"heatmap", "-o", "csv"}).out;
  EXPECT_THAT(
      csv, HasSubstr("time,service,value,complete\n2026-11-25T10:00:00Z,payments-db @ fra1 (10.0.2.9:8080),7,true\n"));
  EXPECT_EQ(std::ranges::count(csv, '\n'), 7);
}

TEST_F(Program, HeatmapUsage) {
  EXPECT_EQ(command({"heatmap", "--x", "tyme"}).status, 2);
  EXPECT_EQ(command({"heatmap", "--rows", "0"}).status, 2);
  const Ran empty = command({"heatmap"});
  EXPECT_EQ(empty.status, 0);
  EXPECT_EQ(empty.out, "");
  EXPECT_THAT(empty.err, HasSubstr("No endings match."));
}

TEST_F(Program, TopBesideOtherDays) {
  const Ran ran = command({"top", "--since", "1h", "--compare"});
  EXPECT_THAT(ran.out, HasSubstr("617 (+100%)          ?\n"));
  EXPECT_TRUE(service_.top_request.compare());
  const auto row = json_lines(command({"top", "--since", "1h", "--compare", "-o", "json"}).out)[0];
  EXPECT_EQ(row["yesterday"], 617);
  EXPECT_EQ(row["last_week"], nullptr);
  EXPECT_THAT(command({"top", "--since", "1h", "--compare", "-o", "csv"}).out, HasSubstr(",yesterday,last_week\n"));
}

}  // namespace
}  // namespace rs::cli
