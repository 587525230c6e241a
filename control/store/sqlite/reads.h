// SPDX-License-Identifier: Apache-2.0
//
// The reads of store.h over one leased connection. Free functions, each one query or one short sequence inside
// the lease's snapshot; any reading thread.
#pragma once

#include <optional>
#include <vector>

#include "control/store/sqlite/reader.h"
#include "control/store/store.h"

namespace rs::store::sqlite {

// reads.cc: events
Result<void> list(Lease& db, const ListQuery& query, const EachEvent& each);
Result<void> list_after(Lease& db, uint64_t cursor, const model::Filter& filter, size_t limit, const EachEvent& each);
Result<uint64_t> count_between(Lease& db, uint64_t after, uint64_t until, const model::Filter& filter);
Result<std::optional<model::Event>> get(Lease& db, uint64_t event_id);

// aggregate.cc
Result<std::vector<Group>> aggregate(Lease& db, const AggregateQuery& query, bool has_rollups);

// services.cc
Result<std::vector<ServiceTotals>> services(Lease& db, const ServiceQuery& query);

// sensors.cc
Result<std::vector<Sensor>> sensors(Lease& db);
Result<std::vector<Coverage>> coverage(Lease& db, const TimeRange& range);
Result<std::vector<Watched>> watched(Lease& db, const TimeRange& range, uint64_t step_ns);

}  // namespace rs::store::sqlite
