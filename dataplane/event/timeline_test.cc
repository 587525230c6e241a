// SPDX-License-Identifier: Apache-2.0
#include "dataplane/event/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dataplane/packet/view.h"

namespace rs::event {
namespace {

using flow::End;
using testing::ElementsAre;
using track::Ending;
using track::EndKind;

constexpr TimeNs kStart = 1'700'000'000 * kSecond;

// "client syn 1 at 0 us"
std::vector<std::string> steps(const Ending& e) {
  Event out;
  out.step_count = 7;  // of an event before
  timeline(e, out);
  std::vector<std::string> words;
  for (size_t i = 0; i < out.step_count; ++i) {
    const Step& s = out.steps[i];
    words.push_back(std::string(kSideNames[static_cast<size_t>(s.side)]) + " " +
                    std::string(kStepKindNames[static_cast<size_t>(s.kind)]) + " " + std::to_string(s.value) + " at " +
                    std::to_string(s.at_ns / 1000) + " us");
  }
  return words;
}

// A handshake: SYN at 0, SYN-ACK after 100 us, ACK 50 us later. The client is the key's lower end.
Ending connected() {
  Ending e;
  e.reset();
  e.cold.first_ns = kStart;
  e.cold.syn_ack_us = 100;
  e.hot.marks = flow::kClientKnown | flow::kSawHandshakeAck;
  flow::Direction& client = e.dir[0];
  client.syns = 1;
  client.rtt_us = 50;
  client.last_ns = kStart + 150 * kUs;
  client.last_flags = packet::kAck;
  e.dir[1].syns = 1;
  e.dir[1].last_ns = kStart + 100 * kUs;
  e.dir[1].last_flags = packet::kSyn | packet::kAck;
  e.kind = EndKind::kRst;
  e.time = kStart + kSecond;
  e.rst[0].time = e.time;
  e.rst[0].from = End::kHi;
  e.rsts = 1;
  return e;
}

// A client that has sent so many SYNs and nothing else.
Ending asked(uint8_t syns) {
  Ending e;
  e.reset();
  e.cold.first_ns = kStart;
  e.hot.marks = flow::kClientKnown;
  e.dir[0].syns = syns & flow::kMaxSyns;
  return e;
}

TEST(Timeline, TheLastDataHasATimeOnlyWhileNothingFollowedIt) {
  Ending e = connected();
  e.dir[0].bytes = 120;
  e.dir[0].last_ns = kStart + 900 * kUs;  // acknowledged the answer: when it asked is not on record
  e.dir[1].bytes = 5000;
  e.dir[1].last_len = 1460;
  e.dir[1].last_ns = kStart + 800 * kUs;
  EXPECT_THAT(steps(e), ElementsAre("client syn 1 at 0 us", "server syn_ack 1 at 100 us",
                                    "client established 0 at 150 us", "server last_data 5000 at 800 us",
                                    "client data_so_far 120 at 900 us", "server rst 0 at 1000000 us"));
  e.dir[1].retransmits = 3;  // its latest packet repeats data that was sent before
  EXPECT_THAT(steps(e)[3], "server retransmission 3 at 800 us");
  EXPECT_THAT(steps(e)[4], "client data_so_far 120 at 900 us");
  e.dir[1].retransmits = 0;
  e.dir[1].probes = 2;
  EXPECT_THAT(steps(e)[3], "server keepalive_probe 2 at 800 us");
  EXPECT_THAT(steps(e)[4], "client data_so_far 120 at 900 us");
}

TEST(Timeline, AFinStandsAfterTheDataItCameWith) {
  Ending e = connected();
  e.dir[1].bytes = 300;
  e.dir[1].last_len = 300;
  e.dir[1].last_ns = kStart + 805 * kUs + 7;
  e.cold.set_fin(End::kHi, e.dir[1].last_ns);
  ASSERT_LT(e.cold.fin_ns(End::kHi), e.dir[1].last_ns);  // kept to 16 ns only
  EXPECT_THAT(steps(e),
              ElementsAre("client syn 1 at 0 us", "server syn_ack 1 at 100 us", "client established 0 at 150 us",
                          "server last_data 300 at 805 us", "server fin 300 at 805 us", "server rst 0 at 1000000 us"));
  e.dir[1].last_len = 0;  // alone, later: its time is not that of the data
  EXPECT_THAT(steps(e)[3], "server fin 300 at 805 us");
}

TEST(Timeline, AFinBeforeTheLatestPacketKeepsItsTime) {
  Ending e = connected();
  e.cold.set_fin(End::kLo, kStart + 400 * kUs);
  EXPECT_THAT(steps(e)[3], "client fin 0 at 400 us");
}

TEST(Timeline, ALoneAcknowledgementIsTold) {
  Ending e = connected();
  e.dir[0].bytes = e.dir[0].last_len = 64;
  e.dir[0].last_ns = kStart + 200 * kUs;
  e.dir[0].pkts = 3;
  e.dir[1].pkts = 1;  // its SYN-ACK
  EXPECT_EQ(steps(e).size(), 5u);
  e.dir[1].pkts = 2;
  e.dir[1].last_flags = packet::kAck;
  e.dir[1].last_ns = kStart + 210 * kUs;
  EXPECT_THAT(steps(e)[4], "server data_so_far 0 at 210 us");
}

TEST(Timeline, AnAnswerToNoSynOfOursIsTold) {
  Ending e;
  e.reset();
  e.cold.first_ns = kStart;
  e.hot.marks = flow::kClientKnown | flow::kMidstream;
  e.dir[1].syns = 1;
  e.dir[1].pkts = 1;
  e.dir[1].last_flags = packet::kSyn | packet::kAck;
  e.dir[1].last_ns = kStart;
  e.kind = EndKind::kRst;
  e.time = e.rst[0].time = kStart + 80 * kUs;
  e.rst[0].from = End::kLo;
  e.rsts = 1;
  EXPECT_THAT(steps(e), ElementsAre("server syn_ack 1 at 0 us", "client rst 0 at 80 us"));
}

TEST(Timeline, RepeatedSynsWithoutAnAnswer) {
  Ending e = asked(3);
  e.dir[0].last_flags = packet::kSyn;
  e.dir[0].last_ns = kStart + 3 * kSecond;
  e.kind = EndKind::kSynTimeout;
  e.time = kStart + 10 * kSecond;
  EXPECT_THAT(steps(e), ElementsAre("client syn 1 at 0 us", "client syn_retry 2 at 3000000 us",
                                    "unknown gave_up 0 at 10000000 us"));
  e.dir[1].syns = 1;  // answered after the third
  e.cold.syn_ack_us = 200;
  EXPECT_THAT(steps(e)[2], "server syn_ack 1 at 3000200 us");
}

TEST(Timeline, RepeatedSynsOfAConnectionThatWentOnAreToldByNumber) {
  Ending e = connected();
  e.dir[0].syns = 2;
  EXPECT_THAT(steps(e), ElementsAre("client syn 2 at 0 us", "server rst 0 at 1000000 us"));
}

// The first packet after a silence is known, so is when the silence began.
TEST(Timeline, ASilenceEndedByAFinOrByTheLastPacketOfAll) {
  Ending e = connected();
  e.time = e.rst[0].time = kStart + 10 * kSecond;
  e.dir[0].bytes = 40;
  e.dir[0].last_len = 40;
  e.dir[0].last_ns = kStart + 9 * kSecond;
  e.dir[0].pkts = 3;
  e.dir[1].last_ns = kStart + 5 * kSecond;
  e.dir[1].pkts = 2;
  e.cold.gap_ms = 4000;
  e.cold.set_gap_pkts(4);
  EXPECT_THAT(steps(e)[3], "unknown silence 4000 at 5000000 us");
  e.dir[0].retransmits = 2;  // its latest packet repeats the one that ended the silence
  EXPECT_THAT(steps(e)[3], "client retransmission 2 at 9000000 us");
  e.dir[0].retransmits = 0;
  e.cold.set_fin(End::kHi, e.dir[1].last_ns);  // what came after a FIN ended no silence
  EXPECT_THAT(steps(e)[3], "unknown silence 4000 at 1000000 us");
  e.cold.set_gap_pkts(3);  // two packets since: which one ended it is not on record
  EXPECT_THAT(steps(e)[3], "server fin 0 at 5000000 us");
}

TEST(Timeline, ANewSynOnALiveConnectionIsTold) {
  Ending e = connected();
  e.dir[0].bytes = 64;
  e.dir[0].last_ns = kStart + 300 * kMs;
  e.dir[0].last_flags = packet::kSyn;
  EXPECT_THAT(steps(e)[3], "client data_so_far 64 at 300000 us");
  e.hot.marks |= flow::kSynOnLive;
  EXPECT_THAT(steps(e)[3], "client syn 1 at 300000 us");
}

TEST(Timeline, AnIcmpErrorComesFromWhereTheServerIs) {
  Ending e = asked(1);
  e.kind = EndKind::kIcmp;
  e.time = kStart + 30 * kUs;
  e.icmp_type = 3;
  e.icmp_code = 1;
  EXPECT_THAT(steps(e), ElementsAre("client syn 1 at 0 us", "server icmp 769 at 30 us"));
}

TEST(Timeline, NeverMoreStepsThanThereIsRoomFor) {
  Ending e = connected();
  for (flow::Direction& d : e.dir) {
    d.bytes = 1;
    d.retransmits = d.probes = 1;
    d.bits = flow::kZeroWindow;
  }
  e.rsts = track::kMaxRsts;
  e.after[0].new_data = e.after[1].new_data = 1;
  e.cold.gap_ms = 1000;
  e.dir[0].pkts = 1;
  e.dir[0].last_ns = e.dir[1].last_ns = kStart + 5 * kSecond;
  e.cold.set_fin(End::kLo, kStart + 5 * kSecond);
  e.cold.set_fin(End::kHi, kStart + 5 * kSecond);
  EXPECT_EQ(steps(e).size(), 3u + 2 * 4 + 1 + track::kMaxRsts + 2);
  EXPECT_LE(steps(e).size(), kMaxSteps);
}

}  // namespace
}  // namespace rs::event
