// SPDX-License-Identifier: Apache-2.0
//
// Commands that show sums and findings rather than single endings, and what they add to these.
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

v1::Incident sample_incident() {
  v1::Incident i;
  i.set_id("00000000000000ab");
  i.set_kind(v1::INCIDENT_KIND_POLICY_CHANGE);
  i.set_state(v1::INCIDENT_STATE_OPEN);
  i.mutable_start()->set_seconds(1'795'603'398);
  i.mutable_end()->set_seconds(1'795'603'458);
  i.set_scope("payments-db @ fra1 (10.0.2.9:5432)");
  i.set_summary("payments-db worked before and is now rejected\x1b[31m on the way.");
  i.set_endings(1234);
  i.set_clients(17);
  i.set_servers(1);
  i.set_confidence(0.87);
  i.set_share(0.5);
  i.set_filter("server_ip = 10.0.2.9 and server_port = 5432");
  i.add_top_causes(v1::CAUSE_PATH_FW_REJECT);
  i.add_sensors("fra1");
  v1::Fact& fact = *i.add_evidence();
  fact.set_name("served_before");
  fact.set_text("connections to it succeeded within the hour before");
  return i;
}

TEST_F(Program, Incidents) {
  *service_.incidents.add_incidents() = sample_incident();
  Ran ran = command({"incidents", "--open", "--since", "1h"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("since (UTC)"));
  EXPECT_THAT(ran.out, HasSubstr("open    policy_change  payments-db @ fra1 (10.0.2.9:5432)"));
  EXPECT_THAT(ran.out, HasSubstr("1,234"));
  EXPECT_THAT(ran.out, Not(HasSubstr("\x1b[31m")));
  EXPECT_TRUE(service_.incidents_request.open_only());
  EXPECT_TRUE(service_.incidents_request.range().has_since());
  ran = command({"incidents", "-o", "wide"});
  EXPECT_THAT(ran.out, HasSubstr("- connections to it succeeded within the hour before"));
  EXPECT_THAT(ran.out, HasSubstr("50% of all connections then"));
  EXPECT_THAT(ran.out,
              HasSubstr("resetscope resets list --filter 'server_ip = 10.0.2.9 and server_port = 5432' --since 2026-"));
  const auto incident = json_lines(command({"incidents", "-o", "json"}).out)[0];
  EXPECT_EQ(incident["id"], "00000000000000ab");
  EXPECT_EQ(incident["kind"], "policy_change");
  EXPECT_EQ(incident["endings"], 1234);
  EXPECT_EQ(incident["top_causes"][0], "path_fw_reject");
  EXPECT_THAT(command({"incidents", "-o", "csv"}).out, HasSubstr("id,kind,state,start"));
  service_.incidents.Clear();
  EXPECT_EQ(command({"incidents"}).err, "There are no incidents.\n");
}

TEST_F(Program, IncidentsFollowed) {
  service_.changes = {sample_incident(), sample_incident()};
  service_.changes[1].set_endings(2000);
  const Ran ran = command({"incidents", "-f", "-o", "json"});
  EXPECT_EQ(ran.status, 1);  // the control plane went away
  const auto lines = json_lines(ran.out);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1]["endings"], 2000);
}

TEST_F(Program, Timeouts) {
  v1::IdleTimeout& t = *service_.timeouts.add_timeouts();
  t.mutable_server()->set_ip("10.0.2.9");
  t.mutable_server()->set_port(5432);
  t.set_path("from 10.0.1.0/24 to 10.0.2.9:5432");
  t.mutable_value()->set_seconds(350);
  t.mutable_value()->set_nanos(123'000'000);
  t.set_samples(10);
  t.set_share(1);
  t.set_enforced_by(v1::ORIGIN_MIDDLEBOX);
  t.set_ending(v1::ENDING_RESET);
  t.set_known_default("350 s: AWS Network Load Balancer or NAT gateway");
  t.mutable_keepalive_to_set()->set_seconds(150);
  t.set_advice("A device on the path ends connections after 350 s of silence.");
  t.set_disagreement("a device waits 350 s, but the server waits 65 s");
  Ran ran = command({"timeouts"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("10.0.2.9:5432    350 s  middlebox       10  reset          150 s  350 s: AWS"));
  EXPECT_THAT(ran.err, HasSubstr("the server waits 65 s"));
  ran = command({"timeouts", "-o", "wide"});
  EXPECT_THAT(ran.out, HasSubstr("A device on the path ends connections"));
  EXPECT_THAT(ran.out, HasSubstr("Disagreement: "));
  const auto timeout = json_lines(command({"timeouts", "-o", "json"}).out)[0];
  EXPECT_EQ(timeout["timeout_seconds"], 350.123);
  EXPECT_EQ(timeout["keepalive_seconds"], 150);
  EXPECT_EQ(timeout["enforced_by"], "middlebox");
  EXPECT_THAT(command({"timeouts", "-o", "csv"}).out,
              HasSubstr("10.0.2.9,5432,,350.123,false,middlebox,reset,10,150,"));
  service_.timeouts.Clear();
  EXPECT_THAT(command({"timeouts"}).err, HasSubstr("No idle timeout has been learned"));
}

TEST_F(Program, Services) {
  Ran ran = command({"services", "--since", "1h", "--compare"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(
      ran.out,
      HasSubstr("10.0.2.9:8080      2,000  1,400      500     60         40          300         12          ?"));
  EXPECT_TRUE(service_.services_request.compare());
  EXPECT_EQ(service_.services_request.by(), v1::DIMENSION_SERVICE);
  const auto row = json_lines(command({"services", "-o", "json", "--by", "site"}).out)[0];
  EXPECT_EQ(row["site"], "10.0.2.9:8080");
  EXPECT_EQ(row["failed_per_1000"], 300);
  EXPECT_FALSE(row.contains("yesterday"));
  EXPECT_THAT(command({"services", "-o", "csv"}).out, HasSubstr("service,attempted,established"));
  EXPECT_EQ(command({"services", "--by", "nonsense"}).status, 2);
}

TEST_F(Program, ContextOfAnEnding) {
  v1::Event& event = service_.events[0];
  event.set_incident_id("00000000000000ab");
  event.set_incident_kind(v1::INCIDENT_KIND_SCAN);
  event.set_revised_cause(v1::CAUSE_PORT_SCAN);
  event.set_revised_reason("10.0.1.7 scans.");
  event.set_root_event_id("00000000000000cd");
  event.mutable_location()->set_text("between a and b");
  event.add_sightings()->set_sensor("fra1");
  event.add_sightings()->set_sensor("fra2");
  service_.events.resize(1);
  EXPECT_THAT(command({"resets", "list"}).out, HasSubstr("port_closed (port_scan)"));
  EXPECT_THAT(command({"resets", "list", "-o", "wide"}).out, HasSubstr("scan"));
  const std::string why = command({"why", "10.0.1.7", "10.0.2.9:8080"}).out;
  for (const char* part : {"in context", "port_scan: 10.0.1.7 scans.", "scan 00000000000000ab",
                           "resetscope why 00000000000000cd", "between a and b", "fra2"})
    EXPECT_THAT(why, HasSubstr(part));
  const auto json = json_lines(command({"resets", "list", "-o", "json"}).out)[0];
  EXPECT_EQ(json["cause"], "port_closed");
  EXPECT_EQ(json["revised_cause"], "port_scan");
  EXPECT_EQ(json["incident"], "00000000000000ab");
  EXPECT_EQ(json["root_event"], "00000000000000cd");
}

}  // namespace
}  // namespace rs::cli
