// SPDX-License-Identifier: Apache-2.0
//
// One row of the table `event` -> model::Event, in the order of columns in which incoming.cc writes them.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "control/model/event.h"
#include "control/store/sqlite/database.h"

namespace rs::store::sqlite {

inline constexpr std::string_view kEventColumns =
    "cursor,id,time_ns,sensor,client_ip,client_port,server_ip,server_port,tag,cause,second_cause,origin,stage,ending,"
    "severity,claimed_sender,confidence,count,idle_ns,flags,lost_bytes,server_name,body";

using SensorNames = std::unordered_map<int64_t, std::string>;

// False when the row is damaged. Every field of `event` is overwritten.
bool read_event(const Statement& row, const SensorNames& sensors, bool brief, model::Event& event);

}  // namespace rs::store::sqlite
