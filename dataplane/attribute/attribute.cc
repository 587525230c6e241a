// SPDX-License-Identifier: Apache-2.0
#include "dataplane/attribute/attribute.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "dataplane/attribute/rules.h"
#include "dataplane/base/insertion_sort.h"

namespace rs::attribute {
namespace {

bool applies(const Rule& r, const Needs& n, const Facts& f) {
  if ((r.stages & (1U << static_cast<unsigned>(f.stage))) == 0) return false;
  if ((r.endings & (1U << static_cast<unsigned>(f.ending))) == 0) return false;
  if (r.sender != Side::kUnknown && r.sender != f.sender) return false;
  return f.seen().has_all(n.all) && (n.any_is_empty || f.seen().has_any(n.any)) && !f.seen().has_any(n.none);
}

// Points of "not the host" for a row: added for the path, taken from the host. What speaks for the host lifts it
// but little: the rules themselves already ask for its image.
constexpr int kHostLift = 50;

int origin_points(Who who, int not_host) {
  switch (who) {
    case Who::kMiddlebox:
      return not_host;
    case Who::kSender:
      return std::min(-not_host, kHostLift);
    case Who::kOffPath:
      return std::max(0, not_host / 4);
    case Who::kIcmpSender:
    case Who::kNobody:
      break;
  }
  return 0;
}

Origin origin_of(Who who, const Facts& f, bool icmp_from_server) {
  switch (who) {
    case Who::kSender:
      if (f.sender == Side::kClient) return Origin::kClient;
      return f.sender == Side::kServer ? Origin::kServer : Origin::kUnknown;
    case Who::kMiddlebox:
      return Origin::kMiddlebox;
    case Who::kOffPath:
      return Origin::kOffPath;
    case Who::kIcmpSender:
      return icmp_from_server ? Origin::kServer : Origin::kMiddlebox;
    case Who::kNobody:
      break;
  }
  return Origin::kUnknown;
}

// The kernel reason that has this image and history, where a Linux host sent it (measured per reason in the lab).
LinuxReason linux_reason(const Facts& f, Cause cause, Origin origin) {
  if (f.ending != Ending::kReset && f.ending != Ending::kRefused) return LinuxReason::kNone;
  if (origin != Origin::kClient && origin != Origin::kServer) return LinuxReason::kNone;
  if (f.has(FactId::kMptcpReason)) return LinuxReason::kMptcp;
  switch (cause) {
    case Cause::kHostFwReject:
      return LinuxReason::kNone;
    case Cause::kListenOverflowRst:
      return LinuxReason::kInvalidSyn;
    case Cause::kKeepaliveTimeout:
      return LinuxReason::kTcpKeepaliveTimeout;
    case Cause::kHalfOpenDiscovery:
    case Cause::kTimewaitCollision:
      return LinuxReason::kTcpInvalidAckSequence;
    case Cause::kCloseThenLateData:
    case Cause::kKeepaliveRace:
      return LinuxReason::kTcpTimewaitSocket;
    default:
      break;
  }
  if (f.has(FactId::kImageStateless) || f.has(FactId::kImageStatelessAck)) return LinuxReason::kNoSocket;
  if (!f.has(FactId::kImageActive)) return LinuxReason::kNone;
  return f.has(FactId::kRequestUnanswered) ? LinuxReason::kTcpAbortOnClose : LinuxReason::kTcpState;
}

// What the row rests on: its needs as well as its weights, strongest first.
void explain(const Rule& r, const Facts& f, Verdict& v) {
  const auto add = [&](FactId id, int points) {
    if (id == FactId::kNone || !f.has(id)) return;
    for (uint8_t i = 0; i < v.deciding_count; ++i) {
      if (v.deciding[i].fact == id) {
        v.deciding[i].points = static_cast<int16_t>(v.deciding[i].points + points);
        return;
      }
    }
    if (v.deciding_count < kMaxDeciding) v.deciding[v.deciding_count++] = {id, static_cast<int16_t>(points)};
  };
  const int share = std::max<int>(r.prior, 0) / 3;
  for (const FactId id : r.all) add(id, share);
  for (const FactId id : r.any) add(id, share);
  for (const Weight& w : r.weights) add(w.fact, w.points);
  if (r.who == Who::kMiddlebox || r.who == Who::kSender)
    for (const Weight& w : origin_weights()) add(w.fact, r.who == Who::kMiddlebox ? w.points : -w.points);
  insertion_sort(v.deciding.begin(), v.deciding.begin() + v.deciding_count,
                 [](const Deciding& a, const Deciding& b) { return std::abs(a.points) > std::abs(b.points); });
}

}  // namespace

Verdict attribute(const Facts& f, bool icmp_from_server) {
  int not_host = 0;
  for (const Weight& w : origin_weights())
    if (f.has(w.fact)) not_host += w.points;

  // Best row of each cause.
  std::array<int, kCauseCount> score;
  std::array<const Rule*, kCauseCount> row{};
  score.fill(INT32_MIN);
  const std::span<const Rule> table = rules();
  const std::span<const Needs> need = needs();
  for (size_t i = 0; i < table.size(); ++i) {
    const Rule& r = table[i];
    if (!applies(r, need[i], f)) continue;
    int s = r.prior + origin_points(r.who, not_host);
    for (const Weight& w : r.weights)
      if (w.fact != FactId::kNone && f.has(w.fact)) s += w.points;
    const auto c = static_cast<size_t>(r.cause);
    if (s > score[c]) {
      score[c] = s;
      row[c] = &r;
    }
  }
  double sum = 1.0;  // "unknown", score 0
  size_t best = 0;
  size_t second = 0;
  for (size_t c = 1; c < kCauseCount; ++c) {
    if (row[c] == nullptr) continue;
    sum += std::exp(score[c] / 100.0);
    if (best == 0 || score[c] > score[best]) {
      second = best;
      best = c;
    } else if (second == 0 || score[c] > score[second]) {
      second = c;
    }
  }
  const auto share = [&](size_t c) { return c == 0 ? 0.0F : static_cast<float>(std::exp(score[c] / 100.0) / sum); };
  Verdict v;
  float p1 = share(best);
  float p2 = share(second);
  const float cap = f.has(FactId::kOneSided) ? kOneSidedCap : (f.has(FactId::kLossyCapture) ? 0.85F : 0.98F);
  p1 = std::min(p1, cap);
  p2 = std::min(p2, cap);
  if (best == 0 || p1 < kThreshold || p1 - p2 < kMargin) {
    // The facts may still tell whose packet it was.
    v.second = static_cast<Cause>(best);
    v.second_confidence = p1;
    v.confidence = best == 0 ? 0.0F : static_cast<float>(1.0 / sum);
    if (f.ending == Ending::kReset || f.ending == Ending::kRefused) {
      if (not_host >= 300) {
        v.origin = Origin::kMiddlebox;
      } else if (not_host <= -100 || (best != 0 && row[best]->who == Who::kSender && not_host < 100)) {
        v.origin = f.sender == Side::kClient ? Origin::kClient : Origin::kServer;
      }
    }
    if (best != 0) explain(*row[best], f, v);
    return v;
  }
  const Rule& r = *row[best];
  v.cause = r.cause;
  v.second = static_cast<Cause>(second);
  v.confidence = p1;
  v.second_confidence = p2;
  v.severity = r.severity;
  v.origin = origin_of(r.who, f, icmp_from_server);
  v.linux_reason = linux_reason(f, v.cause, v.origin);
  explain(r, f, v);
  return v;
}

}  // namespace rs::attribute
