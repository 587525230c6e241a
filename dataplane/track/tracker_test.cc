// SPDX-License-Identifier: Apache-2.0
//
// What the tracker makes of the things TCP does: each by the packets that show it, and what must not be taken for it.
#include "dataplane/track/tracker.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "dataplane/packet/parse.h"
#include "dataplane/track/calm.h"
#include "tests/packet/builder.h"

namespace rs::track {
namespace {

using flow::End;
using flow::State;
using test::at;
using test::Conversation;
using test::From;
using test::Image;
using test::Packet;

struct Freed {
  void operator()(std::byte* p) const { std::free(p); }
};

class Bench {
 public:
  Bench() {
    constexpr uint32_t kFlows = 1024;
    const size_t bytes = (flow::Table::bytes_needed(kFlows) + 63) / 64 * 64;
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(64, bytes)));
    std::memset(memory_.get(), 0, bytes);
    table_ = std::make_unique<flow::Table>(std::span(memory_.get(), bytes), kFlows, flow::Seed{});
    tracker_ = std::make_unique<Tracker>(*table_, Settings{}, 64);
  }

  void feed(const std::vector<Packet>& packets) {
    for (const Packet& p : packets) {
      packet::PacketView v;
      ASSERT_EQ(packet::parse_frame(test::frame_of(p), v), packet::Outcome::kTracked);
      flow::FlowKey key;
      const End from = flow::make_key(v.src, v.src_port, v.dst, v.dst_port, v.network_tag, key);
      const uint64_t hash = table_->hash_of(key);
      // Without a candidate every packet goes the long way.
      const uint32_t candidate = long_way_only ? flow::kNone : table_->candidate(hash, from);
      outcomes.push_back(tracker_->packet(v, key, from, hash, candidate));
      key_ = key;
    }
  }
  // Of the connection the latest packet belongs to.
  [[nodiscard]] uint32_t flow() const { return table_->find(key_, table_->hash_of(key_)); }
  flow::FlowHot& hot() { return table_->hot(flow()); }
  flow::Direction& client() { return table_->dir(flow(), client_end()); }
  flow::Direction& server() { return table_->dir(flow(), flow::other(client_end())); }
  [[nodiscard]] End client_end() { return (hot().marks & flow::kClientIsHi) != 0 ? End::kHi : End::kLo; }
  [[nodiscard]] const Counts& counts() const { return tracker_->counts(); }
  // The one ending, after the settle time.
  const Ending& ending(TimeNs now) {
    tracker_->advance(now + 2 * kSecond);
    EXPECT_EQ(tracker_->ready().size(), 1U);
    return tracker_->ending(tracker_->ready().at(0));
  }
  [[nodiscard]] size_t tallied(Happened what) {
    size_t n = 0;
    for (const TallyItem& t : tracker_->tallies()) n += t.what == what ? 1 : 0;
    return n;
  }

  std::vector<packet::Outcome> outcomes;
  bool long_way_only = false;

 private:
  std::unique_ptr<std::byte, Freed> memory_;
  std::unique_ptr<flow::Table> table_;
  std::unique_ptr<Tracker> tracker_;
  flow::FlowKey key_;
};

Conversation talk() { return {at("10.0.0.1", 40000), at("10.0.0.2", 80)}; }

TEST(Tracker, SequenceNumbersWrap) {
  Conversation c = talk();
  c.isn(From::kClient, 0xffffff00).isn(From::kServer, 0xfffffff0);
  c.handshake().client_sends(1000).server_sends(5000).client_sends(100);
  Bench b;
  b.feed(c.packets());
  EXPECT_EQ(b.client().bytes, 1100U);
  EXPECT_EQ(b.server().bytes, 5000U);
  EXPECT_EQ(b.client().next, 0xffffff01U + 1100U);
  EXPECT_EQ(b.counts().retransmissions, 0U);
  EXPECT_EQ(b.counts().reordered, 0U);
}

TEST(Tracker, SimultaneousOpenIsOneConnection) {
  Conversation c = talk();
  c.syn();
  c.inject(test::tcp(at("10.0.0.2", 80), at("10.0.0.1", 40000)).flags("S").seq(4999).mss(1460));
  c.wait(2 * kMs);
  c.inject(test::tcp(at("10.0.0.1", 40000), at("10.0.0.2", 80)).flags("SA").seq(1000).ack(5000).mss(1460));
  c.wait(kMs);
  Bench b;
  b.feed(c.packets());
  EXPECT_EQ(b.hot().state, State::kSynAckSeen);
  Conversation rest = talk();
  rest.set_time(c.now());
  rest.inject(test::tcp(at("10.0.0.2", 80), at("10.0.0.1", 40000)).flags("SA").seq(4999).ack(1001).mss(1460));
  b.feed(rest.packets());
  EXPECT_EQ(b.hot().state, State::kEstablished);
  EXPECT_EQ(b.counts().connections, 1U);
  EXPECT_EQ(b.client_end(), End::kLo);  // 10.0.0.1 was first
  EXPECT_EQ(b.tallied(Happened::kAttempted), 1U);
  EXPECT_EQ(b.tallied(Happened::kEstablished), 1U);
}

// A mirror of two ports shows an answer before what it answers; each conversation with its first two packets swapped.
TEST(Tracker, ARefusalThatOvertakesItsSyn) {
  Conversation c = talk();
  c.syn().wait(100 * kUs).server_rst(Image::kStateless);
  std::vector<Packet> packets = c.packets();
  ASSERT_EQ(packets.size(), 2U);
  std::swap(packets[0].bytes, packets[1].bytes);
  Bench b;
  b.feed(packets);
  const Ending& end = b.ending(c.now());
  EXPECT_EQ(end.kind, EndKind::kRst);
  EXPECT_EQ(end.rst[0].ack_minus_peer_next, 0);
  EXPECT_EQ(end.of(end.client()).syns, 1U);
  EXPECT_EQ(end.hot.state, State::kSynSent);
  EXPECT_FALSE(end.rst[0].exact_time);
  EXPECT_EQ(b.counts().connections, 1U);
  EXPECT_EQ(b.tallied(Happened::kAttempted), 1U);
}

TEST(Tracker, ASynAckThatOvertakesItsSyn) {
  Conversation c = talk();
  c.rtt(kMs, 100 * kUs).handshake().client_sends(100).server_sends(100);
  std::vector<Packet> packets = c.packets();
  std::swap(packets[0].bytes, packets[1].bytes);
  Bench b;
  b.feed(packets);
  EXPECT_EQ(b.hot().marks & (flow::kMidstream | flow::kSynOnLive), 0);
  EXPECT_NE(b.hot().marks & flow::kClientKnown, 0);
  EXPECT_EQ(b.client().syns, 1U);
  EXPECT_EQ(b.client().bytes, 100U);
  EXPECT_EQ(b.server().bytes, 100U);
}

TEST(Tracker, ASynLongAfterALoneRstIsAnother) {
  Conversation c = talk();
  c.syn().wait(5 * kMs).server_rst(Image::kStateless);
  std::vector<Packet> packets = c.packets();
  std::swap(packets[0].bytes, packets[1].bytes);
  Bench b;
  b.feed(packets);
  EXPECT_EQ(b.counts().connections, 2U);
}

TEST(Tracker, RetransmissionIsNotReorderingIsNotACopy) {
  {
    Conversation c = talk();
    c.handshake().client_sends(100).server_sends(100).client_sends(100, false);
    c.wait(250 * kMs).retransmit(From::kClient);
    Bench b;
    b.feed(c.packets());
    EXPECT_EQ(b.counts().retransmissions, 1U);
    EXPECT_EQ(b.client().retransmits, 1U);
    EXPECT_EQ(b.client().bytes, 200U);
  }
  {
    Conversation c = talk();
    c.handshake().client_sends(100).server_sends(100);
    for (int i = 0; i < 4; ++i) c.wait(20 * kMs).client_sends(100, false);
    std::vector<Packet> packets = c.packets();
    // Too far apart to be a copy, and stamped earlier by its sender: the network swapped them.
    std::swap(packets[packets.size() - 1].bytes, packets[packets.size() - 2].bytes);
    Bench b;
    b.feed(packets);
    EXPECT_EQ(b.counts().retransmissions, 0U);
    EXPECT_EQ(b.counts().reordered, 1U);
    EXPECT_EQ(b.counts().duplicates, 0U);
    EXPECT_EQ(b.client().retransmits, 0U);
    EXPECT_EQ(b.client().bits & flow::kIdJumps, 0);
  }
}

TEST(Tracker, MirrorCopiesCountForNothingElse) {
  Conversation c = talk();
  c.handshake().client_sends(100).server_sends(40'000, false);
  const std::vector<Packet> once = c.packets();
  Bench plain;
  plain.feed(once);

  // Each packet again at once, one hop later.
  std::vector<Packet> twice;
  for (const Packet& p : once) {
    twice.push_back(p);
    twice.push_back(p);
    twice.back().time += 20 * kUs;
  }
  Bench pairs;
  pairs.feed(twice);
  EXPECT_EQ(pairs.counts().duplicates, once.size());
  EXPECT_EQ(pairs.counts().retransmissions, 0U);
  EXPECT_EQ(pairs.server().bytes, plain.server().bytes);
  EXPECT_EQ(pairs.server().pkts, plain.server().pkts);

  // Two ports, read burst by burst: the copies of a whole burst come after it.
  std::vector<Packet> bursts(twice.begin(), twice.begin() + 10);
  bursts.insert(bursts.end(), once.begin() + 5, once.end());
  bursts.insert(bursts.end(), once.begin() + 5, once.end());
  Bench late;
  late.feed(bursts);
  EXPECT_EQ(late.counts().retransmissions, 0U);
  EXPECT_EQ(late.server().bytes, plain.server().bytes);
  EXPECT_GT(late.counts().duplicates + late.counts().reordered, once.size() - 3);
}

TEST(Tracker, KeepaliveAndWindowProbes) {
  Conversation c = talk();
  c.handshake().client_sends(100).server_sends(100);
  c.wait(30 * kSecond).keepalive_probe(From::kServer);
  c.wait(10 * kSecond).keepalive_probe(From::kServer);
  Bench b;
  b.feed(c.packets());
  EXPECT_EQ(b.server().probes, 2U);
  EXPECT_EQ(b.counts().window_probes, 0U);
  EXPECT_EQ(b.counts().retransmissions, 0U);

  Conversation z = talk();
  z.handshake().client_sends(100).server_sends(1000, false);
  z.stack(From::kClient).window = 0;
  z.ack(From::kClient);
  z.wait(300 * kMs).keepalive_probe(From::kServer);
  Bench closed;
  closed.feed(z.packets());
  EXPECT_NE(closed.client().bits & flow::kZeroWindow, 0);
  EXPECT_EQ(closed.counts().window_probes, 1U);
}

TEST(Tracker, ChallengeAckShowsThatTheRstFailed) {
  Conversation c = talk();
  c.handshake().client_sends(100).server_sends(100);
  const auto rst = c.rst_segment(From::kServer, Image::kActive);
  c.wait(10 * kMs).inject(
      test::tcp(at("10.0.0.2", 80), at("10.0.0.1", 40000)).flags("R").seq(c.next_seq(From::kServer) + 500));
  c.wait(kMs).ack(From::kClient);
  c.wait(kMs).client_sends(10).server_sends(10);
  Bench b;
  b.feed(c.packets());
  const Ending& e = b.ending(c.now());
  EXPECT_TRUE(e.challenge_ack);
  EXPECT_TRUE(e.survived);
  EXPECT_EQ(b.hot().state, State::kEstablished);
}

TEST(Tracker, AnOldTupleUsedAgainIsANewConnection) {
  for (const bool by_rst : {true, false}) {
    Conversation c = talk();
    c.handshake().client_sends(100).server_sends(100);
    if (by_rst) {
      c.server_rst();
    } else {
      c.server_fin().client_fin();
    }
    Conversation again = talk();
    again.set_time(c.now() + 5 * kSecond).isn(From::kClient, 77'000).isn(From::kServer, 99'000);
    again.handshake().client_sends(7);
    Bench b;
    b.feed(c.packets());
    b.feed(again.packets());
    EXPECT_EQ(b.counts().connections, 2U);
    EXPECT_EQ(b.client().bytes, 7U);
    EXPECT_EQ(b.hot().state, State::kEstablished);
    EXPECT_EQ(b.counts().endings, by_rst ? 1U : 0U);
    EXPECT_EQ(b.tallied(Happened::kClosedCleanly), by_rst ? 0U : 1U);
  }
}

TEST(Tracker, HalfCloseGoesOn) {
  Conversation c = talk();
  c.handshake().client_sends(100).client_fin();
  c.wait(20 * kSecond).server_sends(3000);
  Bench b;
  b.feed(c.packets());
  EXPECT_EQ(b.hot().state, State::kClosing);
  EXPECT_EQ(b.server().bytes, 3000U);
  Conversation rest = c;
  const size_t seen = rest.packets().size();
  rest.server_fin();
  b.feed({rest.packets().begin() + static_cast<std::ptrdiff_t>(seen), rest.packets().end()});
  EXPECT_EQ(b.hot().state, State::kClosed);
  EXPECT_EQ(b.tallied(Happened::kClosedCleanly), 1U);
}

TEST(Tracker, JoinsMidwayAndFollowsOneSide) {
  Conversation c = talk();
  c.handshake().client_sends(100).server_sends(100).client_sends(50);
  Bench midway;
  midway.feed({c.packets().begin() + 4, c.packets().end()});
  EXPECT_NE(midway.hot().marks & flow::kMidstream, 0);
  EXPECT_EQ(midway.hot().state, State::kEstablished);
  EXPECT_EQ(midway.client().bytes, 50U);

  std::vector<Packet> from_client;
  Bench probe;
  for (const Packet& p : c.packets()) {
    packet::PacketView v;
    ASSERT_EQ(packet::parse_frame(test::frame_of(p), v), packet::Outcome::kTracked);
    if (v.src_port == 40000) from_client.push_back(p);
  }
  Bench one_sided;
  one_sided.feed(from_client);
  EXPECT_EQ(one_sided.client().bytes, 150U);
  EXPECT_EQ(one_sided.server().pkts, 0U);
  EXPECT_EQ(one_sided.hot().state, State::kEstablished);
}

// The short way of calm.h against the long one: random packets of random connections, hostile ones among them, and each
// record must be the same to the bit.
TEST(Tracker, TheShortWayEndsWhereTheLongOneDoes) {
  std::mt19937 random(11);
  Bench quick;
  Bench plain;
  plain.long_way_only = true;
  std::vector<Conversation> talks;
  for (uint16_t k = 0; k < 8; ++k) {
    talks.emplace_back(at(k % 2 == 0 ? "10.0.0.1" : "2001:db8::1", static_cast<uint16_t>(40000 + k)),
                       at(k % 2 == 0 ? "10.0.0.2" : "2001:db8::2", 80));
    talks.back().stack(From::kClient).timestamps = k % 3 != 0;
    talks.back().stack(From::kServer).timestamps = k % 3 != 0;
    talks.back().handshake();
  }
  std::vector<size_t> fed(talks.size());
  for (int step = 0; step < 20'000; ++step) {
    const size_t k = random() % talks.size();
    Conversation& c = talks[k];
    const From end = random() % 2 == 0 ? From::kClient : From::kServer;
    c.wait(random() % 50 == 0 ? 3 * kSecond : random() % 5 * 300 * kUs);
    switch (random() % 16) {
      case 0:
        c.retransmit(end);
        break;
      case 1:
        c.keepalive_probe(end);
        break;
      case 2:  // before, in and beyond the window
        c.inject(c.segment(end, "A").seq(static_cast<uint32_t>(random())).ack(static_cast<uint32_t>(random())));
        break;
      case 3:
        c.stack(end).window = random() % 2 == 0 ? 0 : 500;
        c.ack(end);
        break;
      case 4:
        c.stack(end).ttl = static_cast<uint8_t>(60 + random() % 4);
        c.stack(end).tos = static_cast<uint8_t>(random());
        c.stack(end).next_ipid = random() % 3 == 0 ? 0 : static_cast<uint16_t>(random());
        c.sends(end, 1 + random() % 3000, false);
        break;
      case 5:
        c.inject(c.segment(end, "PA").payload(std::string(random() % 90, 'z')).ack(static_cast<uint32_t>(random())));
        break;
      default:
        c.sends(end, random() % 400, random() % 2 == 0);
    }
    for (; fed[k] < c.packets().size(); ++fed[k]) {
      const Packet& p = c.packets()[fed[k]];
      quick.feed({p});
      plain.feed({p});
      ASSERT_EQ(quick.outcomes.back(), plain.outcomes.back()) << step;
      ASSERT_EQ(std::memcmp(&quick.hot(), &plain.hot(), sizeof(flow::FlowHot)), 0) << step;
      ASSERT_EQ(std::memcmp(&quick.client(), &plain.client(), sizeof(flow::Direction)), 0) << step;
      ASSERT_EQ(std::memcmp(&quick.server(), &plain.server(), sizeof(flow::Direction)), 0) << step;
    }
  }
  EXPECT_EQ(quick.counts().retransmissions, plain.counts().retransmissions);
  EXPECT_EQ(quick.counts().reordered, plain.counts().reordered);
}

TEST(Tracker, AMessageBeginsAfterAPause) {
  Conversation c = talk();
  c.handshake().client_sends(20).server_sends(100).wait(500 * kMs).server_sends(40);
  Bench b;
  b.feed(c.packets());
  EXPECT_EQ(b.server().head_len, 40U);  // the goodbye, not the answer before it
  Conversation d = talk();
  d.handshake().client_sends(20).server_sends(100, false).wait(500 * kMs).server_sends(40);
  Bench stalled;
  stalled.feed(d.packets());
  EXPECT_EQ(stalled.server().head_len, 64U);  // nothing of it was acknowledged: the same message goes on
}

TEST(Tracker, RoundTripOnEachSideOfTheTap) {
  Conversation c = talk();
  c.rtt(3 * kMs, 40 * kMs);
  c.handshake().client_sends(100).server_sends(100);
  Bench b;
  b.feed(c.packets());
  EXPECT_EQ(b.server().rtt_us, 40'000U);
  EXPECT_EQ(b.client().rtt_us, 3'000U);
  EXPECT_EQ(b.client().window_scale, 7U);
  EXPECT_NE(b.client().bits & flow::kTimestamps, 0);
}

}  // namespace
}  // namespace rs::track
