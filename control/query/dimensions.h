// SPDX-License-Identifier: Apache-2.0
//
// Dimensions and metrics of query.proto: which the store can group by, and how their keys read. Pure, any thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>

#include "control/store/store.h"
#include "proto/query.pb.h"
#include "proto/result.h"

namespace rs::query {

namespace v1 = resetscope::v1;

Result<store::Dimension> dimension_of(v1::Dimension dimension);

// METRIC_PER_1000_CONNECTIONS gives kEndings: the division is the caller's.
store::Metric metric_of(v1::Metric metric);

// "10.0.2.9:443", "10.0.2.0/24", "port_closed", "2026-11-21T10:00:00Z", "300s" ...
std::string key_text(store::Dimension dimension, const store::Key& key);

}  // namespace rs::query
