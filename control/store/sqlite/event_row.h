// SPDX-License-Identifier: Apache-2.0
//
// One row of the table `event` <-> model::Event: the insert and the read stand together so that they agree.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "control/model/event.h"
#include "control/store/sqlite/database.h"

namespace rs::store::sqlite {

inline constexpr std::string_view kInsertEvent =
    "INSERT INTO event VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

// `body` is a scratch buffer and has to live until the statement has run.
void bind_event(Statement& insert, const model::Event& event, uint64_t cursor, int64_t sensor_id, std::string& body);

inline constexpr std::string_view kEventColumns =
    "cursor,id,time_ns,sensor,client_ip,client_port,server_ip,server_port,tag,cause,second_cause,origin,stage,ending,"
    "severity,claimed_sender,confidence,count,idle_ns,flags,lost_bytes,server_name,body";

using SensorNames = std::unordered_map<int64_t, std::string>;

// False when the row is damaged. Every field of `event` is overwritten.
bool read_event(const Statement& row, const SensorNames& sensors, bool brief, model::Event& event);

}  // namespace rs::store::sqlite
