// SPDX-License-Identifier: Apache-2.0
//
// What correlation keeps: sightings of events by other sensors, and findings whose meaning is not ours. Writing inside
// a transaction on the writer thread, reading on any.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/model/batch.h"
#include "control/model/sighting.h"
#include "control/store/sqlite/reader.h"
#include "control/store/store.h"

namespace rs::store::sqlite {

class FindingsWriter {
 public:
  Result<void> prepare(Connection& db);

  // SQLITE_OK or an error code: roll back then.
  int save(const model::Findings& findings);
  int save(const model::Sighting& sighting, int64_t sensor_id, int64_t other_sensor_id, const model::Endpoint& server);
  // Whether this ending was stored as a sighting; asked only of inputs that may be read twice.
  int was_sighting(uint64_t id, bool& known);

 private:
  Statement save_finding_, drop_finding_, save_cursor_, save_sighting_, save_overlap_, find_sighting_;
  std::string body_;
};

Result<void> findings(Lease& db, uint8_t kind, const std::function<void(const model::Finding&)>& each);
Result<std::optional<model::Finding>> finding(Lease& db, uint8_t kind, const std::string& key);
Result<uint64_t> findings_cursor(Lease& db);
Result<std::vector<model::Sighting>> sightings(Lease& db, uint64_t event_id);
Result<std::vector<Overlap>> overlaps(Lease& db);

}  // namespace rs::store::sqlite
