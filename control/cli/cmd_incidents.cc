// SPDX-License-Identifier: Apache-2.0
//
// `resetscope incidents`: the patterns behind many endings, listed or followed.
#include <algorithm>
#include <cmath>

#include "control/cli/event_fields.h"
#include "control/cli/event_table.h"
#include "control/cli/interrupt.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

struct Options {
  Selection selection;
  bool open = false;
  bool follow = false;
  uint32_t limit = 100;
};

int64_t length_ns(const v1::Incident& incident) {
  return std::max<int64_t>(0, to_ns(incident.end()) - to_ns(incident.start()));
}

Table make_table(const Style& style) {
  return {{{"since (UTC)"},
           {"state", false, 0, 6},
           {"kind", false, 0, 13},
           {"scope", false, 16, 34},
           {"endings", true, 0, 8},
           {"clients", true, 0, 7},
           {"lasted", true, 0, 9},
           {"conf", true, 0, 4},
           {"what", false, 30}},
          style};
}

void add_row(Table& table, const v1::Incident& incident) {
  const bool open = incident.state() == v1::INCIDENT_STATE_OPEN;
  table.add({{when_text(incident.start()).substr(0, 19), Paint::kDim},
             {open ? "open" : "closed", open ? Paint::kProblem : Paint::kNone},
             {std::string(word(incident.kind()))},
             {incident.scope()},
             {grouped(incident.endings())},
             {grouped(incident.clients())},
             {duration_text(length_ns(incident))},
             {percent(incident.confidence())},
             {incident.summary()}});
}

// Everything there is on one, below its row.
void append_details(std::string& out, const v1::Incident& incident, const Style& style) {
  out += painted(std::string(word(incident.kind())) + " " + incident.id(), Paint::kBold, style) + "\n";
  append_wrapped(out, incident.summary(), 2, style);
  std::string line =
      "since " + when_text(incident.start()).substr(0, 19) + " UTC, lasted " + duration_text(length_ns(incident)) +
      (incident.state() == v1::INCIDENT_STATE_OPEN ? " so far" : "") + "; " +
      counted(incident.endings(), "ending", "endings") + ", " + counted(incident.clients(), "client", "clients") +
      ", " + counted(incident.servers(), "service", "services");
  if (incident.share() > 0) line += ", " + percent(incident.share()) + " of all connections then";
  append_wrapped(out, line, 2, style);
  for (const v1::Fact& fact : incident.evidence())
    if (fact.name() != "window_ms") append_wrapped(out, "- " + fact.text(), 4, style);
  out += "  resetscope resets list --filter '" + printable(incident.filter()) + "' --since " +
         when_text(incident.start()).substr(0, 10) + "T" + when_text(incident.start()).substr(11, 8) + "Z\n\n";
}

void append_json(std::string& out, const v1::Incident& incident) {
  const auto text = [&](std::string_view name, std::string_view value) {
    out.append(",\"").append(name).append("\":");
    append_json_string(out, value);
  };
  const auto time = [&](std::string_view name, const google::protobuf::Timestamp& value) {
    out.append(",\"").append(name).append("\":\"");
    append_rfc3339(out, value);
    out += '"';
  };
  const auto number = [&](std::string_view name, uint64_t value) {
    out.append(",\"").append(name).append("\":");
    append_number(out, value);
  };
  out += "{\"id\":";
  append_json_string(out, incident.id());
  text("kind", word(incident.kind()));
  text("state", word(incident.state()));
  time("start", incident.start());
  time("end", incident.end());
  time("updated", incident.updated());
  text("scope", incident.scope());
  text("summary", incident.summary());
  text("cause", word(incident.cause()));
  number("endings", incident.endings());
  number("clients", incident.clients());
  number("servers", incident.servers());
  out += ",\"confidence\":";
  append_decimal(out, incident.confidence());
  out += ",\"share\":";
  append_decimal(out, incident.share());
  out += ",\"top_causes\":[";
  for (int i = 0; i < incident.top_causes_size(); ++i)
    out.append(i == 0 ? "\"" : ",\"").append(word(incident.top_causes(i))).append("\"");
  out += "],\"sensors\":[";
  for (int i = 0; i < incident.sensors_size(); ++i) {
    if (i != 0) out += ',';
    append_json_string(out, incident.sensors(i));
  }
  out += "],\"evidence\":[";
  for (int i = 0; i < incident.evidence_size(); ++i) {
    if (i != 0) out += ',';
    append_json_string(out, incident.evidence(i).text());
  }
  out += ']';
  text("filter", incident.filter());
  number("revision", incident.revision());
  out += "}\n";
}

void append_csv_row(std::string& out, const v1::Incident& incident) {
  const auto text = [&](std::string_view value) {
    append_csv(out, value);
    out += ',';
  };
  text(incident.id());
  text(word(incident.kind()));
  text(word(incident.state()));
  append_rfc3339(out, incident.start());
  out += ',';
  append_rfc3339(out, incident.end());
  out += ',';
  text(incident.scope());
  for (const uint64_t n : {incident.endings(), incident.clients(), incident.servers()}) {
    append_number(out, n);
    out += ',';
  }
  append_decimal(out, incident.confidence());
  out += ',';
  append_csv(out, incident.summary());
  out += '\n';
}

constexpr char kCsvHeader[] = "id,kind,state,start,end,scope,endings,clients,servers,confidence,summary\n";

int list(const Options& options, Session& session, const std::string& filter, const v1::TimeRange& range) {
  v1::ListIncidentsRequest request;
  *request.mutable_range() = range;
  request.set_filter(filter);
  request.set_open_only(options.open);
  request.set_limit(options.limit);
  Client client = session.connect();
  v1::ListIncidentsResponse response;
  if (auto done = client.call(&Client::Stub::ListIncidents, request, &response); !done)
    return session.fail(done.error());
  std::string& out = session.out.buffer();
  if (session.format == Format::kJson) {
    for (const v1::Incident& incident : response.incidents()) append_json(out, incident);
  } else if (session.format == Format::kCsv) {
    out += kCsvHeader;
    for (const v1::Incident& incident : response.incidents()) append_csv_row(out, incident);
  } else if (session.format == Format::kWide) {
    for (const v1::Incident& incident : response.incidents()) append_details(out, incident, session.style);
  } else if (response.incidents_size() != 0) {
    Table table = make_table(session.style);
    for (const v1::Incident& incident : response.incidents()) add_row(table, incident);
    table.render(out);
  }
  session.out.flush();
  if (response.incidents_size() == 0) session.notes.note(options.open ? "Nothing is open." : "There are no incidents.");
  say_completeness(session, response.completeness(), false);
  return kDone;
}

int follow(Session& session, const std::string& filter) {
  Interrupt interrupt;  // before the channel: gRPC's threads inherit the blocked signals
  Client client = session.connect();
  v1::WatchIncidentsRequest request;
  request.set_filter(filter);
  Table table = make_table(session.style);
  const bool rows = session.format == Format::kTable || session.format == Format::kWide;
  if (rows) table.start(session.out.buffer());
  if (session.format == Format::kCsv) session.out.buffer() += kCsvHeader;
  session.out.flush();
  grpc::ClientContext context;
  interrupt.on_raise([&context] { context.TryCancel(); });
  auto reader = client.stub().WatchIncidents(&context, request);
  v1::WatchIncidentsResponse response;
  while (reader->Read(&response)) {
    if (!response.has_incident()) continue;
    std::string& out = session.out.buffer();
    if (rows) {
      add_row(table, response.incident());
      table.render(out);
    } else if (session.format == Format::kJson) {
      append_json(out, response.incident());
    } else {
      append_csv_row(out, response.incident());
    }
    session.out.flush();
    if (!session.out.usable()) context.TryCancel();
  }
  const grpc::Status status = reader->Finish();
  interrupt.on_raise(nullptr);
  if (interrupt.raised() || !session.out.usable()) return kDone;
  return session.fail(client.error_of(status));
}

int run(const Options& options, Session& session) {
  v1::TimeRange range;
  auto filter = resolve(options.selection, session.now, &range);
  if (!filter) return session.fail(filter.error());
  return options.follow ? follow(session, *filter) : list(options, session, *filter, range);
}

}  // namespace

void add_incidents(Commands& commands) {
  CLI::App* incidents =
      commands.app.add_subcommand("incidents", "what is behind many endings: restarts, scans, overload, failover ...");
  auto options = std::make_shared<Options>();
  incidents->add_flag("--open", options->open, "only those that go on");
  incidents->add_flag("-f,--follow", options->follow, "the open ones, then every change as it comes, until Ctrl-C");
  incidents->add_option("--limit", options->limit, "rows, the newest")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000).description(""))
      ->capture_default_str();
  add_filter_flags(*incidents, options->selection);
  add_time_flags(*incidents, options->selection);
  incidents->footer(
      "-o wide has the evidence of each and the command that lists its endings.\n"
      "\n"
      "Examples:\n"
      "  resetscope incidents --since 24h\n"
      "  resetscope incidents --open -o wide\n"
      "  resetscope incidents --follow -o json");
  incidents->callback(
      [&commands, options] { commands.run = [options](Session& session) { return run(*options, session); }; });
}

}  // namespace rs::cli
