// SPDX-License-Identifier: Apache-2.0
//
// Dimensions and metrics of query.proto: which the store can group by, how their keys read, and in what order they
// stand. Pure, any thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>
#include <vector>

#include "control/model/names.h"
#include "control/store/store.h"
#include "proto/query.pb.h"
#include "proto/result.h"

namespace rs::query {

namespace v1 = resetscope::v1;

// A dimension as asked for, and what the store groups by for it: sites are made of server addresses here.
struct Axis {
  v1::Dimension asked = v1::DIMENSION_UNSPECIFIED;
  store::Dimension stored = store::Dimension::kService;
};
Result<Axis> axis_of(v1::Dimension dimension);

// METRIC_PER_1000_CONNECTIONS gives kEndings: the division is the caller's.
store::Metric metric_of(v1::Metric metric);

// The key of the axis that the store's key belongs to.
store::Key key_of(const Axis& axis, const store::Key& stored, const model::Names& names);
// Turns the store's groups into groups of the axes: those that become one are added up.
void regroup(const std::vector<Axis>& axes, const model::Names& names, std::vector<store::Group>& groups);

// "10.0.2.9:443", "payments-db @ fra1 (10.0.2.9:5432)", "10.0.2.0/24", "port_closed", "2026-11-21T10:00:00Z", "300s".
std::string key_text(const Axis& axis, const store::Key& key, const model::Names& names);

// Keys have an order of their own (time, idle time, stage, severity): lists of them are not ranked by size.
bool has_order(const Axis& axis);

}  // namespace rs::query
