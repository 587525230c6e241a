// SPDX-License-Identifier: Apache-2.0
//
// Rollups of service statistics, the denominators, of one transaction: summed in memory first, so that each tier's row
// of a sensor and bucket is touched once. Writer thread only.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "control/store/sqlite/database.h"
#include "control/store/sqlite/schema.h"
#include "control/store/sqlite/service_sums.h"

namespace rs::store::sqlite {

class ServiceRollup {
 public:
  // Takes over what an older program stored, a row a service.
  Result<void> prepare(Connection& db);

  void add(const model::ServiceStats& stats, int64_t sensor_id);
  // Writes what was added since the last flush or clear; SQLITE_OK or an error code (roll back then, and clear).
  int flush();
  void clear() { fresh_.clear(); }

 private:
  struct Fresh {
    uint64_t at_s = 0;
    int64_t sensor = 0;
    ServiceSum sum;
  };
  // A row of a tier.
  struct Row {
    uint64_t at_s = 0;
    int64_t sensor = 0;
    std::vector<ServiceSum> sums;  // in order
  };

  static std::vector<Row> coarser(const std::vector<Row>& rows, uint64_t seconds);
  int write(size_t tier, const std::vector<Row>& rows);
  Result<void> take_over(Connection& db, size_t tier);

  std::vector<Fresh> fresh_;
  std::vector<ServiceSum> row_;  // scratch
  std::string bytes_;            // scratch
  std::array<Statement, kTiers.size()> read_, write_;
};

}  // namespace rs::store::sqlite
