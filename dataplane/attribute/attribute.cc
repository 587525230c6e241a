// SPDX-License-Identifier: Apache-2.0
#include "dataplane/attribute/attribute.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <span>
#include <vector>

#include "dataplane/attribute/rules.h"
#include "dataplane/base/insertion_sort.h"

namespace rs::attribute {
namespace {

bool applies(const Rule& r, const Needs& n, const Shape& f) {
  if (r.sender != Side::kUnknown && r.sender != f.sender) return false;
  return f.seen().has_all(n.all) && (n.any_is_empty || f.seen().has_any(n.any)) && !f.seen().has_any(n.none);
}

constexpr size_t kStages = 16;
constexpr size_t kEndings = 8;

// The rules of each stage and ending, in the table's order. Made once at start.
class Shelves {
 public:
  Shelves() {
    const std::span<const Rule> table = rules();
    for (uint16_t i = 0; i < table.size(); ++i)
      for (size_t stage = 0; stage < kStages; ++stage)
        for (size_t ending = 0; ending < kEndings; ++ending)
          if ((table[i].stages >> stage & 1U) != 0 && (table[i].endings >> ending & 1U) != 0)
            shelves_[stage][ending].push_back(i);
  }
  [[nodiscard]] std::span<const uint16_t> of(Stage stage, Ending ending) const {
    return shelves_[static_cast<size_t>(stage) % kStages][static_cast<size_t>(ending) % kEndings];
  }

 private:
  std::array<std::array<std::vector<uint16_t>, kEndings>, kStages> shelves_;
};

const Shelves kShelves;

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

Origin origin_of(Who who, const Shape& f, bool icmp_from_server) {
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
LinuxReason linux_reason(const Shape& f, Cause cause, Origin origin) {
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
  // Data to a socket that has closed in order and is remembered by TIME_WAIT only.
  if (f.has(FactId::kImageStateless) && f.has(FactId::kFinFromRstSender) && f.has(FactId::kDataAfterFin))
    return LinuxReason::kTcpTimewaitSocket;
  if (f.has(FactId::kImageStateless) || f.has(FactId::kImageStatelessAck)) return LinuxReason::kNoSocket;
  if (!f.has(FactId::kImageActive)) return LinuxReason::kNone;
  return f.has(FactId::kRequestUnanswered) ? LinuxReason::kTcpAbortOnClose : LinuxReason::kTcpState;
}

// What the row rests on: its needs as well as its weights, strongest first.
void explain(const Rule& r, const Shape& f, Verdict& v) {
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

// An endpoint's ending in or after an exchange, judged by its form alone: what it said before may make it another
// cause.
bool needs_words(const Rule& r, const Shape& f) {
  if (r.who != Who::kSender || r.source == kWords) return false;
  return f.stage == Stage::kExchange || f.stage == Stage::kIdle || f.stage == Stage::kClosing ||
         f.stage == Stage::kClosed || f.stage == Stage::kRequest;
}

// A cause in the running: its best row and that row's score.
struct Bid {
  Cause cause;
  int score;
  const Rule* row;
};

}  // namespace

Verdict attribute(const Shape& f, bool icmp_from_server) {
  int not_host = 0;
  for (const Weight& w : origin_weights())
    if (f.has(w.fact)) not_host += w.points;

  // Best row of each cause; the first of equals, as the table has them.
  std::array<Bid, kCauseCount> bids;
  size_t count = 0;
  const std::span<const Rule> table = rules();
  const std::span<const Needs> need = needs();
  for (const uint16_t i : kShelves.of(f.stage, f.ending)) {
    const Rule& r = table[i];
    if (!applies(r, need[i], f)) continue;
    int s = r.prior + origin_points(r.who, not_host);
    for (const Weight& w : r.weights) {
      if (w.fact == FactId::kNone) break;
      if (f.has(w.fact)) s += w.points;
    }
    size_t at = 0;
    while (at < count && bids[at].cause != r.cause) ++at;
    if (at == count) {
      bids[count++] = {r.cause, s, &r};
    } else if (s > bids[at].score) {
      bids[at] = {r.cause, s, &r};
    }
  }
  // In the vocabulary's order, so that neither equal scores nor the sum depend on the order of rows.
  insertion_sort(bids.begin(), bids.begin() + count, [](const Bid& a, const Bid& b) { return a.cause < b.cause; });
  double sum = 1.0;  // "unknown", score 0
  std::array<int, kCauseCount> score;
  std::array<const Rule*, kCauseCount> row;
  size_t best = 0;
  size_t second = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto c = static_cast<size_t>(bids[i].cause);
    score[c] = bids[i].score;
    row[c] = bids[i].row;
    sum += std::exp(score[c] * kSharpness / 100);
    if (best == 0 || score[c] > score[best]) {
      second = best;
      best = c;
    } else if (second == 0 || score[c] > score[second]) {
      second = c;
    }
  }
  const auto share = [&](size_t c) {
    return c == 0 ? 0.0F : static_cast<float>(std::exp(score[c] * kSharpness / 100) / sum);
  };
  Verdict v;
  float p1 = share(best);
  float p2 = share(second);
  float cap = f.has(FactId::kOneSided) ? kOneSidedCap : kCap;
  if (best != 0 && f.has(FactId::kMessageCut) && needs_words(*row[best], f)) cap = std::min(cap, kUnreadCap);
  const float kept = f.has(FactId::kLossyCapture) ? kLossyShare : 1.0F;
  p1 = std::min(p1, cap) * kept;
  p2 = std::min(p2, cap) * kept;
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
