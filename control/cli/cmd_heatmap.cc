// SPDX-License-Identifier: Apache-2.0
//
// `resetscope heatmap`: two dimensions at a glance, drawn in the terminal.
#include <algorithm>
#include <cmath>

#include "control/cli/choice.h"
#include "control/cli/event_table.h"
#include "control/cli/heat.h"
#include "control/cli/heat_image.h"
#include "control/cli/text.h"

namespace rs::cli {
namespace {

struct Options {
  Selection selection;
  std::string x = "time";
  std::string y = "service";
  std::string metric = "endings";
  uint32_t columns = 0;
  uint32_t rows = 20;
  std::string svg;  // files; empty: none
  std::string png;
};

constexpr size_t kMostLabel = 34, kLeastLabel = 8;
constexpr size_t kDefaultColumns = 60;
constexpr uint32_t kMostLines = 400;  // query.proto, HeatmapRequest

const v1::HeatmapCell* const kNoCell = nullptr;

// The cells by place: absent ones are null.
std::vector<const v1::HeatmapCell*> grid_of(const v1::HeatmapResponse& map) {
  const auto columns = static_cast<size_t>(map.x_labels_size()), rows = static_cast<size_t>(map.y_labels_size());
  std::vector<const v1::HeatmapCell*> grid(columns * rows, kNoCell);
  for (const v1::HeatmapCell& cell : map.cells())
    if (cell.x() < columns && cell.y() < rows) grid[cell.y() * columns + cell.x()] = &cell;
  return grid;
}

// "10:00" within a day, "11-21" beyond one.
std::string tick_text(const std::string& label, bool days) {
  if (label.size() < 19) return label;
  return days ? label.substr(5, 5) : label.substr(11, 5);
}

// The times under the grid, as many as have room.
void append_time_axis(std::string& out, const v1::HeatmapResponse& map, size_t indent, size_t cell_width) {
  const auto columns = static_cast<size_t>(map.x_labels_size());
  if (columns == 0) return;
  const bool days = map.step().seconds() * static_cast<int64_t>(columns) > 2 * 86400;
  std::string line(indent, ' ');
  for (size_t i = 0; i < columns; ++i) {
    const size_t at = indent + i * cell_width;
    const std::string text = tick_text(map.x_labels(static_cast<int>(i)), days);
    if (at < line.size() + (line.size() > indent ? 2 : 0)) continue;
    if (at + text.size() > indent + columns * cell_width && i != 0) break;
    line.append(at - line.size(), ' ').append(text);
  }
  out += line + "\n";
}

// A letter a column, and below what the letters mean.
std::string letter(size_t i) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  return std::string(1, kLetters[i % kLetters.size()]);
}

void append_letters(std::string& out, const v1::HeatmapResponse& map, size_t indent, size_t cell_width,
                    const Style& style) {
  out.append(indent, ' ');
  for (int i = 0; i < map.x_labels_size(); ++i) out.append(letter(static_cast<size_t>(i))).append(cell_width - 1, ' ');
  while (out.back() == ' ') out.pop_back();
  out += "\n\n";
  std::string key;
  for (int i = 0; i < map.x_labels_size(); ++i)
    key.append(i == 0 ? "" : "  ").append(letter(static_cast<size_t>(i))).append("=").append(map.x_labels(i));
  append_wrapped(out, key, 0, style);
}

std::string value_text(v1::Metric metric, double value) {
  if (metric == v1::METRIC_LOST_BYTES) return bytes_text(static_cast<uint64_t>(value));
  if (metric != v1::METRIC_PER_1000_CONNECTIONS) return grouped(static_cast<uint64_t>(std::lround(value)));
  std::string out;
  append_decimal(out, value < 10 ? std::round(value * 100) / 100 : std::round(value));
  return out;
}

// "10–99"
std::string level_text(const HeatScale& scale, size_t level, v1::Metric metric, bool unicode) {
  const std::string from = value_text(metric, scale.least(level)), to = value_text(metric, scale.bound(level));
  return from == to ? to : from + (unicode ? "–" : "-") + to;
}

// From the same scale that drew the cells.
void append_legend(std::string& out, const HeatScale& scale, v1::Metric metric, const std::string& name, bool gaps,
                   bool blind, const Style& style) {
  std::string line = name + ":";
  if (scale.levels() == 0) line += " none";
  size_t width = display_width(line);
  const auto add = [&](const std::string& mark, const std::string& text) {
    const size_t more = 2 + 1 + 1 + display_width(text);
    if (style.width != 0 && width + more > style.width) {
      out += line + "\n";
      line.clear();
      width = 0;
    }
    line.append(width == 0 ? "  " : "  ").append(mark).append(" ").append(text);
    width += more;
  };
  for (size_t level = 1; level <= scale.levels(); ++level)
    add(scale.mark(level, style), level_text(scale, level, metric, style.unicode));
  add(scale.mark(0, style), "nothing ended");
  if (gaps) add(std::string(incomplete_mark()), "not all was seen");
  if (blind) add(no_data_mark(style), "no data");
  out += line + "\n";
}

void append_map(std::string& out, const v1::HeatmapResponse& map, const Options& options, v1::Metric metric,
                const Style& style) {
  const auto columns = static_cast<size_t>(map.x_labels_size()), rows = static_cast<size_t>(map.y_labels_size());
  const auto grid = grid_of(map);
  std::vector<double> values;
  bool gaps = false, blind = false;
  for (const v1::HeatmapCell* cell : grid) {
    blind |= cell == kNoCell;
    if (cell == kNoCell) continue;
    values.push_back(cell->value());
    gaps |= cell->incomplete();
  }
  const HeatScale scale(values, metric != v1::METRIC_PER_1000_CONNECTIONS);

  size_t label = 0;
  for (const std::string& text : map.y_labels()) label = std::max(label, display_width(printable(text)));
  label = std::clamp(label, kLeastLabel, kMostLabel);
  const bool time = options.x == "time";
  // A cell has room for the sign of a gap beside it where the terminal has; the gap always goes before the value.
  const size_t room = style.width == 0 ? kDefaultColumns * 2 : style.width - std::min(style.width, label + 1);
  const size_t cell_width = time ? (columns * 2 <= room && gaps ? 2 : 1) : columns * 3 <= room ? 3 : 2;
  if (!time) append_letters(out, map, label + 1, cell_width, style);
  for (size_t row = 0; row < rows; ++row) {
    const std::string text = fitted(printable(map.y_labels(static_cast<int>(row))), label);
    out += text;
    out.append(label - std::min(label, display_width(text)) + 1, ' ');
    for (size_t column = 0; column < columns; ++column) {
      const v1::HeatmapCell* cell = grid[row * columns + column];
      const bool gap = cell != kNoCell && cell->incomplete();
      if (cell == kNoCell)
        out += no_data_mark(style);
      else if (gap && cell_width == 1 && cell->value() == 0)
        out += incomplete_mark();  // "nothing" is the least certain of all
      else
        out += scale.mark(scale.level(cell->value()), style);
      if (cell_width > 1) out += gap ? incomplete_mark() : " ";
      if (cell_width > 2) out += ' ';
    }
    while (out.back() == ' ') out.pop_back();
    out += '\n';
  }
  if (time) append_time_axis(out, map, label + 1, cell_width);
  out += '\n';
  append_legend(out, scale, metric, options.metric, gaps, blind, style);
}

Result<void> write_images(const v1::HeatmapResponse& map, const Options& options, v1::Metric metric,
                          const Style& style) {
  HeatImage image;
  image.title = options.metric + " by " + options.x + " and " + options.y;
  if (map.has_start() && options.x == "time" && map.x_labels_size() > 0)
    image.title += ", " + map.x_labels(0) + " to " + map.x_labels(map.x_labels_size() - 1);
  const bool days = map.step().seconds() * map.x_labels_size() > 2 * 86400;
  for (const std::string& label : map.x_labels()) {
    image.columns.push_back(label);
    image.ticks.push_back(options.x == "time" ? tick_text(label, days) : label);
  }
  if (options.x == "time")  // as many as have room; the others are between them
    for (size_t i = 0; i < image.ticks.size(); ++i)
      if (i % std::max<size_t>(1, image.ticks.size() / 12) != 0) image.ticks[i].clear();
  image.rows.assign(map.y_labels().begin(), map.y_labels().end());
  std::vector<double> values;
  for (const v1::HeatmapCell* cell : grid_of(map)) {
    image.cells.push_back(cell == kNoCell ? HeatImage::Cell{}
                                          : HeatImage::Cell{true, cell->incomplete(), cell->value()});
    if (cell != kNoCell) values.push_back(cell->value());
  }
  const HeatScale scale(values, metric != v1::METRIC_PER_1000_CONNECTIONS);
  image.metric = options.metric + (scale.levels() == 0 ? ": none" : ":");
  for (size_t level = 1; level <= scale.levels(); ++level)
    image.legend.push_back({level, level_text(scale, level, metric, style.unicode)});
  if (!options.svg.empty())
    if (auto done = write_svg(image, scale, options.svg); !done) return done;
  return options.png.empty() ? Result<void>() : write_png(image, scale, options.png);
}

void append_json_cells(std::string& out, const v1::HeatmapResponse& map, const Options& options) {
  const auto columns = static_cast<size_t>(map.x_labels_size());
  const auto grid = grid_of(map);
  for (size_t i = 0; i < grid.size(); ++i) {
    out.append("{\"").append(options.x).append("\":");
    append_json_string(out, map.x_labels(static_cast<int>(i % columns)));
    out.append(",\"").append(options.y).append("\":");
    append_json_string(out, map.y_labels(static_cast<int>(i / columns)));
    out += ",\"value\":";
    if (grid[i] == kNoCell)
      out += "null";
    else
      append_decimal(out, grid[i]->value());
    out.append(",\"complete\":").append(grid[i] != kNoCell && !grid[i]->incomplete() ? "true" : "false");
    out += "}\n";
  }
}

void append_csv_cells(std::string& out, const v1::HeatmapResponse& map, const Options& options) {
  const auto columns = static_cast<size_t>(map.x_labels_size());
  const auto grid = grid_of(map);
  out.append(options.x).append(",").append(options.y).append(",value,complete\n");
  for (size_t i = 0; i < grid.size(); ++i) {
    append_csv(out, map.x_labels(static_cast<int>(i % columns)));
    out += ',';
    append_csv(out, map.y_labels(static_cast<int>(i / columns)));
    out += ',';
    if (grid[i] != kNoCell) append_decimal(out, grid[i]->value());
    out.append(grid[i] != kNoCell && !grid[i]->incomplete() ? ",true\n" : ",false\n");
  }
}

int run(const Options& options, Session& session) {
  v1::HeatmapRequest request;
  const auto x = parse_choice<v1::Dimension>("--x", options.x);
  if (!x) return session.fail(x.error());
  const auto y = parse_choice<v1::Dimension>("--y", options.y);
  if (!y) return session.fail(y.error());
  const auto metric = parse_choice<v1::Metric>("--metric", options.metric);
  if (!metric) return session.fail(metric.error());
  request.set_x(*x);
  request.set_y(*y);
  request.set_metric(*metric);
  request.set_rows(options.rows);
  uint32_t columns = options.columns;
  const bool drawn = session.format == Format::kTable || session.format == Format::kWide;
  if (columns == 0 && drawn && session.style.width != 0) {
    const size_t room = session.style.width - std::min(session.style.width, kMostLabel + 1);
    columns = static_cast<uint32_t>(std::clamp<size_t>(*x == v1::DIMENSION_TIME ? room : room / 2, 4, 120));
  }
  request.set_columns(columns);
  request.set_include_benign(options.selection.benign);
  auto filter = resolve(options.selection, session.now, request.mutable_range());
  if (!filter) return session.fail(filter.error());
  request.set_filter(*filter);

  Client client = session.connect();
  v1::HeatmapResponse response;
  if (auto done = client.call(&Client::Stub::Heatmap, request, &response); !done) return session.fail(done.error());
  std::string& out = session.out.buffer();
  const bool empty = response.x_labels_size() == 0 || response.y_labels_size() == 0;
  if (session.format == Format::kJson) {
    append_json_cells(out, response, options);
  } else if (session.format == Format::kCsv) {
    append_csv_cells(out, response, options);
  } else if (!empty && options.svg.empty() && options.png.empty()) {
    append_map(out, response, options, *metric, session.style);
  }
  session.out.flush();
  if (empty) session.notes.note("No endings match.");
  if (!empty && (!options.svg.empty() || !options.png.empty()))
    if (auto done = write_images(response, options, *metric, session.style); !done) return session.fail(done.error());
  if (response.other() > 0)
    session.notes.note("note: \"other\" stands for " + value_text(*metric, response.other()) + " of " +
                       value_text(*metric, response.total()) + "; --rows and --columns show more.");
  say_completeness(session, response.completeness());
  return kDone;
}

}  // namespace

void add_heatmap(Commands& commands) {
  CLI::App* heatmap = commands.app.add_subcommand("heatmap", "two dimensions at a glance: time and service, ...");
  auto options = std::make_shared<Options>();
  heatmap->add_option("--x", options->x, "across: " + choices<v1::Dimension>())
      ->type_name("DIM")
      ->capture_default_str();
  heatmap->add_option("--y", options->y, "down: the same")->type_name("DIM")->capture_default_str();
  heatmap->add_option("--metric", options->metric, "one of: " + choices<v1::Metric>())
      ->type_name("METRIC")
      ->capture_default_str();
  heatmap->add_option("--columns", options->columns, "at most; 0: as many as fit")
      ->type_name("N")
      ->check(CLI::Range(0U, kMostLines).description(""))
      ->capture_default_str();
  heatmap->add_option("--rows", options->rows, "at most; the last one is \"other\"")
      ->type_name("N")
      ->check(CLI::Range(2U, kMostLines).description(""))
      ->capture_default_str();
  heatmap->add_option("--svg", options->svg, "draw into this file instead of the terminal")->type_name("FILE");
  heatmap->add_option("--png", options->png, "likewise, as a PNG")->type_name("FILE");
  add_filter_flags(*heatmap, options->selection);
  add_time_flags(*heatmap, options->selection);
  heatmap->footer(
      "Height and colour of a block tell the value, in steps of equal ratio; the legend has their bounds. A cell that\n"
      "nobody watched is not drawn as nothing.\n"
      "\n"
      "Examples:\n"
      "  resetscope heatmap --since 24h\n"
      "  resetscope heatmap --x cause --y client_network --since 1h\n"
      "  resetscope heatmap --y service --metric per_1000_connections --since 7d\n"
      "  resetscope heatmap --since 24h --svg /tmp/today.svg");
  heatmap->callback(
      [&commands, options] { commands.run = [options](Session& session) { return run(*options, session); }; });
}

}  // namespace rs::cli
