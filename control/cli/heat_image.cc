// SPDX-License-Identifier: Apache-2.0
#include "control/cli/heat_image.h"

#include <cairo-svg.h>
#include <cairo.h>

#include <algorithm>
#include <array>
#include <memory>

#include "control/cli/text.h"

namespace rs::cli {
namespace {

struct Rgb {
  double r, g, b;
};
// Eight steps from dark blue to yellow, each brighter than the one before (after the cividis map).
constexpr std::array<Rgb, HeatScale::kLevels> kColors = {{{0.00, 0.14, 0.31},
                                                          {0.17, 0.25, 0.44},
                                                          {0.32, 0.36, 0.43},
                                                          {0.44, 0.46, 0.46},
                                                          {0.56, 0.55, 0.46},
                                                          {0.69, 0.65, 0.43},
                                                          {0.83, 0.76, 0.36},
                                                          {1.00, 0.91, 0.27}}};
constexpr Rgb kPaper = {1, 1, 1}, kInk = {0.13, 0.13, 0.13}, kNothing = {0.93, 0.93, 0.93}, kHatch = {0.62, 0.62, 0.62},
              kWarn = {0.84, 0.15, 0.16};

// Lengths are points of the SVG and pixels of the PNG.
constexpr double kCellHeight = 18, kGap = 1, kMargin = 16, kFont = 11, kTitleFont = 14, kLine = 18;
constexpr double kLeastCell = 8, kMostCell = 40, kWantedWidth = 720;
constexpr size_t kMostLabel = 48;  // characters

struct SurfaceDone {
  void operator()(cairo_surface_t* s) const { cairo_surface_destroy(s); }
};
struct ContextDone {
  void operator()(cairo_t* c) const { cairo_destroy(c); }
};
using Surface = std::unique_ptr<cairo_surface_t, SurfaceDone>;
using Context = std::unique_ptr<cairo_t, ContextDone>;

struct Layout {
  double cell_width = 0, left = 0, top = 0, width = 0, height = 0;
  bool slanted = false;  // labels under the columns need it
};

void set(cairo_t* c, const Rgb& color) { cairo_set_source_rgb(c, color.r, color.g, color.b); }

double text_width(cairo_t* c, const std::string& text) {
  cairo_text_extents_t size;
  cairo_text_extents(c, text.c_str(), &size);
  return size.x_advance;
}

void write(cairo_t* c, double x, double y, const std::string& text) {
  cairo_move_to(c, x, y);
  cairo_show_text(c, text.c_str());
}

// A surface only to measure text with.
Context measure() {
  const Surface surface(cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1));
  Context c(cairo_create(surface.get()));
  cairo_select_font_face(c.get(), "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(c.get(), kFont);
  return c;
}

std::string short_label(const std::string& text) { return fitted(printable(text), kMostLabel); }

Layout layout_of(const HeatImage& image, cairo_t* c) {
  Layout l;
  const auto columns = static_cast<double>(std::max<size_t>(image.columns.size(), 1));
  l.cell_width = std::clamp(kWantedWidth / columns, kLeastCell, kMostCell);
  double label = 0;
  for (const std::string& row : image.rows) label = std::max(label, text_width(c, short_label(row)));
  l.left = kMargin + label + 8;
  l.top = kMargin + kTitleFont + 12;
  double below = kLine;
  double beyond = 0;
  for (size_t i = 0; i < image.ticks.size(); ++i) {
    const double width = text_width(c, short_label(image.ticks[i]));
    if (width > l.cell_width && i + 1 < image.ticks.size() && !image.ticks[i + 1].empty()) l.slanted = true;
  }
  if (l.slanted)
    for (const std::string& tick : image.ticks)
      below = std::max(below, text_width(c, short_label(tick)) * 0.72 + kLine);
  for (const std::string& tick : image.ticks) beyond = std::max(beyond, text_width(c, short_label(tick)));
  double legend = text_width(c, image.metric) + 16;
  for (const HeatImage::Legend& one : image.legend) legend += 18 + text_width(c, one.text) + 14;
  const double grid = columns * l.cell_width + (l.slanted ? beyond * 0.72 : beyond);
  const double title = text_width(c, image.title) * kTitleFont / kFont;
  l.width = std::max({l.left + grid, legend + kMargin, title + kMargin}) + kMargin;
  l.height = l.top + static_cast<double>(image.rows.size()) * kCellHeight + below + 2 * kLine + 3 * kLine + kMargin;
  return l;
}

void hatch(cairo_t* c, double x, double y, double width, double height) {
  cairo_save(c);
  cairo_rectangle(c, x, y, width, height);
  cairo_clip(c);
  set(c, kHatch);
  cairo_set_line_width(c, 1);
  for (double at = -height; at < width; at += 5) {
    cairo_move_to(c, x + at, y + height);
    cairo_line_to(c, x + at + height, y);
  }
  cairo_stroke(c);
  cairo_restore(c);
}

// Levels spread over all colours however few there are, as in the terminal.
const Rgb& color_of(size_t level, size_t levels) {
  if (level == 0) return kNothing;
  return kColors[levels <= 1 ? kColors.size() - 1 : (level - 1) * (kColors.size() - 1) / (levels - 1)];
}

void draw_cell(cairo_t* c, const HeatImage::Cell& cell, const HeatScale& scale, double x, double y, double width) {
  const double height = kCellHeight - kGap;
  if (!cell.watched) return hatch(c, x, y, width, height);
  set(c, color_of(scale.level(cell.value), scale.levels()));
  cairo_rectangle(c, x, y, width, height);
  cairo_fill(c);
  if (!cell.incomplete) return;
  set(c, kWarn);
  cairo_move_to(c, x + width, y);
  cairo_line_to(c, x + width, y + 7);
  cairo_line_to(c, x + width - 7, y);
  cairo_fill(c);
}

void draw_legend(cairo_t* c, const HeatImage& image, const HeatScale& scale, double y) {
  constexpr double kBox = 12;
  double x = kMargin;
  set(c, kInk);
  write(c, x, y, image.metric);
  x += text_width(c, image.metric) + 16;
  const auto entry = [&](const HeatImage::Cell& cell, const std::string& text, size_t level) {
    if (cell.watched) {
      set(c, color_of(level, scale.levels()));
      cairo_rectangle(c, x, y - kBox + 2, kBox, kBox);
      cairo_fill(c);
    } else {
      hatch(c, x, y - kBox + 2, kBox, kBox);
    }
    if (cell.incomplete) {
      set(c, kWarn);
      cairo_move_to(c, x + kBox, y - kBox + 2);
      cairo_line_to(c, x + kBox, y - kBox + 9);
      cairo_line_to(c, x + kBox - 7, y - kBox + 2);
      cairo_fill(c);
    }
    set(c, kInk);
    write(c, x + kBox + 6, y, text);
    x += kBox + 6 + text_width(c, text) + 14;
  };
  for (const HeatImage::Legend& one : image.legend) entry({true, false, 0}, one.text, one.level);
  x = kMargin;
  y += kLine;
  entry({true, false, 0}, "nothing ended", 0);
  entry({true, true, 0}, "not all was seen", 0);
  entry({false, false, 0}, "nobody watched", 0);
}

void draw(cairo_t* c, const HeatImage& image, const HeatScale& scale, const Layout& l) {
  set(c, kPaper);
  cairo_paint(c);
  cairo_select_font_face(c, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(c, kTitleFont);
  set(c, kInk);
  write(c, kMargin, kMargin + kTitleFont, image.title);
  cairo_set_font_size(c, kFont);
  for (size_t row = 0; row < image.rows.size(); ++row) {
    const double y = l.top + static_cast<double>(row) * kCellHeight;
    const std::string label = short_label(image.rows[row]);
    set(c, kInk);
    write(c, l.left - 8 - text_width(c, label), y + kCellHeight - 6, label);
    for (size_t column = 0; column < image.columns.size(); ++column)
      draw_cell(c, image.cells[row * image.columns.size() + column], scale,
                l.left + static_cast<double>(column) * l.cell_width, y, l.cell_width - kGap);
  }
  const double under = l.top + static_cast<double>(image.rows.size()) * kCellHeight;
  set(c, kInk);
  double free_from = 0;
  for (size_t i = 0; i < image.ticks.size(); ++i) {
    const std::string tick = short_label(image.ticks[i]);
    const double x = l.left + static_cast<double>(i) * l.cell_width;
    if (tick.empty() || (!l.slanted && x < free_from)) continue;
    free_from = x + text_width(c, tick) + 8;
    cairo_save(c);
    cairo_translate(c, x + 2, under + (l.slanted ? 8 : 14));
    if (l.slanted) cairo_rotate(c, 0.78);
    write(c, 0, 0, tick);
    cairo_restore(c);
  }
  draw_legend(c, image, scale, l.height - kMargin - kLine);
}

Result<void> written(cairo_status_t status, const std::string& path) {
  if (status == CAIRO_STATUS_SUCCESS) return {};
  return Error{Code::kPermission, path + ": cannot write the picture: " + cairo_status_to_string(status)};
}

}  // namespace

Result<void> write_svg(const HeatImage& image, const HeatScale& scale, const std::string& path) {
  const Layout layout = layout_of(image, measure().get());
  const Surface surface(cairo_svg_surface_create(path.c_str(), layout.width, layout.height));
  const Context c(cairo_create(surface.get()));
  draw(c.get(), image, scale, layout);
  cairo_surface_finish(surface.get());
  const cairo_status_t drawn = cairo_status(c.get());
  return written(drawn != CAIRO_STATUS_SUCCESS ? drawn : cairo_surface_status(surface.get()), path);
}

Result<void> write_png(const HeatImage& image, const HeatScale& scale, const std::string& path) {
  const Layout layout = layout_of(image, measure().get());
  const Surface surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(layout.width), static_cast<int>(layout.height)));
  const Context c(cairo_create(surface.get()));
  draw(c.get(), image, scale, layout);
  const cairo_status_t drawn = cairo_status(c.get());
  return written(drawn != CAIRO_STATUS_SUCCESS ? drawn : cairo_surface_write_to_png(surface.get(), path.c_str()), path);
}

}  // namespace rs::cli
