// SPDX-License-Identifier: Apache-2.0
//
// `resetscope services`: what became of each service's connections, worst first.
#include <algorithm>
#include <cstdio>

#include "control/cli/choice.h"
#include "control/cli/event_table.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

struct Options {
  Selection selection;
  std::string by = "service";
  uint32_t limit = 50;
  bool compare = false;
};

std::string rate_text(double rate) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, rate < 10 ? "%.2f" : "%.0f", rate);
  return buffer;
}

std::string before_text(bool known, double before) { return known ? rate_text(before) : "?"; }

void append_table(std::string& out, const v1::ListServicesResponse& response, const Options& options,
                  const Style& style) {
  std::vector<Column> columns = {{options.by, false, 12}, {"attempted", true}, {"clean", true},      {"refused", true},
                                 {"reset", true},         {"timed out", true}, {"failed/1000", true}};
  if (options.compare) columns.insert(columns.end(), {{"yesterday", true}, {"last week", true}});
  columns.insert(columns.end(), {{"lost", true}, {"mostly", false, 10}});
  Table table(std::move(columns), style);
  for (const v1::Service& s : response.services()) {
    std::vector<Cell> row = {
        {s.key()},
        {grouped(s.attempted())},
        {grouped(s.closed_cleanly())},
        {grouped(s.refused())},
        {grouped(s.reset())},
        {grouped(s.timed_out())},
        {rate_text(s.failed_per_1000()), s.failed_per_1000() >= 100 ? Paint::kProblem : Paint::kNone}};
    if (options.compare)
      row.insert(row.end(), {{before_text(s.before().has_yesterday(), s.before().yesterday())},
                             {before_text(s.before().has_last_week(), s.before().last_week())}});
    row.insert(row.end(), {{s.lost_bytes() > 0 ? bytes_text(s.lost_bytes()) : ""},
                           {s.top_cause() == v1::CAUSE_UNKNOWN ? "" : std::string(word(s.top_cause()))}});
    table.add(std::move(row));
  }
  table.render(out);
}

// Name and value of all numbers, for JSON and CSV alike.
std::vector<std::pair<std::string_view, uint64_t>> numbers(const v1::Service& s) {
  return {{"attempted", s.attempted()},
          {"established", s.established()},
          {"closed_cleanly", s.closed_cleanly()},
          {"refused", s.refused()},
          {"reset", s.reset()},
          {"timed_out", s.timed_out()},
          {"lost_bytes", s.lost_bytes()}};
}

void append_json(std::string& out, const v1::Service& s, const Options& options) {
  out.append("{\"").append(options.by).append("\":");
  append_json_string(out, s.key());
  if (s.has_server()) {
    out += ",\"server_ip\":";
    append_json_string(out, s.server().ip());
    out += ",\"server_port\":";
    append_number(out, uint64_t{s.server().port()});
    out += ",\"name\":";
    append_json_string(out, s.server().name());
    out += ",\"site\":";
    append_json_string(out, s.server().site());
  }
  for (const auto& [name, value] : numbers(s)) {
    out.append(",\"").append(name).append("\":");
    append_number(out, value);
  }
  const auto rate = [&](std::string_view name, bool known, double value) {
    out.append(",\"").append(name).append("\":");
    if (known)
      append_decimal(out, value);
    else
      out += "null";
  };
  rate("failed_per_1000", s.attempted() > 0, s.failed_per_1000());
  rate("reset_per_1000", s.attempted() > 0, s.reset_per_1000());
  if (options.compare) {
    rate("yesterday", s.before().has_yesterday(), s.before().yesterday());
    rate("last_week", s.before().has_last_week(), s.before().last_week());
  }
  out.append(",\"top_cause\":\"").append(word(s.top_cause())).append("\"}\n");
}

void append_csv_all(std::string& out, const v1::ListServicesResponse& response, const Options& options) {
  out += options.by;
  for (const auto& [name, value] : numbers(v1::Service{})) out.append(",").append(name);
  out.append(",failed_per_1000,reset_per_1000").append(options.compare ? ",yesterday,last_week" : "");
  out += ",top_cause\n";
  for (const v1::Service& s : response.services()) {
    append_csv(out, s.key());
    for (const auto& [name, value] : numbers(s)) {
      out += ',';
      append_number(out, value);
    }
    out += ',';
    append_decimal(out, s.failed_per_1000());
    out += ',';
    append_decimal(out, s.reset_per_1000());
    if (options.compare) {
      out += ',';
      if (s.before().has_yesterday()) append_decimal(out, s.before().yesterday());
      out += ',';
      if (s.before().has_last_week()) append_decimal(out, s.before().last_week());
    }
    out.append(",").append(word(s.top_cause())).append("\n");
  }
}

int run(const Options& options, Session& session) {
  v1::ListServicesRequest request;
  const auto by = parse_choice<v1::Dimension>("--by", options.by);
  if (!by) return session.fail(by.error());
  request.set_by(*by);
  auto filter = resolve(options.selection, session.now, request.mutable_range());
  if (!filter) return session.fail(filter.error());
  request.set_filter(*filter);
  request.set_limit(options.limit);
  request.set_compare(options.compare);
  Client client = session.connect();
  v1::ListServicesResponse response;
  if (auto done = client.call(&Client::Stub::ListServices, request, &response); !done)
    return session.fail(done.error());
  std::string& out = session.out.buffer();
  if (session.format == Format::kJson) {
    for (const v1::Service& s : response.services()) append_json(out, s, options);
  } else if (session.format == Format::kCsv) {
    append_csv_all(out, response, options);
  } else if (response.services_size() != 0) {
    append_table(out, response, options, session.style);
  }
  session.out.flush();
  if (response.services_size() == 0) session.notes.note("No sensor has counted connections in this range.");
  say_completeness(session, response.completeness(), false);
  return kDone;
}

}  // namespace

void add_services(Commands& commands) {
  CLI::App* services =
      commands.app.add_subcommand("services", "what became of each service's connections, worst first");
  auto options = std::make_shared<Options>();
  services->add_option("--by", options->by, "service, server_ip, server_network, site or port")
      ->type_name("DIM")
      ->capture_default_str();
  services->add_option("--limit", options->limit, "rows")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000).description(""))
      ->capture_default_str();
  services->add_flag("--compare", options->compare,
                     "failures per 1,000 in the same hours of yesterday and last week; needs --since");
  add_filter_flags(*services, options->selection);
  add_time_flags(*services, options->selection);
  services->footer(
      "Examples:\n"
      "  resetscope services --since 1h --compare\n"
      "  resetscope services --by site --since 24h");
  services->callback(
      [&commands, options] { commands.run = [options](Session& session) { return run(*options, session); }; });
}

}  // namespace rs::cli
