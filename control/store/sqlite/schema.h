// SPDX-License-Identifier: Apache-2.0
//
// Opening a database: file checks, pragmas, migrations, integrity. Runs once at start, on the starting thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "control/store/sqlite/database.h"

namespace rs::store::sqlite {

// The rollups: one table a tier, each updated in the transaction of the events it counts.
struct Tier {
  std::string_view table;           // of endings, a row a service
  std::string_view total;           // of endings, all services in one row
  std::string_view service;         // of service statistics, all of a sensor in one row
  std::string_view service_by_row;  // the same until schema version 3, a row a service
  uint64_t seconds;
};
inline constexpr std::array<Tier, 3> kTiers = {{
    {"rollup_10s", "total_10s", "served_10s", "service_10s", 10},
    {"rollup_1m", "total_1m", "served_1m", "service_1m", 60},
    {"rollup_1h", "total_1h", "served_1h", "service_1h", 3600},
}};
inline constexpr uint64_t kNsPerS = 1'000'000'000;

// Opens for writing, creates or migrates the schema. Errors say what is wrong with the file and what to do.
Result<Connection> open_writer(const std::string& path);
// Opens for reading; the writer has opened the same file before.
Result<Connection> open_reader(const std::string& path);
// Marks an orderly end: the next start skips the long check.
Result<void> mark_closed(Connection& db);

// What to do about a damaged database, to be appended to an error.
std::string damage_advice(const std::string& path);

}  // namespace rs::store::sqlite
