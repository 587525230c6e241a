// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/sequences.h"

#include <iterator>

namespace rs::store::sqlite {
namespace {

constexpr size_t kMaxCachedBoots = 4096;  // one a live sensor; the rest are read again when needed

}  // namespace

Result<void> Sequences::prepare(Connection& db) {
  const std::pair<Statement*, const char*> statements[] = {
      {&read_boot_, "SELECT last_sequence FROM boot WHERE sensor = ? AND boot = ?"},
      {&read_gaps_, "SELECT first, last FROM sequence_gap WHERE sensor = ? AND boot = ?"},
      {&save_boot_,
       "INSERT INTO boot VALUES(?1, ?2, ?3, ?4, ?4) ON CONFLICT DO UPDATE SET last_sequence = excluded.last_sequence,"
       " last_seen_ns = excluded.last_seen_ns"},
      {&save_gap_, "INSERT OR REPLACE INTO sequence_gap VALUES(?, ?, ?, ?)"},
      {&drop_gap_, "DELETE FROM sequence_gap WHERE sensor = ? AND boot = ? AND first = ?"},
  };
  for (const auto& [statement, sql] : statements) {
    auto prepared = db.prepare(sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  return {};
}

int Sequences::load(int64_t sensor_id, uint64_t boot, Boot& into) {
  const Reading done_boot(read_boot_);
  const Reading done_gaps(read_gaps_);
  read_boot_.bind(1, sensor_id);
  read_boot_.bind_bits(2, boot);
  int code = read_boot_.step();
  if (code == SQLITE_DONE) return SQLITE_OK;
  if (code != SQLITE_ROW) return code;
  into.newest = read_boot_.natural(0);
  read_gaps_.bind(1, sensor_id);
  read_gaps_.bind_bits(2, boot);
  while ((code = read_gaps_.step()) == SQLITE_ROW) into.gaps.emplace(read_gaps_.natural(0), read_gaps_.natural(1));
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

int Sequences::save_gap(int64_t sensor_id, uint64_t boot, uint64_t first, uint64_t last) {
  save_gap_.bind(1, sensor_id);
  save_gap_.bind_bits(2, boot);
  save_gap_.bind(3, first);
  save_gap_.bind(4, last);
  return save_gap_.run();
}

int Sequences::drop_gap(int64_t sensor_id, uint64_t boot, uint64_t first) {
  drop_gap_.bind(1, sensor_id);
  drop_gap_.bind_bits(2, boot);
  drop_gap_.bind(3, first);
  return drop_gap_.run();
}

Sequences::Verdict Sequences::arrive(int64_t sensor_id, uint64_t boot, uint64_t sequence, uint64_t now_ns) {
  Verdict verdict;
  const auto key = std::pair(sensor_id, boot);
  auto found = boots_.find(key);
  if (found == boots_.end()) {
    if (boots_.size() >= kMaxCachedBoots) boots_.clear();
    found = boots_.try_emplace(key).first;
    verdict.code = load(sensor_id, boot, found->second);
    if (verdict.code != SQLITE_OK) {
      boots_.erase(found);
      return verdict;
    }
  }
  Boot& state = found->second;

  if (sequence > state.newest) {
    if (sequence > state.newest + 1) {
      verdict.opened = sequence - state.newest - 1;
      verdict.code = save_gap(sensor_id, boot, state.newest + 1, sequence - 1);
      state.gaps.emplace(state.newest + 1, sequence - 1);
      if (state.gaps.size() > kMaxGaps && verdict.code == SQLITE_OK) {
        verdict.code = drop_gap(sensor_id, boot, state.gaps.begin()->first);
        state.gaps.erase(state.gaps.begin());
      }
    }
    state.newest = sequence;
  } else {
    auto gap = state.gaps.upper_bound(sequence);
    if (gap == state.gaps.begin() || std::prev(gap)->second < sequence) {
      verdict.duplicate = true;
      return verdict;
    }
    --gap;
    const auto [first, last] = *gap;
    state.gaps.erase(gap);
    verdict.filled = true;
    verdict.code = drop_gap(sensor_id, boot, first);
    if (first < sequence && verdict.code == SQLITE_OK) {
      state.gaps.emplace(first, sequence - 1);
      verdict.code = save_gap(sensor_id, boot, first, sequence - 1);
    }
    if (sequence < last && verdict.code == SQLITE_OK) {
      state.gaps.emplace(sequence + 1, last);
      verdict.code = save_gap(sensor_id, boot, sequence + 1, last);
    }
  }
  if (verdict.code != SQLITE_OK) return verdict;
  save_boot_.bind(1, sensor_id);
  save_boot_.bind_bits(2, boot);
  save_boot_.bind(3, state.newest);
  save_boot_.bind(4, now_ns);
  verdict.code = save_boot_.run();
  return verdict;
}

}  // namespace rs::store::sqlite
