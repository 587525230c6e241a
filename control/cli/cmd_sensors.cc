// SPDX-License-Identifier: Apache-2.0
//
// `resetscope sensors`: every sensor, what it receives and what it misses.
#include <algorithm>
#include <map>

#include "control/cli/session.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

using std::string;

void append_table(string& out, const v1::ListSensorsResponse& response, const Session& session) {
  std::vector<Column> columns = {{"sensor", false, 8}, {"state"},          {"last heard"},  {"packets", true},
                                 {"missed", true},     {"blind", true},    {"flows", true}, {"endings", true},
                                 {"lost", true},       {"ports", false, 8}};
  if (session.format == Format::kWide)
    columns.insert(
        columns.end(),
        {{"version"}, {"workers", true}, {"bytes", true}, {"capacity", true}, {"gaps", true}, {"clock", true}});
  Table table(std::move(columns), session.style);
  for (const v1::Sensor& s : response.sensors()) {
    string ports;
    for (const string& port : s.ports()) ports.append(ports.empty() ? "" : " ").append(port);
    const bool blind = s.missed_packets() > 0, lost = s.lost_events() + s.ring_dropped_events() > 0;
    std::vector<Cell> row = {
        {s.name()},
        {s.connected() ? "connected" : "away", s.connected() ? Paint::kNone : Paint::kProblem},
        {ago_text(s.last_seen(), session.now)},
        {grouped(s.received_packets())},
        {grouped(s.missed_packets()), blind ? Paint::kProblem : Paint::kNone},
        {s.blind_seconds() > 0 ? grouped(s.blind_seconds()) + " s" : "0",
         s.blind_seconds() > 0 ? Paint::kProblem : Paint::kNone},
        {grouped(s.flows())},
        {grouped(s.events())},
        {grouped(s.lost_events() + s.ring_dropped_events()), lost ? Paint::kProblem : Paint::kNone},
        {ports}};
    if (session.format == Format::kWide) {
      const auto skew = s.clock_skew().seconds() * 1'000'000'000 + s.clock_skew().nanos();
      row.insert(row.end(), {{s.version()},
                             {std::to_string(s.workers())},
                             {bytes_text(s.received_bytes())},
                             {grouped(s.flow_capacity())},
                             {grouped(s.sequence_gaps())},
                             {string(skew < 0 ? "-" : "") + duration_text(skew < 0 ? -skew : skew)}});
    }
    table.add(std::move(row));
  }
  table.render(out);
}

// Name and value of all numbers, for JSON and CSV alike.
std::vector<std::pair<std::string_view, uint64_t>> numbers(const v1::Sensor& s) {
  return {{"workers", s.workers()},
          {"received_packets", s.received_packets()},
          {"received_bytes", s.received_bytes()},
          {"missed_packets", s.missed_packets()},
          {"flows", s.flows()},
          {"flow_capacity", s.flow_capacity()},
          {"events", s.events()},
          {"ring_dropped_events", s.ring_dropped_events()},
          {"lost_batches", s.lost_batches()},
          {"lost_events", s.lost_events()},
          {"sequence_gaps", s.sequence_gaps()},
          {"blind_seconds", s.blind_seconds()}};
}

void append_loss(string& out, const v1::LossSecond& l, bool first) {
  out.append(first ? "" : ",").append("{\"second\":\"");
  append_rfc3339(out, l.second());
  out += '"';
  for (const auto& [name, value] :
       {std::pair("missed_packets", l.missed_packets()),
        std::pair("handover_dropped_packets", l.handover_dropped_packets()),
        std::pair("table_full_packets", l.table_full_packets()), std::pair("evicted_flows", l.evicted_flows()),
        std::pair("ring_dropped_events", l.ring_dropped_events())}) {
    out.append(",\"").append(name).append("\":");
    append_number(out, value);
  }
  out += '}';
}

void append_json(string& out, const v1::Sensor& s) {
  const auto time = [&](std::string_view name, bool known, const google::protobuf::Timestamp& value) {
    out.append(",\"").append(name).append("\":");
    if (!known) {
      out += "null";
      return;
    }
    out += '"';
    append_rfc3339(out, value);
    out += '"';
  };
  out += "{\"name\":";
  append_json_string(out, s.name());
  out += ",\"version\":";
  append_json_string(out, s.version());
  out.append(",\"connected\":").append(s.connected() ? "true" : "false");
  time("last_seen", s.has_last_seen(), s.last_seen());
  time("packet_time", s.has_packet_time(), s.packet_time());
  for (const auto& [name, value] : numbers(s)) {
    out.append(",\"").append(name).append("\":");
    append_number(out, value);
  }
  out += ",\"clock_skew_seconds\":";
  append_seconds(out, s.clock_skew());
  // 64 bits, beyond what a JSON reader may keep as a number.
  out.append(",\"boot\":\"").append(std::to_string(s.boot())).append("\",\"ports\":[");
  for (int i = 0; i < s.ports_size(); ++i) {
    if (i != 0) out += ',';
    append_json_string(out, s.ports(i));
  }
  out += "],\"losses\":[";
  for (int i = 0; i < s.losses_size(); ++i) append_loss(out, s.losses(i), i == 0);
  out += "],\"counters\":{";
  bool first = true;
  for (const auto& [name, value] : std::map<string, uint64_t>(s.counters().begin(), s.counters().end())) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, name);
    out += ':';
    append_number(out, value);
  }
  out += "}}\n";
}

void append_csv_all(string& out, const v1::ListSensorsResponse& response) {
  out += "name,version,connected,last_seen";
  for (const auto& [name, value] : numbers(v1::Sensor{})) out.append(",").append(name);
  out += '\n';
  for (const v1::Sensor& s : response.sensors()) {
    append_csv(out, s.name());
    out += ',';
    append_csv(out, s.version());
    out.append(s.connected() ? ",true," : ",false,");
    if (s.has_last_seen()) append_rfc3339(out, s.last_seen());
    for (const auto& [name, value] : numbers(s)) {
      out += ',';
      append_number(out, value);
    }
    out += '\n';
  }
}

int run(Session& session) {
  Client client = session.connect();
  v1::ListSensorsResponse response;
  if (auto done = client.call(&Client::Stub::ListSensors, v1::ListSensorsRequest{}, &response); !done)
    return session.fail(done.error());
  string& out = session.out.buffer();
  if (session.format == Format::kJson) {
    for (const v1::Sensor& sensor : response.sensors()) append_json(out, sensor);
  } else if (session.format == Format::kCsv) {
    append_csv_all(out, response);
  } else if (response.sensors_size() != 0) {
    append_table(out, response, session);
  }
  session.out.flush();
  if (response.sensors_size() == 0) session.notes.note("No sensor has reported yet.");
  return kDone;
}

}  // namespace

void add_sensors(Commands& commands) {
  CLI::App* sensors = commands.app.add_subcommand("sensors", "every sensor: what it receives, what it misses");
  sensors->footer("JSON has every counter of every sensor: resetscope sensors -o json | jq .counters");
  sensors->callback([&commands] { commands.run = [](Session& session) { return run(session); }; });
}

}  // namespace rs::cli
