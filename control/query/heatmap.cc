// SPDX-License-Identifier: Apache-2.0
//
// Heatmap: a grid of any two dimensions. A cell that nobody watched is absent, one that was watched with a gap is
// marked; loss is never drawn as zero.
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <vector>

#include "control/query/calls.h"
#include "control/query/dimensions.h"
#include "control/query/encode.h"
#include "control/query/rates.h"
#include "control/query/steps.h"

namespace rs::query {
namespace {

constexpr size_t kDefaultTimeLines = 60;
constexpr size_t kDefaultLines = 20;
constexpr size_t kMostLines = 400;

// One side of the grid: which key stands on which line.
struct Side {
  Axis axis;
  std::vector<store::Key> keys;  // by line, without "other"
  std::map<store::Key, size_t> line;
  bool other = false;

  void add(const store::Key& key) {
    line.emplace(key, keys.size());
    keys.push_back(key);
  }
  [[nodiscard]] size_t lines() const { return keys.size() + (other ? 1 : 0); }
  // Empty: on no line.
  [[nodiscard]] std::optional<size_t> of(const store::Key& key) const {
    if (const auto found = line.find(key); found != line.end()) return found->second;
    if (other) return keys.size();
    return std::nullopt;
  }
};

// The `limit` greatest keys; in their own order where they have one.
Side ranked_side(const Axis& axis, size_t at, const std::vector<store::Group>& groups, size_t limit, bool adds_up) {
  std::map<store::Key, double> totals;
  for (const store::Group& group : groups) totals[group.keys[at]] += group.value;
  std::vector<std::pair<double, store::Key>> ranked;
  for (const auto& [key, total] : totals)
    if (total > 0) ranked.emplace_back(-total, key);
  std::ranges::sort(ranked);
  Side side{axis, {}, {}, false};
  // The line "other" takes the place of one.
  const size_t shown = ranked.size() <= limit ? ranked.size() : adds_up ? limit - 1 : limit;
  side.other = adds_up && shown < ranked.size();
  std::vector<store::Key> keys;
  for (size_t i = 0; i < shown; ++i) keys.push_back(ranked[i].second);
  if (has_order(axis)) std::ranges::sort(keys);
  for (const store::Key& key : keys) side.add(key);
  return side;
}

Side time_side(const Axis& axis, const store::TimeRange& range, uint64_t step_ns) {
  Side side{axis, {}, {}, false};
  for (uint64_t at = range.since_ns - range.since_ns % step_ns; at < range.until_ns; at += step_ns) {
    store::Key key;
    key.number = at;
    side.add(key);
  }
  return side;
}

// What is known about a cell besides its value.
struct Sight {
  bool watched = true;
  bool incomplete = false;
};

// By time step (one when time is no dimension), and by sensor when that is the other dimension.
class Sights {
 public:
  // `step_ns` 0: the whole range is one step.
  static Result<Sights> read(const Parts& parts, const store::TimeRange& range, uint64_t step_ns,
                             const store::Patience& patience) {
    auto sensors = parts.store.watched(range, step_ns, patience);
    if (!sensors) return sensors.error();
    Sights out;
    out.sensors_ = std::move(*sensors);
    out.start_ns_ = step_ns > 0 ? range.since_ns - range.since_ns % step_ns : range.since_ns;
    out.step_ns_ = step_ns > 0 ? step_ns : range.until_ns - range.since_ns;
    return out;
  }

  // `sensor` empty: all of them.
  [[nodiscard]] Sight at(size_t step, const std::string& sensor) const {
    Sight sight{sensors_.empty(), false};  // without any sensor there is nobody who could have been blind
    const uint64_t from = start_ns_ + step * step_ns_;
    for (const store::Watched& one : sensors_) {
      if (!sensor.empty() && one.sensor != sensor) continue;
      if (step >= one.steps.size()) continue;
      const store::WatchedStep& seen = one.steps[step];
      sight.watched |= seen.watching;
      sight.incomplete |= seen.missed_pkts > 0 || seen.lost_events > 0;
      // Silent between its first packet and its last, or since then without having said goodbye.
      const bool expected = one.first_ns < from + step_ns_ && (!one.ended || one.last_ns >= from);
      sight.incomplete |= expected && !seen.watching;
    }
    return sight;
  }

 private:
  std::vector<store::Watched> sensors_;
  uint64_t start_ns_ = 0;
  uint64_t step_ns_ = 1;
};

struct Plan {
  std::array<Axis, 2> axes;
  std::array<size_t, 2> limits;
  store::TimeRange range;
  uint64_t step_ns = 0;  // of the time axis, else 0
  bool rate = false;
};

Result<Plan> plan_of(const Parts& parts, const v1::HeatmapRequest& in) {
  Plan plan;
  const std::array<std::pair<v1::Dimension, uint32_t>, 2> asked = {{{in.x(), in.columns()}, {in.y(), in.rows()}}};
  if (in.x() == in.y()) return Error{Code::kInvalid, "x and y: two different dimensions"};
  for (size_t i = 0; i < 2; ++i) {
    const auto axis = axis_of(asked[i].first);
    if (!axis) return Error{axis.error().code, (i == 0 ? "x: " : "y: ") + axis.error().text};
    plan.axes[i] = *axis;
    const bool time = axis->stored == store::Dimension::kTime;
    const auto limit =
        limit_of(asked[i].second, time ? kDefaultTimeLines : kDefaultLines, kMostLines, i == 0 ? "columns" : "rows");
    if (!limit) return limit.error();
    plan.limits[i] = std::max<size_t>(*limit, 2);
  }
  const auto range = range_of(in.range());
  if (!range) return range.error();
  const auto until = closed(parts, *range);
  if (!until) return until.error();
  plan.range = *until;
  for (size_t i = 0; i < 2; ++i)
    if (plan.axes[i].stored == store::Dimension::kTime) plan.step_ns = step_for(plan.range, plan.limits[i]);
  plan.rate = in.metric() == v1::METRIC_PER_1000_CONNECTIONS;
  return plan;
}

struct Grid {
  std::array<Side, 2> sides;
  std::vector<double> values;  // by line of y, then x; negative: no data
  double other = 0;
  double total = 0;
  size_t uncounted = 0;  // groups whose connections nobody counted
};

Grid grid_of(const Plan& plan, const std::vector<store::Group>& groups, const Denominators* connections) {
  Grid grid;
  for (size_t i = 0; i < 2; ++i) {
    const bool time = plan.axes[i].stored == store::Dimension::kTime;
    grid.sides[i] = time ? time_side(plan.axes[i], plan.range, plan.step_ns)
                         : ranked_side(plan.axes[i], i, groups, plan.limits[i], !plan.rate);
  }
  const auto& [x, y] = grid.sides;
  grid.values.assign(x.lines() * y.lines(), 0);
  std::vector<bool> counted(grid.values.size());
  for (const store::Group& group : groups) {
    grid.total += group.value;
    const auto column = x.of(group.keys[0]);
    const auto row = y.of(group.keys[1]);
    if (!column || !row) continue;
    if (*column == x.keys.size() || *row == y.keys.size()) grid.other += group.value;
    const size_t cell = *row * x.lines() + *column;
    if (connections == nullptr) {
      grid.values[cell] += group.value;
    } else if (const auto attempted = connections->of(group.keys)) {
      grid.values[cell] += group.value * 1000 / *attempted;
    } else {
      ++grid.uncounted;
    }
  }
  if (connections == nullptr) return grid;
  grid.total = connections->total() > 0 ? grid.total * 1000 / connections->total() : 0;
  for (size_t row = 0; row < y.keys.size(); ++row)
    for (size_t column = 0; column < x.keys.size(); ++column)
      if (!connections->of({x.keys[column], y.keys[row]})) grid.values[row * x.lines() + column] = -1;
  return grid;
}

void write_cells(const Plan& plan, const Grid& grid, const Sights& sights, v1::HeatmapResponse& out) {
  const auto& [x, y] = grid.sides;
  out.mutable_cells()->Reserve(static_cast<int>(grid.values.size()));
  for (size_t row = 0; row < y.lines(); ++row)
    for (size_t column = 0; column < x.lines(); ++column) {
      const std::array<size_t, 2> lines = {column, row};
      size_t step = 0;
      std::string sensor;
      for (size_t i = 0; i < 2; ++i) {
        if (plan.axes[i].stored == store::Dimension::kTime) step = lines[i];
        if (plan.axes[i].stored == store::Dimension::kSensor && lines[i] < grid.sides[i].keys.size())
          sensor = grid.sides[i].keys[lines[i]].text;
      }
      const Sight sight = sights.at(step, sensor);
      const double value = grid.values[row * x.lines() + column];
      if (value < 0 || (value == 0 && !sight.watched)) continue;
      v1::HeatmapCell& cell = *out.add_cells();
      cell.set_x(static_cast<uint32_t>(column));
      cell.set_y(static_cast<uint32_t>(row));
      cell.set_value(value);
      cell.set_incomplete(sight.incomplete || !sight.watched);
    }
}

}  // namespace

grpc::Status heatmap(const Parts& parts, grpc::ServerContext& context, const v1::HeatmapRequest& in,
                     v1::HeatmapResponse& out) {
  const auto filter = wanted(parts, in.filter(), in.include_benign());
  if (!filter) return status_of(filter.error(), context);
  const auto plan = plan_of(parts, in);
  if (!plan) return status_of(plan.error(), context);
  const auto names = parts.names.get();
  const store::Patience patience = patience_of(context);

  store::AggregateQuery query;
  query.filter = filter->applied;
  query.range = plan->range;
  query.by = {plan->axes[0].stored, plan->axes[1].stored};
  query.metric = metric_of(in.metric());
  query.step_ns = plan->step_ns;
  query.with_top = false;
  auto groups = parts.store.aggregate(query, patience);
  if (!groups) return status_of(groups.error(), context);
  const std::vector<Axis> axes(plan->axes.begin(), plan->axes.end());
  regroup(axes, *names, *groups);
  std::optional<Denominators> connections;
  if (plan->rate) {
    auto read = Denominators::read(parts, axes, query.filter, plan->range, plan->step_ns, patience, *names);
    if (!read) return status_of(read.error(), context);
    connections = std::move(*read);
  }
  const auto sights = Sights::read(parts, plan->range, plan->step_ns, patience);
  if (!sights) return status_of(sights.error(), context);

  const Grid grid = grid_of(*plan, *groups, connections ? &*connections : nullptr);
  for (const store::Key& key : grid.sides[0].keys) out.add_x_labels(key_text(axes[0], key, *names));
  for (const store::Key& key : grid.sides[1].keys) out.add_y_labels(key_text(axes[1], key, *names));
  if (grid.sides[0].other) out.add_x_labels("other");
  if (grid.sides[1].other) out.add_y_labels("other");
  out.set_x_other(grid.sides[0].other);
  out.set_y_other(grid.sides[1].other);
  out.set_other(grid.other);
  out.set_total(grid.total);
  if (plan->step_ns > 0) {
    encode_time(plan->range.since_ns - plan->range.since_ns % plan->step_ns, *out.mutable_start());
    encode_duration(static_cast<int64_t>(plan->step_ns), *out.mutable_step());
  }
  write_cells(*plan, grid, *sights, out);
  if (grid.uncounted > 0)
    out.mutable_completeness()->add_notes(
        "cells are left out where no sensor reported how many connections there were");
  if (connections && !connections->caveat().empty()) out.mutable_completeness()->add_notes(connections->caveat());
  if (auto done = complete(parts, plan->range, &*filter, patience, *out.mutable_completeness()); !done)
    return status_of(done.error(), context);
  return grpc::Status::OK;
}

}  // namespace rs::query
