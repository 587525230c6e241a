// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/rollup.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "control/store/sqlite/event_row.h"
#include "control/store/sqlite/hash.h"

namespace rs::store::sqlite {
namespace {

void add_ip(Mixer& mixer, const model::Ip& ip) {
  uint64_t halves[2];
  std::memcpy(halves, ip.data(), sizeof halves);
  mixer.add(halves[0]);
  mixer.add(halves[1]);
}

// Keys in the order of the primary key: neighbouring rows share pages.
template <class Map>
std::vector<const typename Map::value_type*> in_order(const Map& map) {
  std::vector<const typename Map::value_type*> items;
  items.reserve(map.size());
  for (const auto& item : map) items.push_back(&item);
  std::ranges::sort(items, [](const auto* a, const auto* b) { return a->first < b->first; });
  return items;
}

}  // namespace

size_t KeyHash::operator()(const EndingKey& key) const {
  Mixer mixer;
  mixer.add(key.at_s << 24 ^ static_cast<uint64_t>(key.way.sensor));
  add_ip(mixer, key.server.ip);
  mixer.add(uint64_t{key.server.port} << 40 | static_cast<uint64_t>(key.way.cause) << 32 | key.tag);
  mixer.add(static_cast<uint64_t>(key.way.origin) << 24 | static_cast<uint64_t>(key.way.stage) << 16 |
            static_cast<uint64_t>(key.way.ending) << 8 | static_cast<uint64_t>(key.way.severity));
  return mixer.value();
}

Result<void> Rollup::prepare(Connection& db) {
  for (size_t i = 0; i < kTiers.size(); ++i) {
    const std::string table(kTiers[i].table);
    auto read =
        db.prepare("SELECT sums FROM " + table + " WHERE at_s = ? AND server_ip = ? AND server_port = ? AND tag = ?");
    if (!read) return read.error();
    read_endings_[i] = std::move(*read);
    auto write = db.prepare("INSERT OR REPLACE INTO " + table + " VALUES(?,?,?,?,?)");
    if (!write) return write.error();
    write_endings_[i] = std::move(*write);
    const std::string total(kTiers[i].total);
    auto read_total = db.prepare("SELECT sums FROM " + total + " WHERE at_s = ?");
    if (!read_total) return read_total.error();
    read_total_[i] = std::move(*read_total);
    auto write_total = db.prepare("INSERT OR REPLACE INTO " + total + " VALUES(?,?)");
    if (!write_total) return write_total.error();
    write_total_[i] = std::move(*write_total);
  }
  return {};
}

void Rollup::add(const model::Event& e, int64_t sensor_id) {
  const uint64_t seconds = e.time_ns / kNsPerS;
  const Way way{sensor_id, e.cause, e.origin, e.stage, e.ending, e.severity};
  Sum& sum = endings_[{seconds - seconds % kTiers[0].seconds, e.server, e.network_tag, way}];
  sum.way = way;
  sum.endings += e.count;
  sum.lost_bytes += e.lost_bytes;
  sum.last_ns = std::max(sum.last_ns, e.time_ns);
}

int Rollup::add_to_row(Statement& read, Statement& write, int columns, uint64_t at_s, const std::vector<Sum>& fresh) {
  row_.clear();
  {
    const Reading done(read);
    const int code = read.step();
    if (code != SQLITE_ROW && code != SQLITE_DONE) return code;
    if (code == SQLITE_ROW && !decode_sums(read.blob(0), at_s, row_)) return SQLITE_CORRUPT;
  }
  merge_sums(fresh, row_);
  encode_sums(row_, at_s, bytes_);
  write.bind_blob(columns + 1, bytes_);
  return write.run();
}

int Rollup::write(size_t tier, const EndingMap& sums) {
  const auto items = in_order(sums);
  std::map<std::pair<uint64_t, Way>, Sum> totals;
  std::vector<Sum> fresh;
  for (size_t i = 0; i < items.size();) {
    const EndingKey& key = items[i]->first;
    const auto same_row = [&key](const EndingKey& other) {
      return other.at_s == key.at_s && other.server == key.server && other.tag == key.tag;
    };
    fresh.clear();
    for (; i < items.size() && same_row(items[i]->first); ++i) {
      fresh.push_back(items[i]->second);
      add_sum(fresh.back(), totals[{key.at_s, fresh.back().way}]);
    }
    for (Statement* s : {&read_endings_[tier], &write_endings_[tier]}) {
      s->bind(1, key.at_s);
      s->bind_ip(2, key.server.ip);
      s->bind(3, static_cast<int64_t>(key.server.port));
      s->bind(4, static_cast<int64_t>(key.tag));
    }
    if (const int code = add_to_row(read_endings_[tier], write_endings_[tier], 4, key.at_s, fresh); code != SQLITE_OK)
      return code;
  }
  for (auto total = totals.begin(); total != totals.end();) {
    const uint64_t at_s = total->first.first;
    fresh.clear();
    for (; total != totals.end() && total->first.first == at_s; ++total) fresh.push_back(total->second);
    for (Statement* s : {&read_total_[tier], &write_total_[tier]}) s->bind(1, at_s);
    if (const int code = add_to_row(read_total_[tier], write_total_[tier], 1, at_s, fresh); code != SQLITE_OK)
      return code;
  }
  return SQLITE_OK;
}

int Rollup::flush() {
  for (size_t tier = 0; tier < kTiers.size(); ++tier) {
    if (tier > 0) {  // the coarser tier is folded from the finer one
      const auto floor = [&](uint64_t at_s) { return at_s - at_s % kTiers[tier].seconds; };
      EndingMap endings;
      for (const auto& [key, sum] : endings_) {
        EndingKey coarse = key;
        coarse.at_s = floor(key.at_s);
        add_sum(sum, endings[coarse]);
      }
      endings_ = std::move(endings);
    }
    if (const int code = write(tier, endings_); code != SQLITE_OK) return code;
  }
  clear();
  return SQLITE_OK;
}

Result<void> Rollup::rebuild(Connection& db) {
  constexpr size_t kAtOnce = 500'000;
  const auto missing = db.scalar("SELECT value FROM meta WHERE key = 'sums_missing'");
  if (!missing) return missing.error();
  if (*missing == 0) return {};
  if (auto begun = db.execute("BEGIN IMMEDIATE"); !begun) return begun;
  const auto failed = [&](std::string_view what) {
    Error error = error_of(db.handle(), what);
    (void)db.execute("ROLLBACK");
    clear();
    return error;
  };
  {
    auto row = db.prepare("SELECT " + std::string(kEventColumns) + " FROM event", false);
    if (!row) return failed("cannot read the stored events");
    model::Event event;
    size_t added = 0;
    int code = SQLITE_OK;
    while ((code = row->step()) == SQLITE_ROW) {
      if (!read_event(*row, {}, true, event)) continue;  // damaged: lists say so
      add(event, row->integer(3));
      if (++added % kAtOnce == 0 && flush() != SQLITE_OK) return failed("cannot sum the stored events");
    }
    if (code != SQLITE_DONE || flush() != SQLITE_OK) return failed("cannot sum the stored events");
  }
  if (!db.execute("UPDATE meta SET value = 0 WHERE key = 'sums_missing'; COMMIT"))
    return failed("cannot sum the stored events");
  return {};
}

void Rollup::clear() { endings_.clear(); }

}  // namespace rs::store::sqlite
