// SPDX-License-Identifier: Apache-2.0
//
// `resetscope top`: what ends most, by one or two dimensions.
#include <algorithm>
#include <cstdio>

#include "control/cli/choice.h"
#include "control/cli/event_table.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

struct Options {
  Selection selection;
  std::vector<std::string> by;
  std::string metric = "endings";
  uint32_t limit = 20;
  bool compare = false;
};

std::string value_text(v1::Metric metric, double value) {
  if (metric == v1::METRIC_LOST_BYTES) return bytes_text(value < 0 ? 0 : static_cast<uint64_t>(value));
  if (metric != v1::METRIC_PER_1000_CONNECTIONS) return grouped(value < 0 ? 0 : static_cast<uint64_t>(value + 0.5));
  std::string out;
  append_decimal(out, value);
  return out;
}

void append_json(std::string& out, const v1::TopRow& row, const std::vector<std::string>& by) {
  out += '{';
  for (size_t i = 0; i < by.size() && static_cast<int>(i) < row.keys_size(); ++i) {
    out.append("\"").append(by[i]).append("\":");
    append_json_string(out, row.keys(static_cast<int>(i)));
    out += ',';
  }
  out += "\"value\":";
  append_decimal(out, row.value());
  out += ",\"share\":";
  append_decimal(out, row.share());
  out.append(",\"top_cause\":\"").append(word(row.top_cause()));
  out.append("\",\"top_origin\":\"").append(word(row.top_origin())).append("\",\"last_seen\":");
  if (row.has_last_seen()) {
    out += '"';
    append_rfc3339(out, row.last_seen());
    out += '"';
  } else {
    out += "null";
  }
  if (row.has_before()) {
    const auto before = [&](std::string_view name, bool known, double value) {
      out.append(",\"").append(name).append("\":");
      if (known)
        append_decimal(out, value);
      else
        out += "null";
    };
    before("yesterday", row.before().has_yesterday(), row.before().yesterday());
    before("last_week", row.before().has_last_week(), row.before().last_week());
  }
  out += "}\n";
}

// "12,345 (+20%)", "none", or "?" where nobody watched.
std::string before_text(v1::Metric metric, bool known, double before, double now) {
  if (!known) return "?";
  if (before <= 0) return "none";
  const double change = std::clamp((now / before - 1) * 100, -100.0, 99'999.0);
  char buffer[24];
  std::snprintf(buffer, sizeof buffer, " (%+.0f%%)", change);
  return value_text(metric, before) + buffer;
}

void append_csv_row(std::string& out, const v1::TopRow& row, bool compare) {
  for (const std::string& key : row.keys()) {
    append_csv(out, key);
    out += ',';
  }
  append_decimal(out, row.value());
  out += ',';
  append_decimal(out, row.share());
  out.append(",").append(word(row.top_cause())).append(",").append(word(row.top_origin())).append(",");
  if (row.has_last_seen()) append_rfc3339(out, row.last_seen());
  if (compare) {
    out += ',';
    if (row.before().has_yesterday()) append_decimal(out, row.before().yesterday());
    out += ',';
    if (row.before().has_last_week()) append_decimal(out, row.before().last_week());
  }
  out += '\n';
}

void append_table(std::string& out, const v1::TopResponse& response, const Options& options, v1::Metric metric,
                  const Style& style) {
  std::vector<Column> columns;
  for (const std::string& dimension : options.by) columns.push_back({dimension, false, 12});
  columns.insert(columns.end(),
                 {{options.metric, true}, {"share", true}, {"mostly", false, 10}, {"by"}, {"last (UTC)"}});
  if (options.compare) columns.insert(columns.end(), {{"yesterday", true}, {"last week", true}});
  Table table(std::move(columns), style);
  for (const v1::TopRow& row : response.rows()) {
    std::vector<Cell> cells;
    for (size_t i = 0; i < options.by.size(); ++i)
      cells.push_back({static_cast<int>(i) < row.keys_size() ? row.keys(static_cast<int>(i)) : ""});
    cells.insert(cells.end(), {{value_text(metric, row.value())},
                               {percent(row.share())},
                               {std::string(word(row.top_cause()))},
                               {std::string(word(row.top_origin()))},
                               {row.has_last_seen() ? when_text(row.last_seen()).substr(0, 19) : "", Paint::kDim}});
    const v1::Before& before = row.before();
    if (options.compare)
      cells.insert(cells.end(), {{before_text(metric, before.has_yesterday(), before.yesterday(), row.value())},
                                 {before_text(metric, before.has_last_week(), before.last_week(), row.value())}});
    table.add(std::move(cells));
  }
  table.render(out);
}

int run(const Options& options, Session& session) {
  v1::TopRequest request;
  if (options.by.size() > 2) return session.fail({Code::kInvalid, "--by: two dimensions at most"});
  for (const std::string& text : options.by) {
    auto dimension = parse_choice<v1::Dimension>("--by", text);
    if (!dimension) return session.fail(dimension.error());
    request.add_by(*dimension);
  }
  auto metric = parse_choice<v1::Metric>("--metric", options.metric);
  if (!metric) return session.fail(metric.error());
  request.set_metric(*metric);
  request.set_limit(options.limit);
  request.set_compare(options.compare);
  request.set_include_benign(options.selection.benign);
  auto filter = resolve(options.selection, session.now, request.mutable_range());
  if (!filter) return session.fail(filter.error());
  request.set_filter(*filter);

  Client client = session.connect();
  v1::TopResponse response;
  if (auto done = client.call(&Client::Stub::Top, request, &response); !done) return session.fail(done.error());
  std::string& out = session.out.buffer();
  if (session.format == Format::kJson) {
    for (const v1::TopRow& row : response.rows()) append_json(out, row, options.by);
  } else if (session.format == Format::kCsv) {
    for (const std::string& dimension : options.by) out.append(dimension).append(",");
    out.append("value,share,top_cause,top_origin,last_seen").append(options.compare ? ",yesterday,last_week\n" : "\n");
    for (const v1::TopRow& row : response.rows()) append_csv_row(out, row, options.compare);
  } else if (response.rows_size() != 0) {
    append_table(out, response, options, *metric, session.style);
  }
  session.out.flush();
  if (response.rows_size() == 0) session.notes.note("No endings match.");
  if (response.other() > 0)
    session.notes.note("note: the rows not shown come to " + value_text(*metric, response.other()) +
                       "; --limit shows more.");
  say_completeness(session, response.completeness());
  return kDone;
}

}  // namespace

void add_top(Commands& commands) {
  CLI::App* top = commands.app.add_subcommand("top", "what ends most, by service, cause, client network ...");
  auto options = std::make_shared<Options>();
  options->by = {"service"};
  top->add_option("--by", options->by, "one or two of: " + choices<v1::Dimension>() + " (default: service)")
      ->type_name("DIM[,DIM]")
      ->delimiter(',')
      ->allow_extra_args(false);
  top->add_option("--metric", options->metric, "one of: " + choices<v1::Metric>())
      ->type_name("METRIC")
      ->capture_default_str();
  top->add_option("--limit", options->limit, "rows")
      ->type_name("N")
      ->check(CLI::Range(1, 1000).description(""))
      ->capture_default_str();
  top->add_flag("--compare", options->compare, "beside the same hours of yesterday and last week; needs --since");
  add_filter_flags(*top, options->selection);
  add_time_flags(*top, options->selection);
  top->footer(
      "Examples:\n"
      "  resetscope top --by service --since 1h\n"
      "  resetscope top --by service,cause --severity problem --metric per_1000_connections\n"
      "  resetscope top --by service --since 1h --compare\n"
      "  resetscope top --by client_network --cause connect_cancel --since 24h");
  top->callback(
      [&commands, options] { commands.run = [options](Session& session) { return run(*options, session); }; });
}

}  // namespace rs::cli
