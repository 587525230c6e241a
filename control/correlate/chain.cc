// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/chain.h"

#include <algorithm>
#include <cmath>

namespace rs::correlate {
namespace {

constexpr uint64_t kKeptNs = 10ull * 1'000'000'000;  // legs older than this meet nobody, however late the others come
constexpr int kLongestChain = 8;
constexpr uint64_t kLeastSpanNs = 1'000'000'000;

}  // namespace

ChainFinder::Proxy ChainFinder::proxy_of(const model::Ip& ip) const {
  if (names_)
    if (const uint32_t number = names_->proxy_of(ip); number != 0) return {number, {}};
  return {0, ip};
}

uint64_t ChainFinder::root_of(uint64_t id) const {
  for (int i = 0; i < kLongestChain; ++i) {
    const auto found = roots_.find(id);
    if (found == roots_.end()) break;
    id = found->second;
  }
  return id;
}

double ChainFinder::rate(const model::Endpoint& server, bool front, uint64_t time_ns) const {
  const auto found = rates_.find({server, front});
  if (found == rates_.end()) return 0;
  const uint64_t minute = time_ns / kRateOverNs;
  const Rate& r = found->second;
  const uint64_t endings = r.minute == minute ? r.now + r.before : r.minute + 1 == minute ? r.now : 0;
  // Over the time they were counted in; at first at least a second, so that few do not look like none.
  const uint64_t since = std::max(r.first_ns, minute > 0 ? (minute - 1) * kRateOverNs : 0);
  const uint64_t span = std::max(kLeastSpanNs, time_ns > since ? time_ns - since : 0);
  return static_cast<double>(endings) / static_cast<double>(span);
}

void ChainFinder::meet(const Leg& first, const Leg& second, std::vector<Relay>& out) {
  const Leg& front = first.front ? first : second;
  const Leg& back = first.front ? second : first;
  const LinkKey key{front.server, back.server, !first.front};
  auto found = links_.find(key);
  if (found == links_.end()) {
    if (links_.size() >= kMaxLinks) {
      std::erase_if(links_, [](const auto& item) { return item.second.met < kLeastMeetings; });
      if (links_.size() >= kMaxLinks) return;
    }
    found = links_.try_emplace(key).first;
  }
  Link& link = found->second;
  ++link.met;
  // How many of the first kind lie within the latency before any moment.
  const double expected = rate(first.server, first.front, first.time_ns) * static_cast<double>(kLatencyNs);
  link.by_chance += 1 - std::exp(-expected);
  const double confidence = 1 - link.by_chance / static_cast<double>(link.met);
  const Relay relay{second.id, first.id, confidence, second.time_ns};
  if (link.met < kLeastMeetings || confidence < kLeastConfidence) {
    if (link.waiting.size() < kMostWaiting) link.waiting.push_back(relay);
    return;
  }
  link.waiting.push_back(relay);
  for (Relay& one : link.waiting) {
    one.confidence = confidence;
    if (root_of(one.root_id) == one.event_id) continue;  // never in a circle
    roots_.emplace(one.event_id, one.root_id);
    roots_order_.push_back(one.event_id);
    one.root_id = root_of(one.root_id);
    out.push_back(one);
  }
  link.waiting.clear();
  while (roots_order_.size() > kMaxRecent) {
    roots_.erase(roots_order_.front());
    roots_order_.pop_front();
  }
}

std::vector<Relay> ChainFinder::add(const model::Ended& e) {
  std::vector<Relay> out;
  // Folded endings have no time of their own each.
  if (e.count > 1 || e.client.ip == model::Ip{}) return out;
  const Proxy sides[2] = {proxy_of(e.client.ip), proxy_of(e.server.ip)};
  if (sides[0] == sides[1]) return out;
  if (roles_.size() + 2 > kMaxAddresses) roles_.clear();  // learned anew from what comes
  roles_[sides[0]].client = true;
  roles_[sides[1]].server = true;
  for (const bool front : {false, true}) {
    Rate& r = rates_[{e.server, front}];
    if (r.first_ns == 0) r.first_ns = e.time_ns;
    const uint64_t minute = e.time_ns / kRateOverNs;
    if (minute > r.minute) {
      r.before = minute == r.minute + 1 ? r.now : 0;
      r.now = 0;
      r.minute = minute;
    }
    ++r.now;
  }
  if (rates_.size() > 2 * kMaxAddresses) rates_.clear();

  for (const bool front : {false, true}) {  // seen from the proxy: as its client it is on the back leg
    const Proxy& proxy = sides[front ? 1 : 0];
    auto& legs = legs_[proxy];
    while (!legs.empty() && legs.front().time_ns + kKeptNs < e.time_ns) legs.pop_front();
    Leg leg{e.id, e.time_ns, e.server, proxy, front, false};
    const Roles roles = roles_[proxy];
    if (roles.client && roles.server) {
      // The nearest of the other side before it, and the nearest after it that has none yet.
      Leg* before = nullptr;
      Leg* after = nullptr;
      for (Leg& other : legs) {
        if (other.front == front || other.id == e.id) continue;
        if (other.time_ns <= e.time_ns && e.time_ns - other.time_ns <= kLatencyNs) {
          if (before == nullptr || other.time_ns > before->time_ns) before = &other;
        } else if (other.time_ns > e.time_ns && other.time_ns - e.time_ns <= kLatencyNs && !other.joined) {
          if (after == nullptr || other.time_ns < after->time_ns) after = &other;
        }
      }
      if (before != nullptr) {
        meet(*before, leg, out);
        leg.joined = true;
      } else if (after != nullptr) {
        after->joined = true;
        meet(leg, *after, out);
      }
    }
    legs.push_back(leg);
    order_.push_back(proxy);
  }
  while (order_.size() > kMaxRecent) {
    if (const auto found = legs_.find(order_.front()); found != legs_.end()) {
      if (!found->second.empty()) found->second.pop_front();
      if (found->second.empty()) legs_.erase(found);
    }
    order_.pop_front();
  }
  return out;
}

}  // namespace rs::correlate
