// SPDX-License-Identifier: Apache-2.0
//
// What sums ask of events, a column at a time: the events of a finished segment (lookup.h) in some ten bytes each, so
// that what no rollup holds - client networks, silences, their pairs with services - is summed at a few nanoseconds an
// event where its row costs microseconds. Written once a segment, exact to the nanosecond. Pure, any thread.
//
// A column of numbers: count, least, width in bytes (0: all the same), then what each is above the least. A column of
// keys: the distinct ones, then a column of their numbers.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/model/event.h"
#include "control/store/sqlite/sums.h"

namespace rs::store::sqlite {

// The numbers are in the store.
enum class Column : uint8_t { kTimes, kServers, kWays, kNetworks, kHosts, kIdle, kCounts, kLost };
inline constexpr size_t kColumns = 8;

struct Served {
  model::Endpoint server;
  uint32_t tag = 0;
  auto operator<=>(const Served&) const = default;
};

// One event.
struct ColumnRow {
  uint64_t cursor = 0;  // not in a column
  uint64_t time_ns = 0;
  uint64_t count = 0;
  uint64_t lost_bytes = 0;
  model::Ip client{};
  Served served;
  Way way;
  uint8_t idle = 0;  // idle_number()
};
ColumnRow column_row(const model::Event& event, int64_t sensor);

// Buckets of silence: 0 below a second, then nine steps a decade, so that 60, 350 and 3,600 seconds stand apart from
// their neighbours.
uint8_t idle_number(uint64_t idle_ns);
uint64_t idle_least_ns(uint8_t number);

// The part of an address beyond its network (store.h), and back.
uint64_t host_of(const model::Ip& ip);
model::Ip with_host(model::Ip network, uint64_t host);

using ColumnBytes = std::array<std::string, kColumns>;
ColumnBytes encode_columns(std::span<const ColumnRow> rows);

// What was decoded so far; each list by event, in order of arrival, but the three of keys.
struct Columns {
  std::vector<uint64_t> times, hosts, idle, counts, lost;
  std::vector<Served> servers;
  std::vector<Way> ways;
  std::vector<model::Ip> networks;
  std::vector<uint64_t> server, way, network;  // numbers of keys
};
// False when the bytes are damaged.
bool decode_column(Column column, std::string_view bytes, Columns& out);

// All columns have to be decoded.
std::vector<ColumnRow> rows_of(const Columns& columns);

}  // namespace rs::store::sqlite
