// SPDX-License-Identifier: Apache-2.0
//
// Points in time as people type and read them. Pure functions: "now" is an argument.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/result.h"

namespace rs::cli {

// Nanoseconds since 1970 in UTC.
using UnixNs = int64_t;

// "15m", "2h", "1h30m", "3d" (so long before `now`), "now", "2026-11-21T10:43:18.5Z", "2026-11-21 10:43:18+01:00",
// or "2026-11-21" (midnight UTC).
Result<UnixNs> parse_when(std::string_view text, UnixNs now);

// "15m", "2h", "1h30m", "250ms"; units ms s m h d w.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

google::protobuf::Timestamp to_timestamp(UnixNs ns);
UnixNs to_ns(const google::protobuf::Timestamp& time);

// "2026-11-21 10:43:18.123", UTC.
std::string when_text(const google::protobuf::Timestamp& time);
// "3 s ago", "2 h 5 min ago", "never" for no time.
std::string ago_text(const google::protobuf::Timestamp& time, UnixNs now);

}  // namespace rs::cli
