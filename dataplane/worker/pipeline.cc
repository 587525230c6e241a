// SPDX-License-Identifier: Apache-2.0
//
// THE packet's way, on one screen: parse → key → find → track → judge → condense. A stage finishes the whole burst
// before the next begins, so that the memory one stage asks for has come when the next needs it.
#include "dataplane/worker/pipeline.h"

#include "dataplane/attribute/attribute.h"
#include "dataplane/attribute/facts.h"
#include "dataplane/context/scanner.h"
#include "dataplane/event/make.h"

namespace rs::worker {
namespace {

using packet::Outcome;

// Canonical key and hash of each TCP packet; asks for its bucket's cache line.
void key(Worker& w, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    if (w.parsed.outcomes[i] > Outcome::kIcmpQuote) continue;
    const packet::PacketView& v = w.parsed.views[i];
    w.from[i] = flow::make_key(v.src, v.src_port, v.dst, v.dst_port, v.network_tag, w.keys[i]);
    w.hashes[i] = w.table.hash_of(w.keys[i]);
    const uint64_t owner = (w.hashes[i] >> 32) * w.setup.workers >> 32;
    if (w.setup.share_by_hash && owner != w.setup.index) {
      w.parsed.outcomes[i] = Outcome::kOtherWorker;
    } else {
      w.table.prefetch_bucket(w.hashes[i]);
    }
  }
}

// Asks for each packet's flow.
void find(const Worker& w, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i)
    if (w.parsed.outcomes[i] <= Outcome::kIcmpQuote) w.table.prefetch_flow(w.hashes[i]);
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
    const context::Context context = context::scan(w.scanner.load(std::memory_order_acquire), ending);
    const attribute::Facts facts = attribute::gather(ending, context);
    const bool server_is_hi = ending.client() == flow::End::kLo;
    const IpAddr& server = server_is_hi ? ending.hot.key.hi : ending.hot.key.lo;
    const attribute::Verdict verdict = attribute::attribute(facts, ending.icmp_src == server);
    event::make(ending, context, facts, verdict, w.setup.input, w.event);
    w.output.ending(w.event);
  }
  w.tracker.done();
}

// Each packet through its connection's state, in order.
void track(Worker& w, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    const packet::PacketView& v = w.parsed.views[i];
    Outcome& outcome = w.parsed.outcomes[i];
    if (outcome == Outcome::kTracked) {
      outcome = w.tracker.packet(v, w.keys[i], w.from[i], w.hashes[i]);
    } else if (outcome == Outcome::kIcmpQuote) {
      outcome = w.tracker.icmp(v, w.keys[i], w.from[i], w.hashes[i]);
    } else if (outcome == Outcome::kOtherWorker && !v.icmp && v.has(packet::kSyn) && v.has(packet::kAck)) {
      w.tracker.learn_host(v);
    }
    if (w.tracker.must_drain()) judge(w);
  }
}

void count(Worker& w, uint32_t n) {
  Counters& c = w.counters;
  for (uint32_t i = 0; i < n; ++i) c.outcomes[static_cast<size_t>(w.parsed.outcomes[i])].add(1);
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
  move(c.late_rsts, now.late_rsts, w.published.late_rsts);
  c.flows.store(w.table.size(), std::memory_order_relaxed);
}

}  // namespace

void process(Worker& w, const capture::Burst& burst) {
  w.tracker.set_lossy(w.lossy.load(std::memory_order_relaxed));
  w.output.advance(burst.now);
  packet::parse(burst, w.parsed);
  key(w, burst.count);
  find(w, burst.count);
  track(w, burst.count);
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
