// SPDX-License-Identifier: Apache-2.0
#include "control/cli/event_fields.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "control/cli/fake_server.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

using nlohmann::ordered_json;

std::string json_of(const v1::Event& event) {
  std::string out;
  append_event_json(out, event);
  return out;
}

// The contract: these names, in this order, always at the front.
TEST(EventJson, HasTheContractsFieldsInOrder) {
  const auto object = ordered_json::parse(json_of(sample_event()));
  std::vector<std::string> keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  const std::vector<std::string> contract = {
      "time",     "client_ip",    "client_port", "server_ip",  "server_port", "claimed_sender", "origin",
      "stage",    "cause",        "family",      "severity",   "confidence",  "second_cause",   "second_confidence",
      "evidence", "idle_seconds", "count",       "zeek_state", "sensor",      "one_sided",      "summary"};
  ASSERT_GE(keys.size(), contract.size());
  EXPECT_TRUE(std::equal(contract.begin(), contract.end(), keys.begin()));
  for (const char* more : {"id", "ending", "evidence_detail", "cloudflare_stage", "linux_reason", "rst_count",
                           "client_bytes", "server_bytes", "lost_bytes", "start", "midstream", "client_guessed",
                           "meanings", "server_name", "exemplars", "timeline", "rtt_client_ms", "rtt_server_ms"})
    EXPECT_TRUE(object.contains(more)) << more;
}

TEST(EventJson, Values) {
  const auto o = nlohmann::json::parse(json_of(sample_event()));
  EXPECT_EQ(o["time"], "2026-11-25T10:43:18.123456789Z");
  EXPECT_EQ(o["client_ip"], "10.0.1.7");
  EXPECT_EQ(o["client_port"], 40123);
  EXPECT_EQ(o["claimed_sender"], "server");
  EXPECT_EQ(o["origin"], "server");
  EXPECT_EQ(o["stage"], "syn");
  EXPECT_EQ(o["cause"], "port_closed");
  EXPECT_EQ(o["family"], "refusal");
  EXPECT_EQ(o["severity"], "problem");
  EXPECT_EQ(o["confidence"], 0.95);
  EXPECT_EQ(o["second_cause"], "host_fw_reject");
  EXPECT_EQ(o["evidence"], nlohmann::json({"image_stateless_ack", "rst_ttl=64", "tos_unmarked"}));
  EXPECT_EQ(o["idle_seconds"], 1.5);
  EXPECT_EQ(o["count"], 3);
  EXPECT_EQ(o["zeek_state"], "REJ");
  EXPECT_EQ(o["one_sided"], false);
  EXPECT_EQ(o["ending"], "refused");
  EXPECT_EQ(o["cloudflare_stage"], "post_syn");
  EXPECT_EQ(o["linux_reason"], "NO_SOCKET");
  EXPECT_EQ(o["server_name"], "shop\x1b[31m\".example");
  EXPECT_TRUE(o["rtt_client_ms"].is_null());
  EXPECT_EQ(o["rtt_server_ms"], 1.25);
  EXPECT_EQ(o["timeline"][1]["ms"], 1.5);
  EXPECT_EQ(o["timeline"][1]["kind"], "rst");
  EXPECT_EQ(o["evidence_detail"][0]["weight"], 2.1);
  EXPECT_EQ(o["exemplars"][0]["client_ip"], "10.0.1.8");
}

TEST(EventJson, AnEmptyEventIsStillValid) {
  const auto o = nlohmann::json::parse(json_of({}));
  EXPECT_EQ(o["cause"], "unknown");
  EXPECT_EQ(o["zeek_state"], "OTH");
  EXPECT_EQ(o["linux_reason"], "none");
  EXPECT_TRUE(o["start"].is_null());
}

TEST(EventJson, ANewerControlPlanesNumbersAreMarked) {
  v1::Event event;
  event.set_cause(static_cast<v1::Cause>(4711));
  event.set_stage(static_cast<v1::Stage>(-3));
  const auto o = nlohmann::json::parse(json_of(event));
  EXPECT_EQ(o["cause"], "unrecognized");
  EXPECT_EQ(o["stage"], "unrecognized");
}

TEST(EventJson, FieldNamesAreUnique) {
  std::set<std::string_view> names;
  for (const EventField& field : event_fields()) EXPECT_TRUE(names.insert(field.name).second) << field.name;
}

TEST(EventCsv, OneColumnAField) {
  std::string header, row;
  append_event_csv_header(header);
  append_event_csv(row, sample_event());
  EXPECT_TRUE(
      header.starts_with("time,client_ip,client_port,server_ip,server_port,claimed_sender,origin,stage,cause,"));
  EXPECT_TRUE(
      row.starts_with("2026-11-25T10:43:18.123456789Z,10.0.1.7,40123,10.0.2.9,8080,server,server,syn,port_closed,"));
  EXPECT_NE(row.find(",image_stateless_ack rst_ttl=64 tos_unmarked,"), std::string::npos);
  // Commas outside quotes must match.
  const auto columns = [](const std::string& line) {
    size_t n = 1;
    bool quoted = false;
    for (const char c : line) {
      if (c == '"') quoted = !quoted;
      if (c == ',' && !quoted) ++n;
    }
    return n;
  };
  EXPECT_EQ(columns(header), columns(row));
}

TEST(Facts, ValueIsPrintedWhereItSaysSomething) {
  const auto text = [](const char* name, int64_t value) {
    v1::Fact fact;
    fact.set_name(name);
    fact.set_value(value);
    std::string out;
    append_fact(out, fact);
    return out;
  };
  EXPECT_EQ(text("repeated_rst", 1), "repeated_rst=1");
  EXPECT_EQ(text("seq_in_window", -7), "seq_in_window=-7");
  EXPECT_EQ(text("seq_exact", 1), "seq_exact");
  EXPECT_EQ(text("seq_exact", 0), "seq_exact");
  EXPECT_EQ(text("fact_217", 9), "fact_217=9");
}

// event.fbs says in its comments which facts carry a value.
TEST(Facts, AgreeWithTheSchema) {
  const char* path = std::getenv("EVENT_FBS");
  ASSERT_NE(path, nullptr);
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  std::stringstream all;
  all << file.rdbuf();
  const std::string schema = all.str();
  const size_t begin = schema.find("enum FactId : ushort {"), end = schema.find('}', begin);
  ASSERT_NE(end, std::string::npos);
  std::istringstream lines(schema.substr(begin, end - begin));
  size_t with_value = 0;
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (!std::regex_search(line, found, std::regex(R"(^\s*(\w+),?\s*//(.*)$)"))) continue;
    const bool value = std::regex_search(found[2].str(), std::regex(R"(\bvalue\b)"));
    if (value) {
      ++with_value;
      EXPECT_TRUE(fact_has_value(found[1].str())) << found[1].str() << " carries a value";
    } else {
      EXPECT_FALSE(fact_has_value(found[1].str())) << found[1].str() << " carries none";
    }
  }
  EXPECT_GT(with_value, 20U);
}

TEST(Words, EnumsHaveNoHolesAndNoPrefixLeft) {
  const auto whole = [](const std::vector<std::string>& words) {
    for (const std::string& word : words) {
      EXPECT_FALSE(word.empty());
      EXPECT_EQ(word.find("CAUSE_"), std::string::npos);
    }
  };
  whole(words<v1::Cause>());
  whole(words<v1::StepKind>());
  whole(words<v1::Dimension>());
  EXPECT_EQ(word(v1::STEP_KIND_SYN_ACK), "syn_ack");
  EXPECT_EQ(word(v1::ORIGIN_OFF_PATH), "off_path");
  EXPECT_EQ(word(v1::CLOUDFLARE_STAGE_LATER_IN_FLOW), "later_in_flow");
  EXPECT_EQ(word(v1::ZEEK_STATE_RSTOS0), "RSTOS0");
  EXPECT_EQ(word(v1::LINUX_REASON_TCP_STATE), "TCP_STATE");
  EXPECT_EQ(word(v1::LINUX_REASON_NONE), "none");
  EXPECT_EQ(parse_word<v1::Cause>("idle_timeout_rst"), v1::CAUSE_IDLE_TIMEOUT_RST);
  EXPECT_FALSE(parse_word<v1::Cause>("nope"));
  EXPECT_EQ(nearest("port_close", words<v1::Cause>()), "port_closed");
  EXPECT_EQ(nearest("qqqqqqqq", words<v1::Cause>()), "");
}

}  // namespace
}  // namespace rs::cli
