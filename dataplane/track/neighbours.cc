// SPDX-License-Identifier: Apache-2.0
#include "dataplane/track/neighbours.h"

#include <algorithm>
#include <cstdlib>

#include "dataplane/track/arithmetic.h"
#include "dataplane/track/norms.h"

namespace rs::track {
namespace {

constexpr int32_t kOneMs = 122;  // in ticks
// Sockets that one process leaves behind are closed in one loop of its kernel: far less than this (lab: 0.1 ms).
constexpr int32_t kMoment = 10 * kOneMs;
// Where the opening is no longer known, only as close as that loop itself.
constexpr int32_t kLoop = kOneMs / 2;
// … and only connections that were opened much farther apart say anything by ending together: so many times.
constexpr int32_t kOpenedApart = 4;
// A device that lost its state answers the next packet of each connection, as they come.
constexpr int32_t kOutage = 50 * kOneMs;
constexpr int32_t kSecondTicks = 1000 * kOneMs;
// Our choices: how long a client's attempts count as one undertaking, and how far back a server's service does.
constexpr int32_t kScan = 1000 * kOneMs;
constexpr int32_t kServed = 10 * kSecondTicks;
// A proxy passes a reset on when its event loop comes round (HAProxy, nginx: within 1 ms; lab).
constexpr int32_t kRelay = 5 * kOneMs;
constexpr int32_t kElsewhere = 60 * kSecondTicks;
// What makes a rhythm: no shorter than a monitor's, and even to a few percent.
constexpr int32_t kRhythm = 250 * kOneMs;

// Our choices: of so many connections closed by their clients half are forgotten, and so many without an answer, four
// in five of all, are no losses of packets.
constexpr uint32_t kHeard = 256;
constexpr uint32_t kDeaf = 4;

bool from_server(const packet::PacketView& v) { return v.src_port < v.dst_port; }

void add(uint8_t& n) { bump(n); }

}  // namespace

Neighbours::Neighbours() : endpoints_(kSets * kWays), callers_(kCallers), struck_(kStruck), opened_(kOpened) {}

uint32_t Neighbours::hash(const IpAddr& ip, uint32_t with) {
  return static_cast<uint32_t>((hash_of(ip) + with * 0xd6e8feb86659fd93ULL) * 0xbf58476d1ce4e5b9ULL >> 32) | 1U;
}

const Neighbours::Endpoint* Neighbours::find(const IpAddr& host, uint16_t port) const {
  const Endpoint* set = &endpoints_[(hash(host, port) >> 8 & (kSets - 1)) * kWays];
  for (uint32_t i = 0; i < kWays; ++i)
    if (set[i].used != 0 && set[i].port == port && set[i].host == host) return &set[i];
  return nullptr;
}

Neighbours::Endpoint& Neighbours::place(const IpAddr& host, uint16_t port) {
  Endpoint* set = &endpoints_[(hash(host, port) >> 8 & (kSets - 1)) * kWays];
  Endpoint* oldest = set;
  for (Endpoint* e = set; e != set + kWays; ++e) {
    if (e->used != 0 && e->port == port && e->host == host) {
      e->used = ++clock_;
      return *e;
    }
    if (e->used < oldest->used) oldest = e;
  }
  *oldest = {};
  oldest->host = host;
  oldest->port = port;
  oldest->used = ++clock_;
  return *oldest;
}

size_t Neighbours::where(const Endpoint& e, uint32_t flow) {
  for (size_t i = 0; i < kKept; ++i)
    if (e.flow[i] == flow) return i;
  return kKept;
}

size_t Neighbours::begin(Endpoint& e, uint32_t flow, Tick opened, uint32_t client) {
  const size_t i = e.next++ % kKept;
  const auto keep = static_cast<uint16_t>(~(1U << i));
  e.flow[i] = flow;
  e.opened[i] = opened;
  e.ended[i] = 0;
  e.client[i] = client;
  e.accepted &= keep;
  e.was_reset &= keep;
  return i;
}

void Neighbours::note(const packet::PacketView& v, uint64_t flow64) {
  const uint32_t flow = static_cast<uint32_t>(flow64 >> 32) | 1U;
  if (v.has(packet::kRst) || v.has(packet::kFin)) {
    ended(v, flow);
    return;
  }
  const Tick now = tick(v.time);
  if (v.has(packet::kAck)) {
    Endpoint& e = place(v.src, v.src_port);
    const size_t i = where(e, flow);
    if (i != kKept) e.accepted = static_cast<uint16_t>(e.accepted | 1U << i);
    met(v.dst, v.src, v.src_port, now, Met::kService, v.ack);
    return;
  }
  Endpoint& e = place(v.dst, v.dst_port);
  const size_t i = where(e, flow);
  // A repeat leaves it as it is; after an end it is the next connection on the same ports.
  if (i == kKept || e.ended[i] != 0) {
    if (i != kKept) e.flow[i] = 0;
    begin(e, flow, now, hash(v.src));
  }
  const uint32_t from = hash(v.src, v.src_port);
  opened_[from >> 4 & (kOpened - 1)] = {from, hash(v.dst, v.dst_port), now};
}

// The end's own FIN or RST.
void Neighbours::ended(const packet::PacketView& v, uint32_t flow) {
  const Tick now = tick(v.time);
  const bool reset = v.has(packet::kRst);
  bool asked_only = false;  // its SYN is all that is known of it
  if (from_server(v) || find(v.src, v.src_port) != nullptr) {
    Endpoint& e = place(v.src, v.src_port);
    size_t i = where(e, flow);
    asked_only = i != kKept && e.opened[i] != 0 && (e.accepted >> i & 1U) == 0 && e.ended[i] == 0;
    if (i == kKept) i = begin(e, flow, 0, hash(v.dst));
    if (e.ended[i] == 0) e.ended[i] = now;
    if (reset) e.was_reset = static_cast<uint16_t>(e.was_reset | 1U << i);
  }
  if (!reset) {
    heard(v, flow);
    return;
  }
  struck(v, flow);
  const bool bare = !v.has(packet::kAck) && v.window == 0 && v.opts == 0;
  if (bare) cut(v, now);
  // RFC 9293 3.5.2 asks for sequence number 0; some send another.
  const bool refusal = v.has(packet::kAck) && (v.seq == 0 || asked_only);
  if (refusal || (bare && from_server(v))) {
    met(v.dst, v.src, v.src_port, now, Met::kRefusal, 0);
  } else if (!from_server(v)) {
    met(v.src, v.dst, v.dst_port, now, Met::kHungUp, v.seq);
  }
}

// A client closes what its server had taken: was that seen?
void Neighbours::heard(const packet::PacketView& v, uint32_t flow) {
  if (from_server(v)) return;
  const Endpoint* e = find(v.dst, v.dst_port);
  const size_t i = e == nullptr ? kKept : where(*e, flow);
  if (i == kKept || e->opened[i] == 0) return;
  ++((e->accepted >> i & 1U) != 0 ? answered_ : unanswered_);
  if (answered_ + unanswered_ < kHeard) return;
  answered_ /= 2;
  unanswered_ /= 2;
}

// One entry a host and moment: it answers each packet of each connection.
void Neighbours::cut(const packet::PacketView& v, Tick now) {
  Cuts& c = cuts_[v.ttl % kCuts];
  const uint32_t host = hash(v.src);
  for (size_t i = 0; i < kKept; ++i)
    if (c.host[i] == host && between(now, c.time[i]) <= kOutage) return;
  const size_t i = c.next++ % kKept;
  c.host[i] = host;
  c.time[i] = now;
  c.by_server = static_cast<uint16_t>((c.by_server & ~(1U << i)) | (from_server(v) ? 1U << i : 0U));
}

void Neighbours::met(const IpAddr& client, const IpAddr& host, uint16_t port, Tick now, Met what, uint32_t client_seq) {
  Caller& c = callers_[hash(client) >> 4 & (kCallers - 1)];
  if (c.client != client) {
    // Service alone makes no place for a client: a flood's forged callers would take all.
    if (what == Met::kService) return;
    c = {};
    c.client = client;
  }
  const uint32_t there = hash(host);
  size_t i = 0;
  while (i < kKept && (c.host[i] != there || c.port[i] != port)) ++i;
  const bool known = i < kKept;
  const auto bit = static_cast<uint16_t>(1U << (known ? i : c.next % kKept));
  // What it asked for before it hung up it may have had.
  if (what == Met::kHungUp && known && (c.served & bit) != 0 && c.unasked[i] != client_seq) return;
  if (!known) i = c.next++ % kKept;
  c.host[i] = there;
  c.port[i] = port;
  c.time[i] = now;
  c.unasked[i] = client_seq;
  c.refused = static_cast<uint16_t>(what == Met::kRefusal ? c.refused | bit : c.refused & ~bit);
  c.served = static_cast<uint16_t>(what == Met::kService ? c.served | bit : c.served & ~bit);
}

void Neighbours::struck(const packet::PacketView& v, uint32_t flow) {
  const uint32_t host = hash(v.dst);
  Struck& s = struck_[host >> 4 & (kStruck - 1)];
  if (s.host != host) s = {.host = host};
  for (size_t i = 0; i < Struck::kTimes; ++i)
    if (s.flow[i] == flow) return;  // the first counts
  const size_t i = s.next;
  s.next = static_cast<uint8_t>((i + 1) % Struck::kTimes);
  s.flow[i] = flow;
  s.time[i] = tick(v.time);
  s.as_server = static_cast<uint8_t>((s.as_server & ~(1U << i)) | (from_server(v) ? 0U : 1U << i));
}

void Neighbours::of_endpoint(const Asked& asked, Around& out) const {
  const Endpoint* e = find(asked.server, asked.server_port);
  if (e == nullptr) return;
  const uint32_t flow = static_cast<uint32_t>(asked.flow >> 32) | 1U;
  const uint32_t client = hash(asked.client);
  const Tick now = tick(asked.time);
  const Tick first = tick(asked.first);
  const size_t own = where(*e, flow);
  // The moment the endpoint itself ended it: its FIN may have come long before the RST.
  const Tick end = own != kKept && e->ended[own] != 0 ? e->ended[own] : now;
  std::array<Tick, kKept + 1> calls;  // of this client
  size_t called = 0;
  uint32_t rest = 0;  // ended within a second, but not together
  for (size_t i = 0; i < kKept; ++i) {
    if (e->flow[i] == 0 || i == own) continue;
    const bool opened = e->opened[i] != 0;
    if (e->ended[i] != 0 && !asked.by_client) {
      const int32_t distance = between(e->ended[i], end);
      if (distance <= kMoment) {
        const int32_t unknown = distance <= kLoop ? INT32_MAX : 0;
        const int32_t opening = opened ? between(e->opened[i], first) : unknown;
        if (opening > kOpenedApart * distance + 1) add(out.ended_together);
        if (opening > kOpenedApart * kMoment) add(out.opened_apart);
      } else if (distance <= kSecondTicks) {
        ++rest;
      }
    }
    if (!opened || apart(e->opened[i], now) > kSecondTicks) continue;
    const int32_t before = apart(first, e->opened[i]);
    if (e->client[i] == client) {
      if (called < kKept) calls[called++] = e->opened[i];
    } else if (between(first, e->opened[i]) <= kSecondTicks) {
      add(out.callers);
    }
    const bool accepted = (e->accepted >> i & 1U) != 0;
    if (accepted && before <= kServed && apart(e->opened[i], now) <= 0) {
      add(out.served_others);
      if (e->client[i] == client && before > 0 && (e->was_reset >> i & 1U) == 0) add(out.served_before);
    }
  }
  // A server that ends many all the time ends some together by chance.
  if (rest > out.ended_together) out.ended_together = out.opened_apart = 0;

  // Three calls at equal intervals, this one among them.
  calls[called++] = first;
  std::sort(calls.begin(), calls.begin() + called, [](Tick a, Tick b) { return apart(a, b) < 0; });
  for (size_t i = 2; i < called; ++i) {
    const int32_t one = apart(calls[i - 1], calls[i - 2]);
    const int32_t two = apart(calls[i], calls[i - 1]);
    const bool with_own = calls[i] == first || calls[i - 1] == first || calls[i - 2] == first;
    if (with_own && one >= kRhythm && std::abs(int64_t{two} - one) <= one / 32 + kOneMs)
      out.regular_ms = static_cast<uint32_t>(one / kOneMs);
  }
}

uint32_t Neighbours::unfinished(const IpAddr& server, uint16_t port) const {
  const Endpoint* e = find(server, port);
  if (e == nullptr) return 0;
  uint32_t n = 0;
  for (size_t i = 0; i < kKept; ++i) {
    if (e->flow[i] == 0 || (e->accepted >> i & 1U) == 0 || e->ended[i] != 0) continue;
    if (std::find(e->client.begin(), e->client.begin() + i, e->client[i]) == e->client.begin() + i) ++n;
  }
  return n;
}

void Neighbours::of_caller(const Asked& asked, Around& out) const {
  const Caller& c = callers_[hash(asked.client) >> 4 & (kCallers - 1)];
  if (c.client != asked.client) return;
  const uint32_t there = hash(asked.server);
  const Tick now = tick(asked.time);
  uint8_t ports = 0;
  uint8_t refusals = 0;  // … of these
  uint8_t hosts = 0;
  for (size_t i = 0; i < kKept; ++i) {
    if (c.host[i] == 0 || between(c.time[i], now) > kScan) continue;
    if ((c.served >> i & 1U) != 0) {
      add(out.ports_served);
      continue;
    }
    if (c.host[i] == there) {
      add(ports);
      if ((c.refused >> i & 1U) != 0) add(refusals);
    }
    if ((c.refused >> i & 1U) == 0 || c.port[i] != asked.server_port) continue;
    add(hosts);
  }
  // A monitor that knocks at many open ports knows that they are there; a scanner finds most of them shut.
  if (2 * refusals < ports) ports = 0;
  out.ports_tried = std::max(ports, hosts);
}

Around Neighbours::around(const Asked& asked) const {
  Around out;
  of_endpoint(asked, out);
  of_caller(asked, out);
  out.half_deaf = unanswered_ >= kDeaf && unanswered_ > 4 * answered_;
  if (!asked.by_rst) return out;

  const Tick now = tick(asked.time);
  const IpAddr& sender = asked.by_client ? asked.client : asked.server;
  const uint16_t sender_port = asked.by_client ? asked.client_port : asked.server_port;
  const uint32_t host = hash(sender);
  const uint32_t from = hash(sender, sender_port);
  const Opened& o = opened_[from >> 4 & (kOpened - 1)];
  const uint32_t peer = asked.by_client ? hash(asked.server, asked.server_port) : hash(asked.client, asked.client_port);
  out.elsewhere = o.from == from && o.server != peer && between(o.time, now) <= kElsewhere;

  out.servers_together = together(asked, host);
  return out;
}

// Hosts in whose names the device did the same. Others in whose names it answers all the time say nothing of the
// moment.
uint8_t Neighbours::together(const Asked& asked, uint32_t host) const {
  const Cuts& c = cuts_[asked.rst_ttl % kCuts];
  const Tick now = tick(asked.time);
  uint8_t count = 0;
  uint8_t rest = 0;
  for (size_t i = 0; i < kKept; ++i) {
    if (c.host[i] == 0 || c.host[i] == host || ((c.by_server >> i & 1U) == 0) != asked.by_client) continue;
    const int32_t distance = between(c.time[i], now);
    if (distance <= kOutage) {
      add(count);
    } else if (distance <= kSecondTicks) {
      add(rest);
    }
  }
  return rest > 5 * count ? uint8_t{0} : count;
}

// In one role it was reset, in the other it resets: no sooner than the one can reach it and the other come back
// (the least round trip seen may be twice the true one).
uint32_t Neighbours::relayed_us(const Asked& asked) const {
  const Tick now = tick(asked.time);
  const uint32_t flow = static_cast<uint32_t>(asked.flow >> 32) | 1U;
  const uint32_t host = hash(asked.by_client ? asked.client : asked.server);
  const Struck& s = struck_[host >> 4 & (kStruck - 1)];
  if (s.host != host) return 0;
  const auto way = static_cast<int32_t>(std::min<uint32_t>(asked.rtt_us, 1'000'000) / 8);
  uint32_t found = 0;
  int32_t oldest = 0;
  size_t known = 0;
  for (size_t i = 0; i < Struck::kTimes; ++i) {
    if (s.flow[i] == 0 || s.flow[i] == flow) continue;
    const int32_t before = apart(now, s.time[i]);
    oldest = std::max(oldest, before);
    ++known;
    if (before >= way / 2 - kOneMs && before <= way + kRelay && ((s.as_server >> i & 1U) != 0) == asked.by_client)
      found = std::max<uint32_t>(1, static_cast<uint32_t>((static_cast<uint64_t>(before) << 13) / kUs));
  }
  // A host that is reset all the time is so by chance: more than one time in five.
  return known >= Struck::kTimes - 1 && oldest < 5 * static_cast<int32_t>(Struck::kTimes) * kRelay ? 0 : found;
}

}  // namespace rs::track
