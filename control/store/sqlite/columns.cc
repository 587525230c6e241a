// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/columns.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>

#include "control/model/ip.h"
#include "control/model/pack.h"
#include "control/store/sqlite/hash.h"
#include "control/store/store.h"

namespace rs::store::sqlite {
namespace {

constexpr size_t kMostRows = 65'536;  // of a segment
constexpr uint64_t kSecondNs = 1'000'000'000;
static_assert(std::endian::native == std::endian::little);  // numbers are copied as they stand

template <class T>
void append_above(std::span<const uint64_t> numbers, uint64_t least, std::string& out) {
  const size_t at = out.size();
  out.resize(at + numbers.size() * sizeof(T));
  char* to = out.data() + at;
  for (const uint64_t number : numbers) {
    const auto above = static_cast<T>(number - least);
    std::memcpy(to, &above, sizeof above);
    to += sizeof above;
  }
}

void put_numbers(std::span<const uint64_t> numbers, std::string& out) {
  const auto [least, most] = std::ranges::minmax_element(numbers);
  const uint64_t from = numbers.empty() ? 0 : *least;
  const uint64_t span = numbers.empty() ? 0 : *most - *least;
  const uint8_t width = span == 0 ? 0 : span <= UINT8_MAX ? 1 : span <= UINT16_MAX ? 2 : span <= UINT32_MAX ? 4 : 8;
  model::put_varint(out, numbers.size());
  model::put_varint(out, from);
  out.push_back(static_cast<char>(width));
  if (width == 1) append_above<uint8_t>(numbers, from, out);
  if (width == 2) append_above<uint16_t>(numbers, from, out);
  if (width == 4) append_above<uint32_t>(numbers, from, out);
  if (width == 8) append_above<uint64_t>(numbers, from, out);
}

template <class T>
void take_above(const char* from, uint64_t least, std::span<uint64_t> numbers) {
  for (uint64_t& number : numbers) {
    T above;
    std::memcpy(&above, from, sizeof above);
    from += sizeof above;
    number = least + above;
  }
}

// All that is left of `in`.
bool take_numbers(model::PackReader& in, std::string_view bytes, std::vector<uint64_t>& out) {
  const uint64_t count = in.varint();
  const uint64_t least = in.varint();
  const uint64_t width = in.byte();
  const bool known = width == 0 || width == 1 || width == 2 || width == 4 || width == 8;
  if (!in.ok() || !known || count > kMostRows || in.left() != count * width) return false;
  const char* from = bytes.data() + (bytes.size() - in.left());
  out.resize(count);
  if (width == 0) std::ranges::fill(out, least);
  if (width == 1) take_above<uint8_t>(from, least, out);
  if (width == 2) take_above<uint16_t>(from, least, out);
  if (width == 4) take_above<uint32_t>(from, least, out);
  if (width == 8) take_above<uint64_t>(from, least, out);
  return true;
}

void mix(Mixer& mixer, const model::Ip& ip) {
  for (const uint64_t half : std::bit_cast<std::array<uint64_t, 2>>(ip)) mixer.add(half);
}

struct Hash {
  size_t operator()(const model::Ip& ip) const {
    Mixer mixer;
    mix(mixer, ip);
    return mixer.value();
  }
  size_t operator()(const Served& served) const {
    Mixer mixer;
    mix(mixer, served.server.ip);
    mixer.add(uint64_t{served.server.port} << 32 | served.tag);
    return mixer.value();
  }
  size_t operator()(const Way& way) const {
    Mixer mixer;
    mixer.add(static_cast<uint64_t>(way.sensor) << 40 | static_cast<uint64_t>(way.cause) << 32 |
              static_cast<uint64_t>(way.origin) << 24 | static_cast<uint64_t>(way.stage) << 16 |
              static_cast<uint64_t>(way.ending) << 8 | static_cast<uint64_t>(way.severity));
    return mixer.value();
  }
};

// Numbers keys in the order in which they first come.
template <class Key>
class Dictionary {
 public:
  uint64_t number_of(const Key& key) {
    const auto [at, added] = numbers_.try_emplace(key, keys_.size());
    if (added) keys_.push_back(key);
    return at->second;
  }
  [[nodiscard]] const std::vector<Key>& keys() const { return keys_; }

 private:
  std::unordered_map<Key, uint64_t, Hash> numbers_;
  std::vector<Key> keys_;
};

void put_ip(std::string& out, const model::Ip& ip) {
  const bool v4 = model::is_v4(ip);
  out.push_back(v4 ? 4 : 16);
  const auto* bytes = reinterpret_cast<const char*>(ip.data());
  out.append(v4 ? bytes + 12 : bytes, v4 ? 4 : 16);
}
void put_key(std::string& out, const model::Ip& ip) { put_ip(out, ip); }
void put_key(std::string& out, const Served& served) {
  put_ip(out, served.server.ip);
  model::put_varint(out, served.server.port);
  model::put_varint(out, served.tag);
}
void put_key(std::string& out, const Way& way) {
  model::put_varint(out, static_cast<uint64_t>(way.sensor));
  for (const unsigned part :
       {static_cast<unsigned>(way.cause), static_cast<unsigned>(way.origin), static_cast<unsigned>(way.stage),
        static_cast<unsigned>(way.ending), static_cast<unsigned>(way.severity)})
    out.push_back(static_cast<char>(part));
}

template <class E>
E enumerator(uint64_t v, size_t count) {
  return v < count ? static_cast<E>(v) : E{};
}

bool take_key(model::PackReader& in, model::Ip& ip) {
  const std::string_view bytes = in.text();  // the length byte is a varint below 128
  if (bytes.size() != 4 && bytes.size() != 16) return false;
  ip = bytes.size() == 4 ? model::from_v4(0) : model::Ip{};
  std::memcpy(ip.data() + (16 - bytes.size()), bytes.data(), bytes.size());
  return true;
}
bool take_key(model::PackReader& in, Served& served) {
  if (!take_key(in, served.server.ip)) return false;
  served.server.port = static_cast<uint16_t>(in.varint());
  served.tag = static_cast<uint32_t>(in.varint());
  return in.ok();
}
bool take_key(model::PackReader& in, Way& way) {
  way.sensor = static_cast<int64_t>(in.varint());
  way.cause = enumerator<Cause>(in.byte(), kCauseCount);
  way.origin = enumerator<Origin>(in.byte(), kOriginCount);
  way.stage = enumerator<Stage>(in.byte(), kStageCount);
  way.ending = enumerator<Ending>(in.byte(), kEndingCount);
  way.severity = enumerator<Severity>(in.byte(), kSeverityCount);
  return in.ok();
}

template <class Key>
void put_keys(const Dictionary<Key>& keys, std::span<const uint64_t> numbers, std::string& out) {
  model::put_varint(out, keys.keys().size());
  for (const Key& key : keys.keys()) put_key(out, key);
  put_numbers(numbers, out);
}

template <class Key>
bool take_keys(std::string_view bytes, std::vector<Key>& keys, std::vector<uint64_t>& numbers) {
  model::PackReader in(bytes);
  keys.resize(in.count(5));  // the least that a key takes
  for (Key& key : keys)
    if (!take_key(in, key)) return false;
  if (!take_numbers(in, bytes, numbers)) return false;
  return std::ranges::all_of(numbers, [&](uint64_t number) { return number < keys.size(); });
}

// The first, and what each is after the one before it.
bool take_times(std::string_view bytes, std::vector<uint64_t>& times) {
  model::PackReader in(bytes);
  uint64_t at = in.varint();
  if (!take_numbers(in, bytes, times)) return false;
  for (uint64_t& time : times) time = at += static_cast<uint64_t>(model::from_zigzag(time));
  return true;
}

}  // namespace

ColumnRow column_row(const model::Event& e, int64_t sensor) {
  return {e.cursor,
          e.time_ns,
          e.count,
          e.lost_bytes,
          e.client.ip,
          {e.server, e.network_tag},
          {sensor, e.cause, e.origin, e.stage, e.ending, e.severity},
          idle_number(e.idle_ns)};
}

uint8_t idle_number(uint64_t idle_ns) {
  uint64_t digit = idle_ns / kSecondNs;
  if (digit == 0) return 0;
  unsigned decade = 0;
  for (; digit >= 10; digit /= 10) ++decade;
  return static_cast<uint8_t>(decade * 9 + digit);
}

uint64_t idle_least_ns(uint8_t number) {
  if (number == 0) return 0;
  uint64_t ns = ((number - 1u) % 9 + 1) * kSecondNs;
  for (unsigned decade = (number - 1u) / 9; decade > 0; --decade) ns *= 10;
  return ns;
}

uint64_t host_of(const model::Ip& ip) {
  static_assert(kClientNetworkBitsV4 == 24 && kClientNetworkBitsV6 == 64);
  if (model::is_v4(ip)) return ip[15];
  return std::bit_cast<std::array<uint64_t, 2>>(ip)[1];
}

model::Ip with_host(model::Ip network, uint64_t host) {
  if (model::is_v4(network))
    network[15] = static_cast<uint8_t>(host);
  else
    std::memcpy(network.data() + 8, &host, sizeof host);
  return network;
}

ColumnBytes encode_columns(std::span<const ColumnRow> rows) {
  ColumnBytes out;
  const auto bytes = [&](Column column) -> std::string& { return out[static_cast<size_t>(column)]; };
  std::vector<uint64_t> numbers(rows.size());
  const auto put_each = [&](Column column, const auto& number_of) {
    for (size_t i = 0; i < rows.size(); ++i) numbers[i] = number_of(rows[i]);
    put_numbers(numbers, bytes(column));
  };
  uint64_t before = rows.empty() ? 0 : rows.front().time_ns;
  model::put_varint(bytes(Column::kTimes), before);
  put_each(Column::kTimes, [&](const ColumnRow& row) {
    const auto after = static_cast<int64_t>(row.time_ns - before);
    before = row.time_ns;
    return model::to_zigzag(after);
  });
  put_each(Column::kHosts, [](const ColumnRow& row) { return host_of(row.client); });
  put_each(Column::kIdle, [](const ColumnRow& row) { return uint64_t{row.idle}; });
  put_each(Column::kCounts, [](const ColumnRow& row) { return row.count; });
  put_each(Column::kLost, [](const ColumnRow& row) { return row.lost_bytes; });
  const auto put_keyed = [&]<class Key>(Column column, Dictionary<Key> keys, const auto& key_of) {
    for (size_t i = 0; i < rows.size(); ++i) numbers[i] = keys.number_of(key_of(rows[i]));
    put_keys(keys, numbers, bytes(column));
  };
  put_keyed(Column::kServers, Dictionary<Served>(), [](const ColumnRow& row) { return row.served; });
  put_keyed(Column::kWays, Dictionary<Way>(), [](const ColumnRow& row) { return row.way; });
  put_keyed(Column::kNetworks, Dictionary<model::Ip>(), [](const ColumnRow& row) { return network_of(row.client); });
  return out;
}

bool decode_column(Column column, std::string_view bytes, Columns& out) {
  const auto numbers = [&](std::vector<uint64_t>& into) {
    model::PackReader in(bytes);
    return take_numbers(in, bytes, into);
  };
  switch (column) {
    case Column::kTimes:
      return take_times(bytes, out.times);
    case Column::kServers:
      return take_keys(bytes, out.servers, out.server);
    case Column::kWays:
      return take_keys(bytes, out.ways, out.way);
    case Column::kNetworks:
      return take_keys(bytes, out.networks, out.network);
    case Column::kHosts:
      return numbers(out.hosts);
    case Column::kIdle:
      return numbers(out.idle);
    case Column::kCounts:
      return numbers(out.counts);
    case Column::kLost:
      return numbers(out.lost);
  }
  return false;
}

std::vector<ColumnRow> rows_of(const Columns& c) {
  std::vector<ColumnRow> rows(c.times.size());
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i] = {0,
               c.times[i],
               c.counts[i],
               c.lost[i],
               with_host(c.networks[c.network[i]], c.hosts[i]),
               c.servers[c.server[i]],
               c.ways[c.way[i]],
               static_cast<uint8_t>(c.idle[i])};
  return rows;
}

}  // namespace rs::store::sqlite
