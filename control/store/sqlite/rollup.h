// SPDX-License-Identifier: Apache-2.0
//
// Rollups of one transaction: the new events and service statistics are summed in memory first, so that the tables
// are touched once a distinct key, then written to all three tiers. Writer thread only.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
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

struct ServiceKey {
  uint64_t at_s = 0;
  int64_t sensor = 0;
  model::Endpoint server;
  uint32_t tag = 0;
  auto operator<=>(const ServiceKey&) const = default;
};

struct KeyHash {
  size_t operator()(const EndingKey& key) const;
  size_t operator()(const ServiceKey& key) const;
};

class Rollup {
 public:
  Result<void> prepare(Connection& db);
  // Sums of all stored endings, when an older program left none.
  Result<void> rebuild(Connection& db);

  void add(const model::Event& event, int64_t sensor_id);
  void add(const model::ServiceStats& stats, int64_t sensor_id);
  // Writes what was added since the last flush or clear; SQLITE_OK or an error code (roll back then, and clear).
  int flush();
  void clear();

 private:
  // attempted, established, closed_cleanly, refused, reset, timed_out, client_bytes, server_bytes, lost_bytes
  using Service = std::array<uint64_t, 9>;
  using EndingMap = std::unordered_map<EndingKey, Sum, KeyHash>;
  using ServiceMap = std::unordered_map<ServiceKey, Service, KeyHash>;

  int write(size_t tier, const EndingMap& sums);
  // Adds into the row of one service, or of all (key.server unused).
  int add_to_row(Statement& read, Statement& write, int columns, uint64_t at_s, const std::vector<Sum>& fresh);
  static int write(Statement& upsert, const ServiceMap& sums);

  EndingMap endings_;
  std::vector<Sum> row_;  // scratch
  std::string bytes_;     // scratch
  ServiceMap services_;
  std::array<Statement, kTiers.size()> read_endings_, write_endings_, read_total_, write_total_;
  std::array<Statement, kTiers.size()> upsert_services_;
};

}  // namespace rs::store::sqlite
