// SPDX-License-Identifier: Apache-2.0
//
// THE packet's way, on one screen: read (parse, key) → hand over → find → track → judge → condense. The stages of a
// burst run staggered, so that the memory one stage asks for has come when the next needs it.
#include "dataplane/worker/pipeline.h"

#include <algorithm>

#include "dataplane/attribute/facts.h"
#include "dataplane/base/prefetch.h"
#include "dataplane/context/scanner.h"
#include "dataplane/event/make.h"
#include "dataplane/track/calm.h"

namespace rs::worker {
namespace {

using packet::Outcome;

// Packets go in groups, and buckets and flows are asked for so many packets before they are needed. Where a core waits
// is not the memory alone but the walk through the page tables that comes first: within a group these walks overlap,
// and the work between groups lets them finish. More at once than a core can have under way are dropped, silently:
// groups of 8 and more packets wait for memory as if nothing had been asked for. Measured with perf/replay, 1 M flows
// in random order: groups of 2 and of 4 the same, one at a time and groups of 8 slower.
constexpr uint32_t kGroup = 2;
constexpr uint32_t kBucketAhead = 8;
constexpr uint32_t kFlowAhead = 8;
static_assert(kBucketAhead % kGroup == 0 && kFlowAhead % kGroup == 0);
constexpr uint32_t kFrameAhead = 4;

// Whether this worker keeps the flow of a packet it received; else w.owners tells who does.
bool mine(Worker& w, const packet::PacketView& v, uint32_t i) {
  if (w.setup.sharing == Sharing::kPorts || (w.setup.sharing == Sharing::kTunnels && v.network_tag == 0)) return true;
  w.owners[i] = static_cast<uint16_t>((w.hashes[i] >> 32) * w.setup.workers >> 32);
  return w.owners[i] == w.setup.index;
}

// One packet's headers, then its flow's canonical key and hash.
void read(Worker& w, const capture::Burst& burst, uint32_t i) {
  // A mapped capture file comes in order; a NIC writes each frame into a buffer of its own.
  if (i + kFrameAhead < burst.count) {
    const capture::Frame& later = burst.frames[i + kFrameAhead];
    prefetch(later.data);
    prefetch(later.data + std::min(later.captured_bytes, 64U));  // a message's first bytes lie across both lines
  }
  packet::PacketView& v = w.parsed.views[i];
  Outcome& outcome = w.parsed.outcomes[i];
  outcome = packet::parse_frame(burst.frames[i], v);
  if (outcome > Outcome::kIcmpQuote) [[unlikely]]
    return;
  flow::FlowKey& key = w.keys[i];
  const flow::End from = flow::make_key(v.src, v.src_port, v.dst, v.dst_port, v.network_tag, key);
  w.hashes[i] = w.table.hash_of(key);  // before anything else is stored: from the registers that hold the key
  w.from[i] = from;
  if (!mine(w, v, i)) outcome = Outcome::kOtherWorker;
}

// What is to be done with each packet of the group that begins with `first`; nothing outside the burst.
template <class Do>
void group(uint32_t count, uint32_t first, Do&& act) {
  if (first >= count) return;  // also before the burst: unsigned
  const uint32_t end = std::min(first + kGroup, count);
  for (uint32_t k = first; k != end; ++k) act(k);
}

// What tells of more than its own connection: see Tracker::learn().
bool tells(const packet::PacketView& v) {
  return !v.icmp && (v.flags & (packet::kSyn | packet::kFin | packet::kRst)) != 0;
}

// Whether all workers must see a packet, whoever keeps its flow. On captures: what tells of hosts and neighbours. Where
// ports share flows out: an ICMP error, which the port's hash does not send where the quoted flow is.
bool for_all(const Worker& w, const packet::PacketView& v) {
  if (w.setup.sharing == Sharing::kTunnels) return v.icmp && v.network_tag == 0;
  return w.setup.captures && tells(v);
}

// A frame whose flow another worker keeps goes to it.
void hand_over(Worker& w, capture::Burst& burst, uint32_t i) {
  if (w.setup.captures && burst.restarted[i] != 0) w.handover->restart(burst.restarted[i]);
  if (w.parsed.outcomes[i] > Outcome::kOtherWorker) return;
  const TimeNs reached = w.setup.captures ? burst.reached[i] : burst.now;
  const bool other = w.parsed.outcomes[i] == Outcome::kOtherWorker;
  if (for_all(w, w.parsed.views[i])) w.handover->show(other ? w.owners[i] : w.setup.index, burst.frames[i], reached);
  if (!other) return;
  if (w.handover->give(w.owners[i], burst.frames[i], reached)) {
    burst.frames[i].mbuf = nullptr;  // the taker's now
    w.counters.handed_over.add(1);
  } else {
    w.counters.handover_dropped.add(1);
  }
}

// Where its flow stands, by the bucket; asks for the flow.
void find(Worker& w, uint32_t i) {
  if (w.parsed.outcomes[i] > Outcome::kIcmpQuote) [[unlikely]]
    return;
  const uint32_t candidate = w.table.candidate(w.hashes[i], w.from[i]);
  const packet::PacketView& v = w.parsed.views[i];
  if (candidate != flow::kNone) [[likely]] {
    w.table.prefetch_head(candidate, w.from[i], v.payload_bytes != 0);
    if (v.has(packet::kRst)) [[unlikely]]
      w.table.prefetch_rest(candidate, w.from[i]);
  }
  w.candidates[i] = candidate;
}

// Endings to verdicts to events, and denominators; empties the tracker's lists.
void judge(Worker& w) {
  for (const track::TallyItem& t : w.tracker.tallies()) {
    const event::Endpoint server{t.server, t.server_port};
    switch (t.what) {
      case track::Happened::kAttempted:
        w.output.tally(server, t.tag, event::Tally::kAttempted);
        break;
      case track::Happened::kEstablished:
        w.output.tally(server, t.tag, event::Tally::kEstablished);
        break;
      case track::Happened::kClosedCleanly:
        w.output.tally(server, t.tag, event::Tally::kClosedCleanly);
        break;
      case track::Happened::kBytes:
        w.output.bytes(server, t.tag, t.client_bytes, t.server_bytes);
        break;
    }
  }
  w.tracker.tallies().clear();
  for (const uint32_t e : w.tracker.ready()) {
    const track::Ending& ending = w.tracker.ending(e);
    if (w.blind != nullptr && w.blind->overlaps(ending.cold.first_ns, std::max(ending.time, ending.deadline)))
      w.tracker.mark_lossy(e);
    const context::Context context = context::scan(w.scanner.load(std::memory_order_acquire), ending);
    const attribute::Facts facts = attribute::gather(ending, context);
    const bool server_is_hi = ending.client() == flow::End::kLo;
    const IpAddr& server = server_is_hi ? ending.hot.key.hi : ending.hot.key.lo;
    const attribute::Verdict& verdict = w.verdicts.of(facts, ending.icmp_src == server);
    event::make(ending, context, facts, verdict, w.setup.input, w.event);
    w.output.ending(w.event);
  }
  w.tracker.done();
}

// A packet that is not calm, or none of a connection of this worker.
[[gnu::noinline]] void track_any(Worker& w, const capture::Burst& burst, uint32_t i) {
  const packet::PacketView& v = w.parsed.views[i];
  Outcome& outcome = w.parsed.outcomes[i];
  if (outcome <= Outcome::kOtherWorker && tells(v)) {
    while (!w.tracker.settle_due(w.setup.captures ? burst.reached[i] : v.time)) judge(w);
    w.tracker.learn(v, w.keys[i]);
  }
  if (outcome == Outcome::kTracked) {
    outcome = w.tracker.any(v, w.keys[i], w.from[i], w.hashes[i], w.candidates[i]);
  } else if (outcome == Outcome::kIcmpQuote) {
    outcome = w.tracker.icmp(v, w.keys[i], w.from[i], w.hashes[i]);
    // One that was shown to all is counted where it was received.
    if (burst.handed && for_all(w, v)) outcome = Outcome::kOtherWorker;
  }
  if (w.tracker.must_drain()) [[unlikely]]
    judge(w);
}

// The packet through its connection's state.
void track(Worker& w, const capture::Burst& burst, uint32_t i) {
  if (w.setup.captures) {
    if (burst.restarted[i] != 0) [[unlikely]]
      restart(w, burst.restarted[i], burst.reached[i]);
    w.tracker.reach(burst.reached[i]);
  }
  if (w.parsed.outcomes[i] == Outcome::kTracked &&
      w.tracker.calm(w.parsed.views[i], w.keys[i], w.from[i], w.candidates[i])) [[likely]]
    return;
  track_any(w, burst, i);
}

void count(Worker& w, uint32_t n) {
  Counters& c = w.counters;
  uint32_t tracked = 0;
  for (uint32_t i = 0; i < n; ++i) tracked += w.parsed.outcomes[i] == Outcome::kTracked ? 1U : 0U;
  c.outcomes[static_cast<size_t>(Outcome::kTracked)].add(tracked);
  if (tracked != n)
    for (uint32_t i = 0; i < n; ++i)
      if (w.parsed.outcomes[i] != Outcome::kTracked) c.outcomes[static_cast<size_t>(w.parsed.outcomes[i])].add(1);
  c.received.add(n);
  const track::Counts& now = w.tracker.counts();
  const auto move = [](event::Count& to, uint64_t value, uint64_t& published) {
    if (value == published) return;
    to.add(value - published);
    published = value;
  };
  move(c.connections, now.connections, w.published.connections);
  move(c.endings, now.endings, w.published.endings);
  move(c.duplicates, now.duplicates, w.published.duplicates);
  move(c.evicted_closed, now.evicted_closed, w.published.evicted_closed);
  move(c.evicted_unestablished, now.evicted_unestablished, w.published.evicted_unestablished);
  move(c.expired_idle, now.expired_idle, w.published.expired_idle);
  move(c.settled_early, now.settled_early, w.published.settled_early);
  move(c.clock_backwards, now.clock_backwards, w.published.clock_backwards);
  move(c.retransmissions, now.retransmissions, w.published.retransmissions);
  move(c.reordered, now.reordered, w.published.reordered);
  move(c.window_probes, now.window_probes, w.published.window_probes);
  move(c.late_rsts, now.late_rsts, w.published.late_rsts);
  c.flows.store(w.table.size(), std::memory_order_relaxed);
}

// Settings changed while it runs, once a burst.
void take_settings(Worker& w) {
  const Live* news = w.live.news();
  if (news == nullptr) return;
  w.tracker.set_settings(news->track);
  w.output.set_folding(news->fold, news->linger_ns);
  w.live.taken(news);
}

}  // namespace

void restart(Worker& w, TimeNs reached, TimeNs now) {
  while (!w.tracker.restart(reached, now)) judge(w);
}

void process(Worker& w, capture::Burst& burst) {
  take_settings(w);
  w.output.advance(burst.now);
  if (w.setup.captures && !burst.handed) w.clock.stamp(burst);
  // Staggered: while one packet is tracked, the flow of a later one and the bucket of a still later one are on their
  // way from memory. A whole burst asked for at once would outnumber what a core can have under way, and it would wait.
  const uint32_t n = burst.count;
  const bool sharing = w.handover != nullptr && !burst.handed;
  for (uint32_t i = 0; i < n + kBucketAhead + kFlowAhead; i += kGroup) {
    group(n, i, [&](uint32_t k) { read(w, burst, k); });
    if (sharing) group(n, i, [&](uint32_t k) { hand_over(w, burst, k); });
    group(n, i, [&](uint32_t k) { w.table.prefetch_bucket(w.hashes[k]); });
    group(n, i - kBucketAhead, [&](uint32_t k) { find(w, k); });
    group(n, i - kBucketAhead - kFlowAhead, [&](uint32_t k) { track(w, burst, k); });
  }
  if (sharing) w.handover->publish(w.setup.captures ? w.clock.now() : burst.now);
  w.tracker.advance(burst.now);
  judge(w);
  count(w, burst.count);
  w.counters.now.store(burst.now, std::memory_order_relaxed);
}

bool finish(Worker& w) {
  const TimeNs now = w.counters.now.load(std::memory_order_relaxed);
  while (!w.tracker.finish(now)) judge(w);
  judge(w);
  count(w, 0);
  return w.output.finish(now);
}

}  // namespace rs::worker
