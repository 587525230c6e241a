// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/idle.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "control/correlate/window.h"
#include "control/model/ip.h"
#include "control/model/pack.h"

namespace rs::correlate {
namespace {

constexpr double kNsPerS = 1e9;
constexpr double kLeastSilence = 1;          // seconds: shorter is no idle timeout
constexpr double kMostSilence = 14 * 86400;  // beyond it no connection is idle, it is forgotten
constexpr double kBinWidth = 0.01;           // relative
constexpr double kPeakWidth = 0.02;          // relative, to either side: the accuracy promised
constexpr double kTick = 0.6;             // seconds to either side: a timer that looks once a second scatters by this
constexpr size_t kMostPeaks = 3;          // of a path
constexpr double kBackground = 0.05;      // endings that may lie anywhere by chance, however few there are around
constexpr double kOneInAMillion = -13.8;  // natural logarithm
constexpr uint64_t kFormat = 1;
constexpr uint8_t kNetworkBitsV4 = 24, kNetworkBitsV6 = 64;

uint16_t bin_of(double seconds) { return static_cast<uint16_t>(std::log(seconds) / std::log1p(kBinWidth)); }

model::Ip network_of(const model::Ip& ip) {
  const auto bits = static_cast<uint8_t>(model::is_v4(ip) ? model::kMappedBits + kNetworkBitsV4 : kNetworkBitsV6);
  return model::first_of({ip, bits});
}

// Whether silence is what ended it.
bool is_sample(const model::Ended& e) {
  switch (e.cause) {
    case Cause::kIdleTimeoutRst:
    case Cause::kIdleTimeoutFin:
    case Cause::kKeepaliveRace:
    case Cause::kSilentStateExpiry:
    case Cause::kNatExpiryRst:
      return true;
    // These end idle connections at times of their own.
    case Cause::kKeepaliveTimeout:
    case Cause::kRetransTimeout:
    case Cause::kProcessCrash:
    case Cause::kHostRestartStale:
    case Cause::kAdminKill:
    case Cause::kStateLossFailover:
    case Cause::kPathChange:
    case Cause::kPortScan:
    case Cause::kBackscatter:
    case Cause::kStraySegment:
    case Cause::kBlindRstAttempt:
      return false;
    default:
      // What a packet after the silence drew has another reason than the silence, unless its cause says so.
      return e.stage == Stage::kIdle && !e.has(model::kDrawnAfterIdle);
  }
}

IdlePath path_of(const model::Ended& e) {
  IdlePath path{e.server, e.origin, false};
  path.at_most =
      e.cause == Cause::kSilentStateExpiry || e.cause == Cause::kNatExpiryRst ||
      (e.cause == Cause::kIdleTimeoutRst && e.has(model::kDrawnAfterIdle) && !e.has(model::kIdleSpontaneous));
  // Who sends nothing is nobody at either end: the state was lost in between.
  if (e.cause == Cause::kSilentStateExpiry) path.by = Origin::kMiddlebox;
  if (path.by == Origin::kUnknown && !path.at_most && e.claimed_sender != Side::kUnknown)
    path.by = e.claimed_sender == Side::kClient ? Origin::kClient : Origin::kServer;
  return path;
}

uint8_t expiry_of(const LearnedTimeout& t) {
  if (t.path.at_most) return kForgets | kSendsReset;
  return t.ending == Ending::kClosed ? kSendsFin : t.ending == Ending::kTimedOut ? kForgets : kSendsReset | kSendsFin;
}

uint8_t place_of(Origin by) {
  switch (by) {
    case Origin::kClient:
      return kAtClient;
    case Origin::kServer:
      return kAtServer;
    case Origin::kMiddlebox:
      return kOnPath;
    default:
      return 0;
  }
}

}  // namespace

uint64_t keepalive_below(double seconds) {
  constexpr uint64_t kRound[] = {1,    2,    3,    5,    10,    15,    20,    25,    30,     45,    60,
                                 75,   90,   100,  120,  150,   180,   240,   300,   450,    600,   900,
                                 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 172800, 216000};
  uint64_t best = 1;
  for (const uint64_t candidate : kRound)
    if (static_cast<double>(candidate) <= seconds / 2) best = candidate;
  return best;
}

IdleLearner::Path* IdleLearner::path_for(const IdlePath& key, uint64_t time_ns) {
  if (const auto found = paths_.find(key); found != paths_.end()) return &found->second;
  if (paths_.size() >= kMaxPaths) {
    // Make room: paths with too few samples to say anything, which nobody added to in the last day.
    constexpr uint64_t kDayNs = 86'400ull * 1'000'000'000;
    const size_t before = paths_.size();
    if (overflow_ % 1024 == 0)  // a pass over all of them now and then
      std::erase_if(paths_, [&](const auto& item) {
        return item.second.all < kLeastSamples && item.second.last_ns + kDayNs < time_ns;
      });
    if (paths_.size() == before) {
      ++overflow_;
      return nullptr;
    }
  }
  return &paths_[key];
}

bool IdleLearner::add(const model::Ended& e) {
  const double seconds = static_cast<double>(e.idle_ns) / kNsPerS;
  if (seconds < kLeastSilence || seconds > kMostSilence || !is_sample(e)) return false;
  Path* path = path_for(path_of(e), e.time_ns);
  if (path == nullptr) return false;
  if (e.cursor != 0 && e.cursor <= path->counted_cursor) return false;
  path->counted_cursor = std::max(path->counted_cursor, e.cursor);

  const uint16_t index = bin_of(seconds);
  if (path->bins.size() >= kMaxBins && !path->bins.contains(index)) {
    // The emptiest bin goes: a peak is never it.
    const auto emptiest = std::ranges::min_element(path->bins, {}, [](const auto& item) { return item.second.count; });
    overflow_ += emptiest->second.count;
    path->bins.erase(emptiest);
  }
  Bin& bin = path->bins[index];
  const auto count = static_cast<double>(e.count);
  bin.least = bin.count == 0 ? seconds : std::min(bin.least, seconds);
  bin.most = std::max(bin.most, seconds);
  bin.sum += seconds * count;
  bin.count += e.count;
  path->all += e.count;
  path->endings[static_cast<size_t>(e.ending) % path->endings.size()] += e.count;
  const model::Ip network = network_of(e.client.ip);
  if (path->first_ns == UINT64_MAX)
    path->client_network = network;
  else if (network != path->client_network)
    path->many_networks = true;
  path->first_ns = std::min(path->first_ns, e.time_ns);
  path->last_ns = std::max(path->last_ns, e.time_ns);
  path->changed = true;
  return true;
}

void IdleLearner::peaks_of(const IdlePath& key, const Path& path, std::vector<LearnedTimeout>& out) {
  struct Slice {
    uint64_t count = 0;
    double sum = 0;
    double least = 0;
    double most = 0;
  };
  // The bins whose mean lies in [from, to).
  const auto window = [&](double from, double to) {
    Slice w;
    for (const auto& [index, bin] : path.bins) {
      const double mean = bin.sum / static_cast<double>(bin.count);
      if (mean < from || mean >= to) continue;
      w.least = w.count == 0 ? bin.least : std::min(w.least, bin.least);
      w.most = std::max(w.most, bin.most);
      w.count += bin.count;
      w.sum += bin.sum;
    }
    return w;
  };
  LearnedTimeout common;
  common.path = key;
  common.all = path.all;
  common.first_ns = path.first_ns;
  common.last_ns = path.last_ns;
  common.client_network = path.client_network;
  common.many_networks = path.many_networks;
  common.ending = static_cast<Ending>(std::ranges::max_element(path.endings) - path.endings.begin());
  const auto finish = [&](LearnedTimeout t) {
    t.defaults = idle_defaults_near(t.seconds, expiry_of(t), place_of(key.by));
    t.keepalive_s = keepalive_below(t.seconds);
    out.push_back(t);
  };

  if (key.at_most) {
    if (path.all < kLeastSamples) return;
    LearnedTimeout t = common;
    // Not the very shortest: one in twenty may have died of something else.
    uint64_t below = 0;
    for (const auto& [index, bin] : path.bins) {
      t.seconds = bin.least;
      below += bin.count;
      if (below >= std::max<uint64_t>(2, path.all / 20)) break;
    }
    t.spread = path.bins.rbegin()->second.most - t.seconds;
    t.samples = path.all;
    finish(t);
    return;
  }
  std::vector<std::pair<uint64_t, double>> centres;  // greatest bins first
  for (const auto& [index, bin] : path.bins) centres.emplace_back(bin.count, bin.sum / static_cast<double>(bin.count));
  std::ranges::sort(centres, std::greater<>());
  std::vector<std::pair<double, double>> taken;
  for (const auto& [count, centre] : centres) {
    if (taken.size() == kMostPeaks) break;
    const double half = std::max(centre * kPeakWidth, kTick);
    const double from = std::max(centre - half, 0.0), to = centre + half;
    if (std::ranges::any_of(taken, [&](const auto& t) { return from < t.second && t.first < to; })) continue;
    const Slice peak = window(from, to);
    if (peak.count < kLeastSamples) continue;
    const double neighbours =
        static_cast<double>(window(from - 2 * half, from).count + window(to, to + 2 * half).count) / 2;
    if (static_cast<double>(peak.count) < kSharpness * neighbours) continue;
    // And more than chance makes of what lies around it, eight times as wide.
    const double wide_from = std::max(centre - 8 * half, kLeastSilence), wide_to = centre + 8 * half;
    const double around = static_cast<double>(window(wide_from, wide_to).count - peak.count);
    const double width = std::max(wide_to - wide_from - (to - from), half);
    if (log_chance(peak.count, std::max(around * (to - from) / width, kBackground)) > kOneInAMillion) continue;
    taken.emplace_back(from, to);
    LearnedTimeout t = common;
    t.seconds = peak.sum / static_cast<double>(peak.count);
    t.spread = peak.most - peak.least;
    t.samples = peak.count;
    finish(t);
  }
}

std::vector<LearnedTimeout> IdleLearner::learned() const {
  std::vector<LearnedTimeout> out;
  for (const auto& [key, path] : paths_) peaks_of(key, path, out);
  std::ranges::stable_sort(out, std::greater<>(), &LearnedTimeout::samples);
  return out;
}

std::vector<LearnedTimeout> IdleLearner::learned(const model::Endpoint& server) const {
  std::vector<LearnedTimeout> out;
  for (auto at = paths_.lower_bound({server, Origin{}, false}); at != paths_.end() && at->first.server == server; ++at)
    peaks_of(at->first, at->second, out);
  std::ranges::stable_sort(out, std::greater<>(), &LearnedTimeout::samples);
  return out;
}

std::vector<IdleLearner::Packed> IdleLearner::changed() {
  std::vector<Packed> out;
  for (auto& [key, path] : paths_) {
    if (!path.changed) continue;
    path.changed = false;
    Packed packed;
    packed.key.assign(reinterpret_cast<const char*>(key.server.ip.data()), key.server.ip.size());
    model::put_varint(packed.key, key.server.port);
    model::put_varint(packed.key, static_cast<uint64_t>(key.by) << 1 | (key.at_most ? 1 : 0));
    packed.time_ns = path.last_ns;
    std::string& v = packed.value;
    model::put_varint(v, kFormat);
    for (const uint64_t n : {path.all, path.counted_cursor, path.first_ns, path.last_ns}) model::put_varint(v, n);
    for (const uint64_t n : path.endings) model::put_varint(v, n);
    v.append(reinterpret_cast<const char*>(path.client_network.data()), path.client_network.size());
    model::put_varint(v, path.many_networks ? 1 : 0);
    model::put_varint(v, path.bins.size());
    // Seconds as whole microseconds: far finer than a bin.
    const auto put = [&](double seconds) { model::put_varint(v, static_cast<uint64_t>(std::llround(seconds * 1e6))); };
    for (const auto& [index, bin] : path.bins) {
      model::put_varint(v, index);
      model::put_varint(v, bin.count);
      put(bin.sum / static_cast<double>(bin.count));
      put(bin.least);
      put(bin.most);
    }
    out.push_back(std::move(packed));
  }
  return out;
}

void IdleLearner::restore(std::string_view key, std::string_view value) {
  IdlePath to;
  if (key.size() < to.server.ip.size()) return;
  std::ranges::copy(key.substr(0, to.server.ip.size()), to.server.ip.begin());
  model::PackReader k(key.substr(to.server.ip.size()));
  to.server.port = static_cast<uint16_t>(k.varint());
  const uint64_t rest = k.varint();
  to.by = rest >> 1 < kOriginCount ? static_cast<Origin>(rest >> 1) : Origin::kUnknown;
  to.at_most = (rest & 1) != 0;
  model::PackReader in(value);
  if (in.varint() != kFormat || !k.ok()) return;
  Path path;
  for (uint64_t* n : {&path.all, &path.counted_cursor, &path.first_ns, &path.last_ns}) *n = in.varint();
  for (uint64_t& n : path.endings) n = in.varint();
  for (uint8_t& byte : path.client_network) byte = static_cast<uint8_t>(in.byte());
  path.many_networks = in.varint() != 0;
  const auto take = [&] { return static_cast<double>(in.varint()) / 1e6; };
  for (size_t n = in.count(5); n > 0; --n) {
    Bin& bin = path.bins[static_cast<uint16_t>(in.varint())];
    bin.count = std::max<uint64_t>(in.varint(), 1);
    bin.sum = take() * static_cast<double>(bin.count);
    bin.least = take();
    bin.most = take();
  }
  if (!in.ok() || path.bins.empty() || paths_.size() >= kMaxPaths) return;
  paths_[to] = std::move(path);
}

}  // namespace rs::correlate
