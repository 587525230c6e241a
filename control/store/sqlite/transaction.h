// SPDX-License-Identifier: Apache-2.0
//
// What one commit does: a group of batches into all tables, whole or not at all. Writer thread only.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/model/batch.h"
#include "control/store/sqlite/column_store.h"
#include "control/store/sqlite/database.h"
#include "control/store/sqlite/findings.h"
#include "control/store/sqlite/incoming.h"
#include "control/store/sqlite/lookup.h"
#include "control/store/sqlite/rollup.h"
#include "control/store/sqlite/sequences.h"
#include "control/store/sqlite/service_rollup.h"
#include "control/store/store.h"

namespace rs::store::sqlite {

class Transaction {
 public:
  struct Options {
    bool rollups = true;                // of endings; service statistics have no other form
    LookupTail* lookup_tail = nullptr;  // nullptr: no lookup by id, server and client is kept
    ColumnTail* column_tail = nullptr;  // likewise; only beside a lookup
  };

  Result<void> prepare(Connection& db, Options options);

  // Between begin and commit or roll_back. An SQLite code that is not SQLITE_OK means: roll back.
  int begin();
  int apply(model::Batch& batch, Written& written);
  int commit();
  void roll_back();

  // Events of the batch last applied that are new: their indices. Their cursors are set.
  [[nodiscard]] const std::vector<uint32_t>& fresh() const { return fresh_; }
  // Of the same batch: what other sensors had reported already. Their endings are not counted again.
  [[nodiscard]] const std::vector<model::Sighting>& sightings() const { return sightings_; }
  int save(const model::Findings& findings) { return findings_.save(findings); }
  void judge_by(model::SightingJudge* judge) { judge_ = judge; }
  // For retention, between transactions of ours.
  [[nodiscard]] ColumnWriter& columns() { return columns_; }
  [[nodiscard]] uint64_t newest_cursor() const { return committed_cursor_ - 1; }

 private:
  int sensor_id(const std::string& name, int64_t& id);
  // Whether the event counts: false when all its endings were counted by that of another sensor.
  int judge_event(model::Event& event, const model::Batch& batch, int64_t sensor, bool& counts);
  // Whether this very event was stored before; asked of captures, which may be read again.
  int is_stored(const model::Event& event, bool& stored);
  int insert_events(model::Batch& batch, int64_t sensor);
  int insert_services(const model::Batch& batch, int64_t sensor);
  int flush_hours();
  int save_watched(const model::Batch& batch, int64_t sensor);
  int update_sensor(const model::Batch& batch, int64_t sensor, const Sequences::Verdict& verdict, uint64_t new_events);

  sqlite3* db_ = nullptr;
  Options options_;
  Rollup rollup_;
  ServiceRollup service_rollup_;
  LookupWriter lookup_;
  ColumnWriter columns_;
  Sequences sequences_;
  std::unordered_map<std::string, int64_t> sensor_ids_;
  std::vector<uint32_t> fresh_;
  std::vector<model::Sighting> sightings_;
  FindingsWriter findings_;
  model::SightingJudge* judge_ = nullptr;
  std::set<uint64_t> hours_;  // of packet time that this transaction adds to; retention works by them
  uint64_t arrival_ns_ = 0;
  std::string scratch_;
  Incoming incoming_;
  uint64_t next_cursor_ = 1;
  uint64_t committed_cursor_ = 1;
  uint64_t new_rows_ = 0;  // of this transaction
  uint64_t new_endings_ = 0;
  Statement begin_, commit_, roll_back_, find_event_, insert_service_, find_sensor_, add_sensor_, update_sensor_,
      save_health_, save_report_, save_counts_, save_hour_, save_watched_;
};

}  // namespace rs::store::sqlite
