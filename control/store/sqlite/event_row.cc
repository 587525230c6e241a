// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/event_row.h"

#include "control/model/filter.h"
#include "control/store/sqlite/body.h"

namespace rs::store::sqlite {
namespace {

template <class E>
E enumerator(const Statement& row, int column, size_t count) {
  const uint64_t v = row.natural(column);
  return v < count ? static_cast<E>(v) : E{};
}

}  // namespace

bool read_event(const Statement& row, const SensorNames& sensors, bool brief, model::Event& e) {
  e.cursor = row.natural(0);
  e.id = row.bits(1);
  e.time_ns = row.natural(2);
  const auto sensor = sensors.find(row.integer(3));
  if (sensor != sensors.end())
    e.sensor = sensor->second;
  else
    e.sensor.clear();
  e.client.ip = row.ip(4);
  e.client.port = static_cast<uint16_t>(row.integer(5));
  e.server.ip = row.ip(6);
  e.server.port = static_cast<uint16_t>(row.integer(7));
  e.network_tag = static_cast<uint32_t>(row.integer(8));
  e.cause = enumerator<Cause>(row, 9, kCauseCount);
  e.second_cause = enumerator<Cause>(row, 10, kCauseCount);
  e.origin = enumerator<Origin>(row, 11, kOriginCount);
  e.stage = enumerator<Stage>(row, 12, kStageCount);
  e.ending = enumerator<Ending>(row, 13, kEndingCount);
  e.severity = enumerator<Severity>(row, 14, kSeverityCount);
  e.claimed_sender = enumerator<Side>(row, 15, kSideCount);
  e.confidence = static_cast<double>(row.integer(16)) / model::kShareUnits;
  e.count = row.natural(17);
  e.idle_ns = row.natural(18);
  e.flags = static_cast<uint16_t>(row.integer(19));
  e.lost_bytes = row.natural(20);
  e.server_name = row.text(21);
  return decode_body(row.blob(22), brief, e);
}

}  // namespace rs::store::sqlite
