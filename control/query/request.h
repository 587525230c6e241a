// SPDX-License-Identifier: Apache-2.0
//
// What the calls have in common: the parts they work with, and the checks of filter, range, limits and deadline.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>
#include <variant>

#include "control/correlate/correlation.h"
#include "control/model/filter.h"
#include "control/model/names.h"
#include "control/model/presence.h"
#include "control/store/store.h"
#include "proto/query.pb.h"
#include "proto/result.h"

namespace rs::query {

namespace v1 = resetscope::v1;

class Feed;

// Given by hand to every call; all outlive the service.
struct Parts {
  store::Store& store;
  const model::Presence& presence;
  Feed& feed;
  const model::NamesHolder& names;
  const correlate::Correlation& correlation;
  uint64_t started_ns = 0;
};

// Longest a call may work when the client sets no deadline.
inline constexpr auto kLongestCall = std::chrono::seconds(60);

// The filter as asked for, and as applied: without `benign` unless it was asked for or tested by name.
struct Wanted {
  model::Filter asked;
  model::Filter applied;
  bool hides_benign = false;
};
Result<Wanted> wanted(const Parts& parts, const std::string& filter, bool include_benign);

Result<store::TimeRange> range_of(const v1::TimeRange& range);

// The client's limit, `by_default` for 0; an error beyond `most`.
Result<size_t> limit_of(uint32_t asked, size_t by_default, size_t most, const char* name);

store::Patience patience_of(const grpc::ServerContextBase& context);

grpc::Status status_of(const Error& error, const grpc::ServerContextBase& context);

// Sensors, losses and hidden endings behind an answer about `range`. `count_hidden`: also count the benign endings
// that were left out, which on filters beyond the rollups costs a scan.
Result<void> complete(const Parts& parts, const store::TimeRange& range, const Wanted* count_hidden,
                      const store::Patience& patience, v1::Completeness& out);

}  // namespace rs::query
