// SPDX-License-Identifier: Apache-2.0
//
// `resetscope timeouts`: who limits silence to how long, and the keepalive to set.
#include "control/cli/event_table.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

struct Options {
  Selection selection;
  uint32_t limit = 100;
};

std::string value_text(const v1::IdleTimeout& t) {
  const int64_t ns = t.value().seconds() * 1'000'000'000 + t.value().nanos();
  // Whole seconds from ten on: timers are set in seconds, and the rest is the network's.
  const int64_t shown = ns >= 10'000'000'000 ? (ns + 500'000'000) / 1'000'000'000 * 1'000'000'000 : ns;
  return (t.at_most() ? "<= " : "") + duration_text(shown);
}

void append_table(std::string& out, const v1::ListIdleTimeoutsResponse& response, const Session& session) {
  Table table({{"service", false, 12},
               {"timeout", true},
               {"by"},
               {"samples", true},
               {"ends with"},
               {"keepalive", true},
               {"known default", false, 16}},
              session.style);
  for (const v1::IdleTimeout& t : response.timeouts())
    table.add({{service_text(t.server())},
               {value_text(t)},
               {std::string(word(t.enforced_by()))},
               {grouped(t.samples())},
               {t.ending() == v1::ENDING_CLOSED      ? "fin"
                : t.ending() == v1::ENDING_TIMED_OUT ? "silence"
                                                     : "reset"},
               {std::to_string(t.keepalive_to_set().seconds()) + " s"},
               {t.known_default()}});
  table.render(out);
}

void append_details(std::string& out, const v1::IdleTimeout& t, const Style& style) {
  out += painted(printable(service_text(t.server()) + ": " + value_text(t)), Paint::kBold, style) + "\n";
  append_wrapped(out, t.advice(), 2, style);
  append_wrapped(out,
                 counted(t.samples(), "ending", "endings") + ", " + percent(t.share()) +
                     " of the idle ones on the way " + t.path() + "; last " + when_text(t.last_seen()).substr(0, 19) +
                     " UTC.",
                 2, style);
  if (!t.known_default().empty()) append_wrapped(out, "Known default: " + t.known_default() + ".", 2, style);
  if (!t.disagreement().empty()) append_wrapped(out, "Disagreement: " + t.disagreement() + ".", 2, style);
  out += '\n';
}

void append_json(std::string& out, const v1::IdleTimeout& t) {
  const auto text = [&](std::string_view name, std::string_view value) {
    out.append(",\"").append(name).append("\":");
    append_json_string(out, value);
  };
  out += "{\"server_ip\":";
  append_json_string(out, t.server().ip());
  out += ",\"server_port\":";
  append_number(out, uint64_t{t.server().port()});
  text("service", t.server().name());
  text("path", t.path());
  out += ",\"timeout_seconds\":";
  append_seconds(out, t.value());
  out.append(",\"at_most\":").append(t.at_most() ? "true" : "false");
  out += ",\"spread_seconds\":";
  append_seconds(out, t.spread());
  text("enforced_by", word(t.enforced_by()));
  text("ending", word(t.ending()));
  out += ",\"samples\":";
  append_number(out, uint64_t{t.samples()});
  out += ",\"share\":";
  append_decimal(out, t.share());
  out += ",\"keepalive_seconds\":";
  append_seconds(out, t.keepalive_to_set());
  text("known_default", t.known_default());
  text("disagreement", t.disagreement());
  text("advice", t.advice());
  out += "}\n";
}

void append_csv_all(std::string& out, const v1::ListIdleTimeoutsResponse& response) {
  out +=
      "server_ip,server_port,service,timeout_seconds,at_most,enforced_by,ending,samples,keepalive_seconds,known_"
      "default\n";
  for (const v1::IdleTimeout& t : response.timeouts()) {
    append_csv(out, t.server().ip());
    out += ',';
    append_number(out, uint64_t{t.server().port()});
    out += ',';
    append_csv(out, t.server().name());
    out += ',';
    append_seconds(out, t.value());
    out.append(t.at_most() ? ",true," : ",false,").append(word(t.enforced_by())).append(",").append(word(t.ending()));
    out += ',';
    append_number(out, uint64_t{t.samples()});
    out += ',';
    append_seconds(out, t.keepalive_to_set());
    out += ',';
    append_csv(out, t.known_default());
    out += '\n';
  }
}

int run(const Options& options, Session& session) {
  v1::ListIdleTimeoutsRequest request;
  auto filter = resolve(options.selection, session.now, request.mutable_range());
  if (!filter) return session.fail(filter.error());
  request.set_filter(*filter);
  request.set_limit(options.limit);
  Client client = session.connect();
  v1::ListIdleTimeoutsResponse response;
  if (auto done = client.call(&Client::Stub::ListIdleTimeouts, request, &response); !done)
    return session.fail(done.error());
  std::string& out = session.out.buffer();
  if (session.format == Format::kJson) {
    for (const v1::IdleTimeout& t : response.timeouts()) append_json(out, t);
  } else if (session.format == Format::kCsv) {
    append_csv_all(out, response);
  } else if (session.format == Format::kWide) {
    for (const v1::IdleTimeout& t : response.timeouts()) append_details(out, t, session.style);
  } else if (response.timeouts_size() != 0) {
    append_table(out, response, session);
  }
  session.out.flush();
  if (response.timeouts_size() == 0)
    session.notes.note("No idle timeout has been learned: it takes some endings after one and the same silence.");
  for (const v1::IdleTimeout& t : response.timeouts())
    if (!t.disagreement().empty() && session.format == Format::kTable)
      session.notes.note("note: " + printable(service_text(t.server())) + ": " + printable(t.disagreement()) + ".");
  say_completeness(session, response.completeness(), false);
  return kDone;
}

}  // namespace

void add_timeouts(Commands& commands) {
  CLI::App* timeouts =
      commands.app.add_subcommand("timeouts", "idle timeouts learned from traffic, and the keepalive to set");
  auto options = std::make_shared<Options>();
  timeouts->add_option("--limit", options->limit, "rows")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000).description(""))
      ->capture_default_str();
  add_filter_flags(*timeouts, options->selection);
  add_time_flags(*timeouts, options->selection);
  timeouts->footer(
      "-o wide says in words what to do. \"<=\" is a device that forgets silently: it waits no longer than that.\n"
      "\n"
      "Examples:\n"
      "  resetscope timeouts\n"
      "  resetscope timeouts --server-ip 10.0.2.9 -o wide");
  timeouts->callback(
      [&commands, options] { commands.run = [options](Session& session) { return run(*options, session); }; });
}

}  // namespace rs::cli
