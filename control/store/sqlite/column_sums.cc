// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/column_sums.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <tuple>
#include <unordered_map>

#include "control/model/ip.h"
#include "control/store/sqlite/column_store.h"
#include "control/store/sqlite/columns.h"
#include "control/store/sqlite/hash.h"
#include "control/store/sqlite/lookup.h"

namespace rs::store::sqlite {
namespace {

using model::Field;
using model::Filter;

// What a filter asks about, as bits.
enum Asks : unsigned { kNothing = 0, kOfServices = 1, kOfWays = 2, kOfNetworks = 4, kOfOthers = 8 };

bool whole_networks(const Filter& test) {
  return std::ranges::all_of(test.values, [](const model::Value& value) {
    const auto* prefix = std::get_if<model::Prefix>(&value);
    if (prefix == nullptr) return false;
    return prefix->bits <=
           (model::is_v4(*prefix) ? model::kMappedBits + kClientNetworkBitsV4 : unsigned{kClientNetworkBitsV6});
  });
}

unsigned asks_of(const Filter& f) {
  if (f.kind != Filter::Kind::kTest) {
    unsigned asks = kNothing;
    for (const Filter& child : f.children) asks |= asks_of(child);
    return asks;
  }
  switch (f.field) {
    case Field::kServerIp:
    case Field::kServerPort:
    case Field::kTag:
      return kOfServices;
    case Field::kCause:
    case Field::kFamily:
    case Field::kOrigin:
    case Field::kStage:
    case Field::kEnding:
    case Field::kSeverity:
    case Field::kSensor:
      return kOfWays;
    case Field::kClientIp:
      return whole_networks(f) ? kOfNetworks : kOfOthers;
    default:
      return kOfOthers;
  }
}

// Parts joined by AND.
void parts_of(const Filter& f, std::vector<const Filter*>& parts) {
  if (f.kind != Filter::Kind::kAnd) return parts.push_back(&f);
  for (const Filter& child : f.children) parts_of(child, parts);
}

// Asks each key once.
class KeyFilter {
 public:
  KeyFilter(const Filter& filter, const SensorNames& names) : names_(names) {
    std::vector<const Filter*> parts;
    parts_of(filter, parts);
    for (const Filter* part : parts) {
      const unsigned asks = asks_of(*part);
      (asks == kOfServices ? services_ : asks == kOfNetworks ? networks_ : ways_).push_back(part);
    }
  }
  [[nodiscard]] bool of_networks() const { return !networks_.empty(); }

  bool matches(const Served& served) {
    event_.server = served.server;
    event_.network_tag = served.tag;
    return all(services_);
  }
  bool matches(const model::Ip& network) {
    event_.client.ip = network;
    return all(networks_);
  }
  bool matches(const Way& way) {
    describe(way, names_, event_);
    return all(ways_);
  }

 private:
  [[nodiscard]] bool all(const std::vector<const Filter*>& parts) const {
    return std::ranges::all_of(parts, [this](const Filter* part) { return model::matches(*part, event_); });
  }
  const SensorNames& names_;
  std::vector<const Filter*> services_, ways_, networks_;
  model::Event event_;
};

bool by_service(Dimension d) {
  return d == Dimension::kService || d == Dimension::kServerIp || d == Dimension::kServerNetwork ||
         d == Dimension::kPort;
}
bool by_client(Dimension d) { return d == Dimension::kClientIp || d == Dimension::kClientNetwork; }

constexpr unsigned kAxisBits = 26;  // two of them, a cause and an origin make one number
static_assert(kCauseCount <= 64 && kOriginCount <= 16);

// The keys of one dimension, numbered as they come.
class Axis {
 public:
  explicit Axis(Dimension dimension, uint64_t step_ns) : dimension_(dimension), step_ns_(step_ns) {}

  [[nodiscard]] Dimension dimension() const { return dimension_; }
  [[nodiscard]] bool too_long() const { return keys_.size() >> kAxisBits != 0; }
  [[nodiscard]] const std::pair<model::Ip, uint64_t>& key(uint64_t number) const { return keys_[number]; }

  // Of the chosen events.
  void number(const Columns& columns, const std::vector<uint32_t>& chosen, std::vector<uint64_t>& out) {
    out.resize(chosen.size());
    if (by_service(dimension_)) {
      by_key(columns.servers, columns.server, chosen, out, [this](const Served& served) {
        model::Ip ip{};
        uint64_t number = 0;
        service_key(dimension_, served.server, 0, 0, ip, number);
        return number_of(ip, number);
      });
    } else if (dimension_ == Dimension::kClientNetwork) {
      by_key(columns.networks, columns.network, chosen, out,
             [this](const model::Ip& network) { return number_of(network, 0); });
    } else if (dimension_ == Dimension::kClientIp) {
      for (size_t i = 0; i < chosen.size(); ++i)
        out[i] = number_of(with_host(columns.networks[columns.network[chosen[i]]], columns.hosts[chosen[i]]), 0);
    } else if (dimension_ == Dimension::kTime) {
      uint64_t bucket = UINT64_MAX, known = 0;
      for (size_t i = 0; i < chosen.size(); ++i) {
        const uint64_t time = columns.times[chosen[i]];
        const uint64_t at = step_ns_ > 0 ? time - time % step_ns_ : time;
        if (at != bucket) known = number_of({}, bucket = at);
        out[i] = known;
      }
    } else if (dimension_ == Dimension::kIdleTime) {
      std::array<uint64_t, 256> numbers;
      numbers.fill(UINT64_MAX);
      for (size_t i = 0; i < chosen.size(); ++i) {
        const auto idle = static_cast<uint8_t>(columns.idle[chosen[i]]);
        if (numbers[idle] == UINT64_MAX) numbers[idle] = number_of({}, idle_least_ns(idle));
        out[i] = numbers[idle];
      }
    } else {
      by_key(columns.ways, columns.way, chosen, out,
             [this](const Way& way) { return number_of({}, way_number(dimension_, way)); });
    }
  }

 private:
  template <class Key, class NumberOf>
  void by_key(const std::vector<Key>& keys, const std::vector<uint64_t>& numbers, const std::vector<uint32_t>& chosen,
              std::vector<uint64_t>& out, const NumberOf& number_of_key) {
    std::vector<uint64_t> ours(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) ours[i] = number_of_key(keys[i]);
    for (size_t i = 0; i < chosen.size(); ++i) out[i] = ours[numbers[chosen[i]]];
  }
  uint64_t number_of(const model::Ip& ip, uint64_t number) {
    const auto [at, added] = numbers_.try_emplace({{ip, {}}, {number, 0}}, keys_.size());
    if (added) keys_.emplace_back(ip, number);
    return at->second;
  }

  Dimension dimension_;
  uint64_t step_ns_;
  std::vector<std::pair<model::Ip, uint64_t>> keys_;
  std::unordered_map<PlainKey, uint64_t, PlainHash> numbers_;
};

// Open addressing, a line of memory an event.
class Cells {
 public:
  struct Cell {
    uint64_t key = kFree;
    double value = 0;
    uint64_t last_ns = 0;
  };
  static constexpr uint64_t kFree = UINT64_MAX;

  Cell& at(uint64_t key) {
    if (2 * (used_ + 1) > cells_.size()) grow();
    Cell& cell = cells_[place_of(key)];
    used_ += cell.key == kFree ? 1 : 0;
    cell.key = key;
    return cell;
  }
  [[nodiscard]] size_t used() const { return used_; }
  [[nodiscard]] const std::vector<Cell>& all() const { return cells_; }

 private:
  [[nodiscard]] size_t place_of(uint64_t key) const {
    Mixer mixer;
    mixer.add(key);
    size_t at = mixer.value() & (cells_.size() - 1);
    while (cells_[at].key != kFree && cells_[at].key != key) at = (at + 1) & (cells_.size() - 1);
    return at;
  }
  void grow() {
    std::vector<Cell> before(cells_.size() * 2);
    before.swap(cells_);
    for (const Cell& cell : before)
      if (cell.key != kFree) cells_[place_of(cell.key)] = cell;
  }
  std::vector<Cell> cells_ = std::vector<Cell>(1024);
  size_t used_ = 0;
};

class ColumnSums {
 public:
  ColumnSums(const AggregateQuery& query, const Piece& piece, const SensorNames& names)
      : query_(query), piece_(piece), filter_(query.filter, names) {
    for (const Dimension d : query.by) axes_.emplace_back(d, query.step_ns);
    wanted_ = {Column::kTimes, Column::kServers, Column::kWays};
    const auto by = [&](const auto& asked) { return std::ranges::any_of(query.by, asked); };
    if (by(by_client) || filter_.of_networks()) wanted_.push_back(Column::kNetworks);
    if (by([](Dimension d) { return d == Dimension::kClientIp; })) wanted_.push_back(Column::kHosts);
    if (by([](Dimension d) { return d == Dimension::kIdleTime; })) wanted_.push_back(Column::kIdle);
    wanted_.push_back(query.metric == Metric::kLostBytes ? Column::kLost : Column::kCounts);
  }
  [[nodiscard]] const std::vector<Column>& wanted() const { return wanted_; }

  // False when the columns are not of one length: damaged.
  bool add(const Columns& c) {
    const bool lost = query_.metric == Metric::kLostBytes;
    const std::vector<uint64_t>& amounts = lost ? c.lost : c.counts;
    const size_t n = c.times.size();
    const auto fits = [&](Column column, const std::vector<uint64_t>& list) {
      return list.size() == n || std::ranges::find(wanted_, column) == wanted_.end();
    };
    if (!fits(Column::kServers, c.server) || !fits(Column::kWays, c.way) || !fits(Column::kNetworks, c.network) ||
        !fits(Column::kHosts, c.hosts) || !fits(Column::kIdle, c.idle) || amounts.size() != n)
      return false;
    choose(c);
    const std::vector<uint64_t> none(axes_.size() < 2 ? chosen_.size() : 0);
    for (size_t i = 0; i < axes_.size(); ++i) axes_[i].number(c, chosen_, numbers_[i]);
    const std::vector<uint64_t>& x = axes_.empty() ? none : numbers_[0];
    const std::vector<uint64_t>& y = axes_.size() < 2 ? none : numbers_[1];
    std::vector<uint64_t> tops(c.ways.size());
    std::vector<bool> counts(c.ways.size());
    for (size_t i = 0; i < c.ways.size(); ++i) {
      if (query_.with_top)
        tops[i] = (static_cast<uint64_t>(c.ways[i].cause) << 4 | static_cast<uint64_t>(c.ways[i].origin))
                  << 2 * kAxisBits;
      counts[i] = lost || value_of(query_.metric, {c.ways[i], 1, 0, 0}) > 0;
    }
    for (size_t i = 0; i < chosen_.size(); ++i) {
      const size_t event = chosen_[i];
      const uint64_t way = c.way[event];
      Cells::Cell& cell = cells_.at(tops[way] | y[i] << kAxisBits | x[i]);
      if (counts[way]) cell.value += static_cast<double>(amounts[event]);
      cell.last_ns = std::max(cell.last_ns, c.times[event]);
    }
    return true;
  }
  [[nodiscard]] bool too_many() const {
    return cells_.used() / (query_.with_top ? kCauseCount * kOriginCount : 1) > query_.max_groups ||
           std::ranges::any_of(axes_, &Axis::too_long);
  }

  Result<void> fold(Summing& summing) const {
    for (const Cells::Cell& cell : cells_.all()) {
      if (cell.key == Cells::kFree) continue;
      PlainKey key;
      for (size_t i = 0; i < axes_.size(); ++i)
        std::tie(key.ips[i], key.numbers[i]) =
            axes_[i].key(cell.key >> i * kAxisBits & ((uint64_t{1} << kAxisBits) - 1));
      const uint64_t top = cell.key >> 2 * kAxisBits;
      if (auto added =
              summing.add(key, static_cast<Cause>(top >> 4), static_cast<Origin>(top & 15), cell.value, cell.last_ns);
          !added)
        return added;
    }
    return {};
  }

 private:
  // The events in the range that the filter lets through.
  void choose(const Columns& c) {
    const auto ask = [this](const auto& keys) {
      std::vector<uint8_t> answers(keys.size());
      for (size_t i = 0; i < keys.size(); ++i) answers[i] = filter_.matches(keys[i]) ? 1 : 0;
      return answers;
    };
    const auto servers = ask(c.servers), ways = ask(c.ways), networks = ask(c.networks);
    const bool of_networks = filter_.of_networks();
    chosen_.clear();
    for (size_t i = 0; i < c.times.size(); ++i) {
      if (c.times[i] < piece_.since_ns || c.times[i] >= piece_.until_ns) continue;
      if (servers[c.server[i]] == 0 || ways[c.way[i]] == 0) continue;
      if (of_networks && networks[c.network[i]] == 0) continue;
      chosen_.push_back(static_cast<uint32_t>(i));
    }
  }

  const AggregateQuery& query_;
  const Piece& piece_;
  KeyFilter filter_;
  std::vector<Column> wanted_;
  std::vector<Axis> axes_;
  Cells cells_;
  std::vector<uint32_t> chosen_;                  // scratch
  std::array<std::vector<uint64_t>, 2> numbers_;  // scratch
};

}  // namespace

bool columns_answer(const Filter& filter) {
  std::vector<const Filter*> parts;
  parts_of(filter, parts);
  return std::ranges::all_of(parts, [](const Filter* part) {
    const unsigned asks = asks_of(*part);
    return (asks & kOfOthers) == 0 && std::popcount(asks) <= 1;
  });
}

Result<bool> sum_columns(Lease& db, const AggregateQuery& query, const Piece& piece, const SensorNames& names,
                         Summing& summing) {
  const ColumnTail* tail = db.column_tail();
  if (tail == nullptr) return false;
  auto lookup = Lookup::open(db);
  if (!lookup) return lookup.error();
  const auto next = db->scalar("SELECT value FROM meta WHERE key = 'next_cursor'");
  if (!next) return next.error();
  std::vector<ColumnRow> newest;
  if (!tail->read(lookup->tail(), static_cast<uint64_t>(*next), [&](const ColumnRow& row) {
        if (row.time_ns >= piece.since_ns && row.time_ns < piece.until_ns) newest.push_back(row);
      }))
    return false;
  const auto segments = lookup->segments({piece.since_ns, piece.until_ns});
  if (!segments) return segments.error();
  auto reader = ColumnReader::open(db);
  if (!reader) return reader.error();

  const Error damaged{Code::kCorrupt, "columns of the stored events are damaged"};
  ColumnSums sums(query, piece, names);
  const auto add = [&](const Columns& columns) -> Result<void> {
    if (!sums.add(columns)) return damaged;
    if (sums.too_many())
      return Error{Code::kResource, "more than " + std::to_string(query.max_groups) +
                                        " groups; narrow the time range or the filter, or choose a coarser dimension"};
    if (db.is_over()) return db.over("aggregate");
    return {};
  };
  Columns columns;
  if (!newest.empty()) {
    const ColumnBytes bytes = encode_columns(newest);
    for (const Column column : sums.wanted())
      if (!decode_column(column, bytes[static_cast<size_t>(column)], columns)) return damaged;
    if (auto added = add(columns); !added) return added.error();
  }
  for (const Lookup::Segment& segment : *segments) {
    const auto read = reader->read(segment.number, sums.wanted(), columns);
    if (!read) return read.error();
    if (!*read) continue;
    if (auto added = add(columns); !added) return added.error();
  }
  if (auto folded = sums.fold(summing); !folded) return folded.error();
  return true;
}

}  // namespace rs::store::sqlite
