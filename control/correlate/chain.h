// SPDX-License-Identifier: Apache-2.0
//
// Joins the two legs of a proxied connection: an ending on one leg, and within the proxy's latency an ending on the
// other that it caused. Which legs belong together is learned: a pair of services (front: clients to proxy, back: proxy
// to server) is a link once its endings meet far more often than chance makes of their rates. The earlier ending is the
// root; in a chain of proxies the root's root. Endings that met before a link was established are joined when it is.
//
// Memory is bounded: the newest kMaxRecent endings of addresses in both roles, kMaxLinks links. Not safe for several
// threads.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "control/model/ended.h"
#include "control/model/names.h"

namespace rs::correlate {

struct Relay {
  uint64_t event_id = 0;  // the later ending
  uint64_t root_id = 0;   // what caused it, at the far end of the chain
  double confidence = 0;
  uint64_t time_ns = 0;
};

class ChainFinder {
 public:
  static constexpr uint64_t kLatencyNs = 250'000'000;  // our choice: a proxy that takes longer has its own reasons
  static constexpr size_t kMaxRecent = 32'768;
  static constexpr size_t kMaxAddresses = 65'536;
  static constexpr size_t kMaxLinks = 4096;
  static constexpr uint64_t kLeastMeetings = 3;
  static constexpr double kLeastConfidence = 0.8;
  static constexpr uint64_t kRateOverNs = 60ull * 1'000'000'000;  // for what chance makes

  // Which addresses are one proxy; may be null.
  void set_names(std::shared_ptr<const model::Names> names) { names_ = std::move(names); }

  // Relations that this ending established, with those of earlier endings that it made certain.
  std::vector<Relay> add(const model::Ended& ended);

  // What caused this ending as far as is known; itself if nothing.
  [[nodiscard]] uint64_t root(uint64_t id) const { return root_of(id); }

  [[nodiscard]] size_t links() const { return links_.size(); }

 private:
  using Proxy = std::pair<uint32_t, model::Ip>;  // number by names, or the address itself
  struct Leg {
    uint64_t id = 0;
    uint64_t time_ns = 0;
    model::Endpoint server;
    Proxy proxy;
    bool front = false;
    bool joined = false;  // as the later one of a pair
  };
  struct LinkKey {
    model::Endpoint front;
    model::Endpoint back;
    bool back_first = true;  // the back side's ending came first
    auto operator<=>(const LinkKey&) const = default;
  };
  struct Link {
    uint64_t met = 0;
    double by_chance = 0;
    std::vector<Relay> waiting;  // until it is certain; bounded
  };
  static constexpr size_t kMostWaiting = 64;

  [[nodiscard]] Proxy proxy_of(const model::Ip& ip) const;
  [[nodiscard]] uint64_t root_of(uint64_t id) const;
  void meet(const Leg& first, const Leg& second, std::vector<Relay>& out);
  // Endings a nanosecond of this service on this side, around the time.
  [[nodiscard]] double rate(const model::Endpoint& server, bool front, uint64_t time_ns) const;

  struct Roles {
    bool client = false;
    bool server = false;
  };
  struct Rate {
    uint64_t first_ns = 0;
    uint64_t minute = 0;
    uint64_t now = 0;     // endings in this minute
    uint64_t before = 0;  // in the one before
  };
  std::shared_ptr<const model::Names> names_;
  std::map<Proxy, Roles> roles_;
  std::map<Proxy, std::deque<Leg>> legs_;
  std::deque<Proxy> order_;  // of all legs, oldest first
  std::map<LinkKey, Link> links_;
  std::map<std::pair<model::Endpoint, bool>, Rate> rates_;
  std::unordered_map<uint64_t, uint64_t> roots_;
  std::deque<uint64_t> roots_order_;
};

}  // namespace rs::correlate
