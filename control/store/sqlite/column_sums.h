// SPDX-License-Identifier: Apache-2.0
//
// Aggregates by columns (columns.h): what no rollup answers, without reading the events' rows. Any thread.
#pragma once

#include "control/store/sqlite/pieces.h"
#include "control/store/sqlite/reader.h"
#include "control/store/sqlite/summing.h"

namespace rs::store::sqlite {

// Whether columns hold all that the filter asks: services, ways of ending, and networks of clients no finer than the
// columns', each by itself (joined by AND).
bool columns_answer(const model::Filter& filter);

// False when this reader's snapshot is too old for the events in memory: read rows then. Nothing is added meanwhile.
Result<bool> sum_columns(Lease& db, const AggregateQuery& query, const Piece& piece, const SensorNames& names,
                         Summing& summing);

}  // namespace rs::store::sqlite
