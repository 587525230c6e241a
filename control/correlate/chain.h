// SPDX-License-Identifier: Apache-2.0
//
// Joins the two legs of a proxied connection: an ending on one leg, and within the proxy's latency an ending on the
// other that it caused. Which legs belong together is learned: a pair of services (front: clients to proxy, back: proxy
// to server) is a link once its endings meet far more often than chance makes of their rates. The earlier ending is the
// root; in a chain of proxies the root's root. Endings that met before a link was established are joined when it is.
//
// Memory is bounded: the newest kMaxRecent endings, kMaxLinks links. Not safe for several
// threads.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "control/model/ended.h"
#include "control/model/incident.h"
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
  static constexpr size_t kMostLooked = 512;  // newest endings of a proxy looked through: busier ones meet by chance
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
  // An address, or the number by names in the last bytes of a prefix no address has.
  using Proxy = model::Ip;
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kHeads = 2 * kMaxRecent;
  struct Leg {
    uint64_t id = 0;
    uint64_t time_ns = 0;
    model::Endpoint server;
    Proxy client_side{};           // the proxy whose back leg it may be
    Proxy server_side{};           // the proxy whose front leg it may be
    uint32_t next_client = kNone;  // older
    uint32_t next_server = kNone;
    uint32_t newer_client = kNone;
    uint32_t newer_server = kNone;
    bool used = false;
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
  // `back_first`: the first is on the back leg.
  void meet(const Leg& first, const Leg& second, bool back_first, std::vector<Relay>& out);
  Leg* nearest(const Leg& leg, bool as_front, bool before);
  Leg& remember(const model::Ended& ended, const Proxy& client, const Proxy& server);
  // Endings a nanosecond of this service, around the time.
  [[nodiscard]] double rate(const model::Endpoint& server, uint64_t time_ns) const;

  struct EndpointHash {
    size_t operator()(const model::Endpoint& endpoint) const { return model::hash_of(endpoint); }
  };
  struct Rate {
    uint64_t first_ns = 0;
    uint64_t minute = 0;
    uint64_t now = 0;     // endings in this minute
    uint64_t before = 0;  // in the one before
  };
  std::shared_ptr<const model::Names> names_;
  // A ring, oldest overwritten, and chains through it by the address at either end.
  std::vector<Leg> ring_ = std::vector<Leg>(kMaxRecent);
  std::vector<uint32_t> by_client_ = std::vector<uint32_t>(kHeads, kNone);
  std::vector<uint32_t> by_server_ = std::vector<uint32_t>(kHeads, kNone);
  size_t next_ = 0;
  std::map<LinkKey, Link> links_;
  absl::flat_hash_map<model::Endpoint, Rate, EndpointHash> rates_;
  absl::flat_hash_map<uint64_t, uint64_t> roots_;
  std::deque<uint64_t> roots_order_;
};

}  // namespace rs::correlate
