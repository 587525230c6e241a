// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/chain.h"

#include <algorithm>
#include <cmath>

namespace rs::correlate {
namespace {

constexpr int kLongestChain = 8;
constexpr uint64_t kLeastSpanNs = 1'000'000'000;

}  // namespace

ChainFinder::Proxy ChainFinder::proxy_of(const model::Ip& ip) const {
  if (names_)
    if (uint32_t number = names_->proxy_of(ip); number != 0) {
      Proxy out{0xff};  // ff00::/8 is multicast (RFC 4291 2.7): no end of a connection
      for (size_t i = out.size(); number != 0; number >>= 8) out[--i] = static_cast<uint8_t>(number);
      return out;
    }
  return ip;
}

uint64_t ChainFinder::root_of(uint64_t id) const {
  for (int i = 0; i < kLongestChain; ++i) {
    const auto found = roots_.find(id);
    if (found == roots_.end()) break;
    id = found->second;
  }
  return id;
}

double ChainFinder::rate(const model::Endpoint& server, uint64_t time_ns) const {
  const auto found = rates_.find(server);
  if (found == rates_.end()) return 0;
  const uint64_t minute = time_ns / kRateOverNs;
  const Rate& r = found->second;
  const uint64_t endings = r.minute == minute ? r.now + r.before : r.minute + 1 == minute ? r.now : 0;
  // Over the time they were counted in; at first at least a second, so that few do not look like none.
  const uint64_t since = std::max(r.first_ns, minute > 0 ? (minute - 1) * kRateOverNs : 0);
  const uint64_t span = std::max(kLeastSpanNs, time_ns > since ? time_ns - since : 0);
  return static_cast<double>(endings) / static_cast<double>(span);
}

void ChainFinder::meet(const Leg& first, const Leg& second, bool back_first, std::vector<Relay>& out) {
  const LinkKey key{(back_first ? second : first).server, (back_first ? first : second).server, back_first};
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
  const double expected = rate(first.server, first.time_ns) * static_cast<double>(kLatencyNs);
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

// The other leg nearest in time within the latency: of this ending as a front leg the back legs of its proxy, and the
// other way round. Before it, or after it and not joined yet.
ChainFinder::Leg* ChainFinder::nearest(const Leg& leg, bool as_front, bool before) {
  const Proxy& proxy = as_front ? leg.server_side : leg.client_side;
  Leg* best = nullptr;
  uint64_t best_off = kLatencyNs + 1;
  const auto& heads = as_front ? by_client_ : by_server_;
  size_t looked = 0;
  for (uint32_t at = heads[model::hash_of(proxy) % kHeads]; at != kNone;
       at = as_front ? ring_[at].next_client : ring_[at].next_server) {
    if (++looked > kMostLooked) break;
    Leg& other = ring_[at];
    if ((as_front ? other.client_side : other.server_side) != proxy || other.id == leg.id) continue;
    if (before ? other.time_ns > leg.time_ns : other.time_ns <= leg.time_ns || other.joined) continue;
    const uint64_t off = before ? leg.time_ns - other.time_ns : other.time_ns - leg.time_ns;
    if (off < best_off) best = &other, best_off = off;
  }
  return best;
}

ChainFinder::Leg& ChainFinder::remember(const model::Ended& e, const Proxy& client, const Proxy& server) {
  const auto at = static_cast<uint32_t>(next_);
  next_ = (next_ + 1) % kMaxRecent;
  Leg& leg = ring_[at];
  if (leg.used) {
    // The oldest of all is the last of both its chains.
    (leg.newer_client == kNone ? by_client_[model::hash_of(leg.client_side) % kHeads]
                               : ring_[leg.newer_client].next_client) = kNone;
    (leg.newer_server == kNone ? by_server_[model::hash_of(leg.server_side) % kHeads]
                               : ring_[leg.newer_server].next_server) = kNone;
  }
  leg = {};
  leg.id = e.id;
  leg.time_ns = e.time_ns;
  leg.server = e.server;
  leg.client_side = client;
  leg.server_side = server;
  leg.used = true;
  uint32_t& client_head = by_client_[model::hash_of(client) % kHeads];
  leg.next_client = client_head;
  if (client_head != kNone) ring_[client_head].newer_client = at;
  client_head = at;
  uint32_t& server_head = by_server_[model::hash_of(server) % kHeads];
  leg.next_server = server_head;
  if (server_head != kNone) ring_[server_head].newer_server = at;
  server_head = at;
  return leg;
}

std::vector<Relay> ChainFinder::add(const model::Ended& e) {
  std::vector<Relay> out;
  // Folded endings have no time of their own each.
  if (e.count > 1 || e.client.ip == model::Ip{}) return out;
  const Proxy client = proxy_of(e.client.ip), server = proxy_of(e.server.ip);
  if (client == server) return out;
  if (rates_.size() > kMaxAddresses) rates_.clear();  // counted anew from what comes
  Rate& r = rates_[e.server];
  if (r.first_ns == 0) r.first_ns = e.time_ns;
  const uint64_t minute = e.time_ns / kRateOverNs;
  if (minute > r.minute) {
    r.before = minute == r.minute + 1 ? r.now : 0;
    r.now = 0;
    r.minute = minute;
  }
  ++r.now;
  Leg& leg = remember(e, client, server);
  for (const bool as_front : {false, true}) {
    if (Leg* before = nearest(leg, as_front, true); before != nullptr) {
      meet(*before, leg, as_front, out);
      leg.joined = true;
    } else if (Leg* after = nearest(leg, as_front, false); after != nullptr) {
      after->joined = true;
      meet(leg, *after, !as_front, out);
    }
  }
  return out;
}

}  // namespace rs::correlate
