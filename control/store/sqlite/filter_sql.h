// SPDX-License-Identifier: Apache-2.0
//
// model::Filter -> an SQL condition over the columns of `event`, with every value bound, never pasted. Agrees with
// model::matches; store_test.cc compares the two on random filters. Pure, any thread.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "control/model/filter.h"
#include "control/store/sqlite/database.h"

namespace rs::store::sqlite {

struct Condition {
  // An address is bound as the tables hold it; the bounds of an IPv6 network stay blobs even where they look mapped.
  struct Bound {
    model::Ip ip;
  };
  using Parameter = std::variant<int64_t, double, std::string, model::Ip, Bound>;
  std::string sql = "1";
  std::vector<Parameter> parameters;
};

Condition condition_of(const model::Filter& filter);

// Binds from index `first` on; returns the next free index.
int bind_parameters(Statement& statement, int first, const Condition& condition);

// Whether the rollup tables hold every column the filter needs.
bool rollups_answer(const model::Filter& filter);
// Whether the service tables do: only server_ip, server_port, tag and sensor.
bool services_answer(const model::Filter& filter);

}  // namespace rs::store::sqlite
