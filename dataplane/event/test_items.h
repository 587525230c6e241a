// SPDX-License-Identifier: Apache-2.0
//
// Events and a ring reader for this folder's tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/event/event.h"
#include "dataplane/event/ring.h"

namespace rs::event::test {

inline constexpr TimeNs kStart = 1'700'000'000 * kSecond;  // a whole second and a whole 10 s interval

inline IpAddr ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  const uint8_t four[4] = {a, b, c, d};
  return IpAddr::v4(four);
}

inline Event reset(TimeNs at, uint64_t id, IpAddr client = ip4(10, 1, 2, 3), IpAddr server = ip4(10, 9, 0, 1),
                   uint16_t port = 443) {
  Event e{};
  e.id = id;
  e.time_ns = at;
  e.start_ns = at - kSecond;
  e.client = {client, 40000};
  e.server = {server, port};
  e.cause = Cause::kAppAbortUnread;
  e.origin = Origin::kServer;
  e.stage = Stage::kExchange;
  e.ending = Ending::kReset;
  e.fact_count = 2;
  e.facts[0] = {64, FactId::kRstTtl, 0};
  e.facts[1] = {1, FactId::kImageActive, 150};
  return e;
}

// Everything on the ring, taken off.
inline std::vector<Item> take_all(Ring& ring) {
  std::vector<Item> out;
  while (const Item* item = ring.front()) {
    out.push_back(*item);
    ring.pop();
  }
  return out;
}

inline std::vector<Event> events_of(const std::vector<Item>& items) {
  std::vector<Event> out;
  for (const Item& item : items) {
    if (item.kind == ItemKind::kEvent) out.push_back(item.event);
  }
  return out;
}

inline std::vector<ServiceStats> services_of(const std::vector<Item>& items) {
  std::vector<ServiceStats> out;
  for (const Item& item : items) {
    if (item.kind == ItemKind::kService) out.push_back(item.service);
  }
  return out;
}

inline uint64_t endings_of(const std::vector<Event>& events) {
  uint64_t sum = 0;
  for (const Event& e : events) sum += e.count;
  return sum;
}

inline bool folded(const Event& e) { return (e.flags & static_cast<uint16_t>(Flag::kFolded)) != 0; }

}  // namespace rs::event::test
