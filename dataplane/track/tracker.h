// SPDX-License-Identifier: Apache-2.0
//
// Follows TCP connections from packets, in packet time. One per worker, worker thread only, no allocation after
// construction. It measures: what a connection did, how it ended, what came after. It does not judge.
//
// A connection ends by a RST, an ICMP error, or silence. After a first RST it is watched for the settle time, so
// that later facts count; then exactly one Ending is ready. Everything is decided from packet times, never from
// when a timer fires: a packet that comes after an ending's deadline first closes that ending.
//
// Per burst the pipeline calls packet() for each packet, then advance(); it drains ready() and tallies(), and gives
// the endings back with done().
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/flow/table.h"
#include "dataplane/flow/wheel.h"
#include "dataplane/packet/view.h"
#include "dataplane/track/ending.h"

namespace rs::track {

struct Settings {
  DurationNs settle_ns = kSecond;            // our choice: > any sane RTT plus a delayed ACK (RFC 1122: 0.5 s)
  DurationNs max_idle_ns = 7'200 * kSecond;  // RFC 1122 4.2.3.6: keepalive not before 2 hours
  DurationNs linger_ns = 65 * kSecond;       // closed flows are kept past Linux' TIME_WAIT of 60 s
  bool server_names = false;                 // keep the name a client asks for
};

// Silence worth remembering, and how many packets later it still explains an ending: a request in several
// segments, its answer, the RST. Our choice.
inline constexpr DurationNs kGap = kSecond;
inline constexpr uint8_t kGapPackets = 8;
// After a pause like this, with nothing of its own outstanding, an end begins a new message though the other end said
// nothing: a goodbye ("terminating connection due to administrator command"). Our choice: a stack's or a program's
// stalls within one message are shorter, or leave data unacknowledged.
inline constexpr DurationNs kPause = 100 * kMs;

// A denominator to count: something happened to a connection of this server.
enum class Happened : uint8_t { kAttempted, kEstablished, kClosedCleanly, kBytes };
struct TallyItem {
  IpAddr server;
  uint16_t server_port = 0;
  Happened what = Happened::kAttempted;
  uint32_t tag = 0;
  uint64_t client_bytes = 0;  // kBytes only
  uint64_t server_bytes = 0;
};

struct Counts {
  uint64_t connections = 0;
  uint64_t endings = 0;
  uint64_t duplicates = 0;
  uint64_t evicted_closed = 0;
  uint64_t evicted_unestablished = 0;
  uint64_t expired_idle = 0;
  uint64_t settled_early = 0;
  uint64_t clock_backwards = 0;
  uint64_t retransmissions = 0;
  uint64_t reordered = 0;      // came after younger data of its sender
  uint64_t window_probes = 0;  // into a closed window
  uint64_t late_rsts = 0;      // after an ending was already reported: cascades
};

class Tracker {
 public:
  // `endings` is how many can be gathered at once; more are judged without settling.
  Tracker(flow::Table& table, const Settings& settings, uint32_t endings);

  // worker thread. `hash` is the table's hash of the packet's key, `candidate` the table's for that hash. In calm.h.
  packet::Outcome packet(const packet::PacketView& v, const flow::FlowKey& key, flow::End from, uint64_t hash,
                         uint32_t candidate = flow::kNone);
  // The two halves of packet(). The short way, which ends nothing: false when the packet must go the long one, and then
  // nothing is done yet.
  inline bool calm(const packet::PacketView& v, const flow::FlowKey& key, flow::End from, uint32_t candidate);
  packet::Outcome any(const packet::PacketView& v, const flow::FlowKey& key, flow::End from, uint64_t hash,
                      uint32_t candidate);
  packet::Outcome icmp(const packet::PacketView& v, const flow::FlowKey& key, flow::End from, uint64_t hash);
  // Captures: how far the whole input has come with the packet that follows; see worker/stream_clock.h.
  void reach(TimeNs now) {
    if (now > now_) now_ = now;
  }
  // The clock had come to `reached` and goes on at `now`: endings under way are settled, and all flows left as that
  // time leaves them. False: drain and call again.
  [[nodiscard]] bool restart(TimeNs reached, TimeNs now);
  // Time moves on: settles endings, gives up on silent connections, lets old flows go.
  void advance(TimeNs now);
  // Settles what is due before a packet of `now`, so that no neighbour of later counts, whenever time is looked at.
  // False: drain and call again.
  [[nodiscard]] bool settle_due(TimeNs now);
  // End of input: settles everything pending with what is known at `now`. False: drain and call again.
  [[nodiscard]] bool finish(TimeNs now);
  // Endings that became ready since the last clear. Indices for ending(); give each back with done().
  [[nodiscard]] const std::vector<uint32_t>& ready() const { return ready_; }
  [[nodiscard]] const Ending& ending(uint32_t index) const { return endings_[index]; }
  void done();
  // Denominators since the last clear; the caller clears.
  std::vector<TallyItem>& tallies() { return tallies_; }
  // True when ready() or tallies() must be drained before the next packet, so that they never grow.
  [[nodiscard]] bool must_drain() const;

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] flow::Table& table() { return table_; }
  // What a SYN, FIN or RST tells of hosts and of others' endings, whichever worker keeps its flow: see norms.h and
  // neighbours.h. Before it: settle_due().
  void learn(const packet::PacketView& v, const flow::FlowKey& key) {
    const uint64_t flow = flow::hash(key, flow::Seed{});
    neighbours_.note(v, flow);
    if (!v.has(packet::kSyn)) return;
    if (v.has(packet::kAck)) {
      norms_.syn_ack(flow, v.ack, v.src, v.ttl, v.time);
    } else {
      norms_.syn(flow, v.seq, v.time);
    }
  }
  // Packets were lost while the connection of a ready ending was watched.
  void mark_lossy(uint32_t ending) { endings_[ending].lossy = true; }
  void set_settings(const Settings& settings) { settings_ = settings; }

 private:
  // Room for what one packet can make ready: an old ending settled, a give-up, an eviction.
  static constexpr size_t kReadySlack = 8;
  static constexpr size_t kReadyMax = 256;
  static constexpr size_t kTalliesMax = 1024;

  uint32_t open(const packet::PacketView& v, const flow::FlowKey& key, flow::End from, uint64_t hash);
  void start(uint32_t i, const packet::PacketView& v, flow::End from);
  void syn(uint32_t i, const packet::PacketView& v, flow::End from);
  [[nodiscard]] bool answered_before(uint32_t i, const packet::PacketView& v, flow::End from);
  bool refused_before(uint32_t i, const packet::PacketView& v, flow::End from);
  void drop_ending(uint32_t e);
  void syn_ack(uint32_t i, const packet::PacketView& v, flow::End from);
  // False: the mirror's copy of a RST already seen.
  bool rst(uint32_t i, const packet::PacketView& v, flow::End from);
  void segment(uint32_t i, const packet::PacketView& v, flow::End from);
  [[nodiscard]] static bool sent_before_rst(const Ending& end, const flow::Direction& d, const packet::PacketView& v,
                                            flow::End from);
  void note_after(uint32_t i, const packet::PacketView& v, flow::End from);
  // New payload at the start of a message, or while a name is looked for: `fresh` bytes at the packet's end are new;
  // `begins`: they are the message's first.
  void keep_head(uint32_t i, const packet::PacketView& v, flow::End from, uint32_t fresh, bool begins);
  static void acknowledge(const flow::FlowHot& hot, flow::Direction& d, const packet::PacketView& v, flow::End from,
                          bool progress);
  void take(uint32_t i, flow::FlowHot& hot, flow::Direction& d, const packet::PacketView& v, flow::End from,
            uint32_t fresh, bool after_gap);
  static void note_stack(flow::Direction& d, const packet::PacketView& v);
  static void note_first(flow::Direction& d, const packet::PacketView& v, bool started, bool older);
  static void note_latest(flow::Direction& d, const packet::PacketView& v);
  static void note_calm(flow::Direction& __restrict d, const packet::PacketView& __restrict v);
  bool note_gap(uint32_t i, TimeNs now, TimeNs last, bool counts);
  void note_quick(uint32_t i, const packet::PacketView& v, flow::End from);
  static uint32_t signature_of(const packet::PacketView& v);
  // Sent before the sender's latest packet, by what the sender itself stamped on it.
  [[nodiscard]] static bool is_older(const flow::Direction& d, const packet::PacketView& v);
  [[nodiscard]] static bool is_copy(const flow::FlowHot& hot, const flow::Direction& d, const packet::PacketView& v,
                                    uint32_t signature);

  [[nodiscard]] static Asked asked(const Ending& end);
  [[nodiscard]] bool flooded(uint32_t i) const;
  void settle_oldest();
  void ask_for_next() const;
  void make_room();
  uint32_t new_ending(uint32_t i, EndKind kind, TimeNs time);
  void settle(uint32_t e, bool settled);
  void give_up(uint32_t i, EndKind kind, TimeNs time);
  // Ends a flow's pending ending and makes the record fresh for a new connection on the same tuple.
  void next_incarnation(uint32_t i);
  TimeNs due(uint32_t i, TimeNs now);
  // Before a packet counts, what the time up to now has already decided of its connection, whether or not its timer has
  // looked since: an ending is settled, a silence given up on.
  void close_overdue(uint32_t i, TimeNs now);
  // … and it is forgotten after too long a silence: then the record is fresh, State::kFree, and keeps its place until
  // its timer or a packet of the same ends comes.
  bool forget_idle(uint32_t i, const flow::FlowKey& key, uint64_t hash);
  // When a waiting ending is judged. A settle time made shorter while the sensor runs holds for those that wait, too,
  // or they would hold up the line.
  [[nodiscard]] TimeNs due_at(const Ending& e) const { return std::min(e.deadline, e.time + settings_.settle_ns); }
  // When the connection's silence becomes an ending and of which kind; 0 when nothing is outstanding.
  TimeNs silence_deadline(uint32_t i, EndKind& kind);
  void tally(uint32_t i, Happened what);
  void count_bytes(uint32_t i);

  flow::Table& table_;
  flow::Wheel wheel_;
  Norms norms_;
  Neighbours neighbours_;
  Settings settings_;
  Counts counts_;
  std::vector<Ending> endings_;
  struct Waiting {
    uint32_t ending;
    uint32_t ticket;  // stale when the ending was settled out of turn
  };
  std::vector<Waiting> waiting_;  // ring, in the order of deadlines
  uint32_t waiting_head_ = 0;
  uint32_t waiting_size_ = 0;
  uint32_t free_ending_ = flow::kNone;
  uint32_t free_endings_ = 0;
  uint32_t ticket_ = 0;
  uint32_t finish_at_ = 0;   // next record finish() looks at
  uint32_t restart_at_ = 0;  // next record restart() looks at
  std::vector<uint32_t> ready_;
  std::vector<TallyItem> tallies_;
  TimeNs now_ = 0;
};

}  // namespace rs::track
