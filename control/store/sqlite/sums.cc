// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite/sums.h"

#include <algorithm>

#include "control/model/pack.h"

namespace rs::store::sqlite {
namespace {

constexpr uint64_t kNsPerS = 1'000'000'000;
// Two enumerators share a byte; five of them are told by three bytes.
static_assert(kCauseCount <= 256 && kOriginCount <= 16 && kStageCount <= 16 && kEndingCount <= 16 &&
              kSeverityCount <= 16);

template <class E>
E enumerator(uint64_t v, size_t count) {
  return v < count ? static_cast<E>(v) : E{};
}

}  // namespace

void describe(const Way& way, const SensorNames& names, model::Event& event) {
  event.cause = way.cause;
  event.origin = way.origin;
  event.stage = way.stage;
  event.ending = way.ending;
  event.severity = way.severity;
  const auto name = names.find(way.sensor);
  event.sensor = name == names.end() ? std::string() : name->second;
}

void add_sum(const Sum& one, Sum& into) {
  into.way = one.way;
  into.endings += one.endings;
  into.lost_bytes += one.lost_bytes;
  into.last_ns = std::max(into.last_ns, one.last_ns);
}

void encode_sums(const std::vector<Sum>& sums, uint64_t at_s, std::string& out) {
  out.clear();
  for (const Sum& sum : sums) {
    const Way& w = sum.way;
    const auto pair = [&](auto high, auto low) {
      out.push_back(static_cast<char>(static_cast<unsigned>(high) << 4 | static_cast<unsigned>(low)));
    };
    out.push_back(static_cast<char>(w.cause));
    pair(w.origin, w.stage);
    pair(w.ending, w.severity);
    model::put_varint(out, static_cast<uint64_t>(w.sensor));
    model::put_varint(out, sum.endings);
    model::put_varint(out, sum.lost_bytes);
    model::put_varint(out, sum.last_ns - at_s * kNsPerS);
  }
}

bool decode_sums(std::string_view bytes, uint64_t at_s, std::vector<Sum>& out) {
  out.clear();
  model::PackReader in(bytes);
  while (in.left() > 0) {
    Sum& sum = out.emplace_back();
    sum.way.cause = enumerator<Cause>(in.byte(), kCauseCount);
    const uint64_t where = in.byte(), how = in.byte();
    sum.way.origin = enumerator<Origin>(where >> 4, kOriginCount);
    sum.way.stage = enumerator<Stage>(where & 15, kStageCount);
    sum.way.ending = enumerator<Ending>(how >> 4, kEndingCount);
    sum.way.severity = enumerator<Severity>(how & 15, kSeverityCount);
    sum.way.sensor = static_cast<int64_t>(in.varint());
    sum.endings = in.varint();
    sum.lost_bytes = in.varint();
    sum.last_ns = at_s * kNsPerS + in.varint();
    if (!in.ok()) return false;
  }
  return true;
}

void merge_sums(const std::vector<Sum>& more, std::vector<Sum>& into) {
  const size_t before = into.size();
  for (const Sum& one : more) {
    const auto old_end = into.begin() + static_cast<ptrdiff_t>(before);
    const auto found =
        std::lower_bound(into.begin(), old_end, one, [](const Sum& a, const Sum& b) { return a.way < b.way; });
    if (found != old_end && found->way == one.way)
      add_sum(one, *found);
    else
      into.push_back(one);
  }
  std::inplace_merge(into.begin(), into.begin() + static_cast<ptrdiff_t>(before), into.end(),
                     [](const Sum& a, const Sum& b) { return a.way < b.way; });
}

}  // namespace rs::store::sqlite
