// SPDX-License-Identifier: Apache-2.0
//
// Rollups of endings of one transaction: the new events are summed in memory first, so that the tables are touched once
// a distinct key, then written to all three tiers. Writer thread only.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <vector>

#include "control/model/event.h"
#include "control/store/sqlite/database.h"
#include "control/store/sqlite/schema.h"
#include "control/store/sqlite/sums.h"

namespace rs::store::sqlite {

struct EndingKey {
  uint64_t at_s = 0;
  model::Endpoint server;
  uint32_t tag = 0;
  Way way;
  auto operator<=>(const EndingKey&) const = default;
};

struct KeyHash {
  size_t operator()(const EndingKey& key) const;
};

class Rollup {
 public:
  Result<void> prepare(Connection& db);
  // Sums of all stored endings, when an older program left none.
  Result<void> rebuild(Connection& db);

  void add(const model::Event& event, int64_t sensor_id);
  // Writes what was added since the last flush or clear; SQLITE_OK or an error code (roll back then, and clear).
  int flush();
  void clear();

 private:
  using EndingMap = absl::flat_hash_map<EndingKey, Sum, KeyHash>;

  int write(size_t tier, const EndingMap& sums);
  // Adds into the row of one service, or of all (key.server unused).
  int add_to_row(Statement& read, Statement& write, int columns, uint64_t at_s, const std::vector<Sum>& fresh);

  EndingMap endings_;
  std::vector<Sum> row_;  // scratch
  std::string bytes_;     // scratch
  std::array<Statement, kTiers.size()> read_endings_, write_endings_, read_total_, write_total_;
};

}  // namespace rs::store::sqlite
