// SPDX-License-Identifier: Apache-2.0
//
// `resetscope status`: is it all running, and how much of the traffic does it see.
#include "control/cli/session.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

struct Totals {
  uint64_t connected = 0, received = 0, missed = 0, lost_events = 0, flows = 0;
};

Totals totals_of(const v1::ListSensorsResponse& sensors) {
  Totals t;
  for (const v1::Sensor& s : sensors.sensors()) {
    t.connected += s.connected() ? 1 : 0;
    t.received += s.received_packets();
    t.missed += s.missed_packets();
    t.lost_events += s.lost_events() + s.ring_dropped_events();
    t.flows += s.flows();
  }
  return t;
}

std::string share_text(uint64_t part, uint64_t rest) {
  if (part == 0) return "none";
  const double share = static_cast<double>(part) / static_cast<double>(part + rest) * 100;
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, " (%.4f%%)", share);
  return grouped(part) + buffer;
}

void append_table(std::string& out, const v1::GetServerInfoResponse& info, const v1::ListSensorsResponse& sensors,
                  const Session& session) {
  const Totals t = totals_of(sensors);
  const auto row = [&](std::string_view label, const std::string& text) {
    out += painted(label, Paint::kBold, session.style);
    out.append(label.size() < 16 ? 16 - label.size() : 1, ' ');
    out += printable(text);
    out += '\n';
  };
  row("control plane", info.version() + " at " + session.settings.server +
                           (info.has_started() ? ", up " + duration_text(session.now - to_ns(info.started())) : ""));
  row("store", info.store());
  row("endings", grouped(info.endings()) + " in " + counted(info.events(), "row", "rows") +
                     (info.has_oldest() && info.events() != 0
                          ? ", " + when_text(info.oldest()) + " to " + when_text(info.newest()) + " UTC"
                          : ""));
  const auto count = static_cast<uint64_t>(sensors.sensors_size());
  row("sensors", count == 0 ? "none has reported yet"
                            : counted(count, "sensor", "sensors") + ", " + grouped(t.connected) + " connected");
  for (const v1::Sensor& s : sensors.sensors())
    if (!s.connected()) row("", s.name() + " is away, last heard " + ago_text(s.last_seen(), session.now));
  row("packets", grouped(t.received) + " received; missed: " + share_text(t.missed, t.received));
  row("endings lost", t.lost_events == 0 ? "none" : grouped(t.lost_events));
  row("live flows", grouped(t.flows));
  row("watchers", grouped(info.watchers()));
}

void append_json(std::string& out, const v1::GetServerInfoResponse& info, const v1::ListSensorsResponse& sensors,
                 const Session& session) {
  const Totals t = totals_of(sensors);
  const auto number = [&](std::string_view name, uint64_t value) {
    out.append(",\"").append(name).append("\":");
    append_number(out, value);
  };
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
  out += "{\"server\":";
  append_json_string(out, session.settings.server);
  out += ",\"version\":";
  append_json_string(out, info.version());
  out += ",\"store\":";
  append_json_string(out, info.store());
  time("started", info.has_started(), info.started());
  time("oldest", info.has_oldest(), info.oldest());
  time("newest", info.has_newest(), info.newest());
  number("rows", info.events());
  number("endings", info.endings());
  number("sensors", static_cast<uint64_t>(sensors.sensors_size()));
  number("sensors_connected", t.connected);
  number("received_packets", t.received);
  number("missed_packets", t.missed);
  number("lost_events", t.lost_events);
  number("flows", t.flows);
  number("watchers", info.watchers());
  out += "}\n";
}

int run(Session& session) {
  Client client = session.connect();
  v1::GetServerInfoResponse info;
  v1::ListSensorsResponse sensors;
  if (auto done = client.call(&Client::Stub::GetServerInfo, v1::GetServerInfoRequest{}, &info); !done)
    return session.fail(done.error());
  if (auto done = client.call(&Client::Stub::ListSensors, v1::ListSensorsRequest{}, &sensors); !done)
    return session.fail(done.error());
  std::string& out = session.out.buffer();
  if (session.format == Format::kCsv)
    return session.fail({Code::kInvalid, "status has no CSV form; use -o json or -o table"});
  if (session.format == Format::kJson)
    append_json(out, info, sensors, session);
  else
    append_table(out, info, sensors, session);
  session.out.flush();
  return kDone;
}

}  // namespace

void add_status(Commands& commands) {
  CLI::App* status = commands.app.add_subcommand("status", "is it running, and how much of the traffic does it see");
  status->callback([&commands] { commands.run = [](Session& session) { return run(session); }; });
}

}  // namespace rs::cli
