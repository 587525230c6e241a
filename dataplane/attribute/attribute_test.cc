// SPDX-License-Identifier: Apache-2.0
//
// The table is sound, and attribute() does what its header says. What packets lead to which cause is tested from
// packets: worker/pipeline_test.cc, tests/scenario and tests/lab.
#include "dataplane/attribute/attribute.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "dataplane/attribute/rules.h"
#include "dataplane/attribute/verdicts.h"

namespace rs::attribute {
namespace {

Facts refused() {
  Facts f;
  f.stage = Stage::kSyn;
  f.ending = Ending::kRefused;
  f.sender = Side::kServer;
  f.set(FactId::kImageStatelessAck);
  f.set(FactId::kAckExact);
  return f;
}

TEST(Rules, EachRowIsComplete) {
  for (const Rule& r : rules()) {
    const auto which = std::string(name(r.cause));
    EXPECT_NE(r.cause, Cause::kUnknown);
    EXPECT_NE(r.severity, Severity::kUnknown) << which;
    EXPECT_NE(r.stages, 0) << which;
    EXPECT_NE(r.endings, 0) << which;
    EXPECT_FALSE(r.source.empty()) << which;
    // What is needed and what is forbidden do not meet, and no fact is weighed twice.
    std::set<FactId> weighed;
    for (const Weight& w : r.weights) {
      if (w.fact == FactId::kNone) continue;
      EXPECT_TRUE(weighed.insert(w.fact).second) << which << " weighs " << name(w.fact) << " twice";
      EXPECT_NE(w.points, 0) << which;
    }
    for (const FactId no : r.none) {
      if (no == FactId::kNone) continue;
      for (const FactId yes : r.all) EXPECT_NE(yes, no) << which;
      EXPECT_FALSE(weighed.contains(no)) << which << " weighs " << name(no) << " and forbids it";
    }
  }
}

TEST(Attribute, NothingSeenIsUnknown) {
  const Verdict v = attribute(Facts{}, false);
  EXPECT_EQ(v.cause, Cause::kUnknown);
  EXPECT_EQ(v.origin, Origin::kUnknown);
}

// More shapes than there is room for, each asked for again while it is there and after another took its place.
TEST(Verdicts, AreThoseOfAttribute) {
  std::mt19937_64 random(7);
  std::vector<Facts> all(2000);
  for (Facts& f : all) {
    f = refused();
    f.stage = static_cast<Stage>(random() % kStageCount);
    f.ending = static_cast<Ending>(random() % kEndingCount);
    f.sender = random() % 2 == 0 ? Side::kClient : Side::kServer;
    for (int n = 0; n < 4; ++n) f.set(static_cast<FactId>(1 + random() % (kFactIdCount - 1)));
  }
  Verdicts verdicts;
  int known = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Facts& f = all[random() % (i % 2 == 0 ? 50 : all.size())];
    const bool icmp = random() % 2 == 0;
    const Verdict want = attribute(f, icmp);
    const Verdict got = verdicts.of(f, icmp);
    known += want.cause != Cause::kUnknown;
    ASSERT_EQ(got.cause, want.cause);
    ASSERT_EQ(got.second, want.second);
    ASSERT_EQ(got.origin, want.origin);
    ASSERT_EQ(got.severity, want.severity);
    ASSERT_EQ(got.confidence, want.confidence);
    ASSERT_EQ(got.second_confidence, want.second_confidence);
    ASSERT_EQ(got.linux_reason, want.linux_reason);
    ASSERT_EQ(got.deciding_count, want.deciding_count);
    for (size_t d = 0; d < want.deciding_count; ++d) {
      ASSERT_EQ(got.deciding[d].fact, want.deciding[d].fact);
      ASSERT_EQ(got.deciding[d].points, want.deciding[d].points);
    }
  }
  EXPECT_GT(known, 1000);
}

TEST(Attribute, IsAPureFunction) {
  const Facts f = refused();
  const Verdict a = attribute(f, false);
  const Verdict b = attribute(f, false);
  EXPECT_EQ(a.cause, b.cause);
  EXPECT_EQ(a.confidence, b.confidence);
}

TEST(Attribute, ConfidencesAreSharesOfOne) {
  const Verdict v = attribute(refused(), false);
  EXPECT_EQ(v.cause, Cause::kPortClosed);
  EXPECT_GT(v.confidence, v.second_confidence);
  EXPECT_LE(v.confidence + v.second_confidence, 1.0F);
}

TEST(Attribute, ATtlThatIsNotTheServersConvictsThePath) {
  Facts f = refused();
  f.set(FactId::kTtlDiffersFromSender, 12);
  const Verdict v = attribute(f, false);
  EXPECT_EQ(v.cause, Cause::kPathFwReject);
  EXPECT_EQ(v.origin, Origin::kMiddlebox);
}

// An abort by the server in the middle of a silence.
Facts idle_abort() {
  Facts f;
  f.stage = Stage::kIdle;
  f.ending = Ending::kReset;
  f.sender = Side::kServer;
  for (const FactId id :
       {FactId::kImageActive, FactId::kSpontaneous, FactId::kIdleSpontaneous, FactId::kTtlMatchesSender,
        FactId::kSeqExact, FactId::kRequestAnswered, FactId::kServerBytes, FactId::kTimestampsKept})
    f.set(id);
  return f;
}

TEST(Attribute, ATimerIsWholeAndAnAdministratorIsNot) {
  Facts f = idle_abort();
  f.set(FactId::kClientBytes, 64);
  EXPECT_EQ(attribute(f, false).cause, Cause::kAdminKill);
  f.set(FactId::kIdleWholeSeconds, 60);
  EXPECT_EQ(attribute(f, false).cause, Cause::kIdleTimeoutRst);
  // Connections opened at different times: no timer ends them in one moment.
  f.set(FactId::kEndedTogether, 3);
  EXPECT_EQ(attribute(f, false).cause, Cause::kAdminKill);
}

TEST(Attribute, AClientThatNeverSpokeMissedItsTurn) {
  Facts f = idle_abort();
  f.set(FactId::kIdleWholeSeconds, 10);
  EXPECT_EQ(attribute(f, false).cause, Cause::kRequestTimeout);
}

TEST(Attribute, UnreadDataAndManyAtOnceAreACrash) {
  Facts f;
  f.stage = Stage::kRequest;
  f.ending = Ending::kReset;
  f.sender = Side::kServer;
  for (const FactId id : {FactId::kImageActive, FactId::kSpontaneous, FactId::kTtlMatchesSender, FactId::kSeqExact,
                          FactId::kRequestUnanswered, FactId::kClientBytes})
    f.set(id);
  const Verdict alone = attribute(f, false);
  EXPECT_EQ(alone.cause, Cause::kAppAbortUnread);
  EXPECT_EQ(alone.second, Cause::kAppAbortLinger0);
  EXPECT_LT(alone.confidence, 0.75F);  // the same packets
  f.set(FactId::kEndedTogether, 5);
  EXPECT_EQ(attribute(f, false).cause, Cause::kProcessCrash);
}

TEST(Attribute, HandMadeSeriesAreToldApart) {
  Facts f;
  f.stage = Stage::kRequest;
  f.ending = Ending::kReset;
  f.sender = Side::kServer;
  for (const FactId id : {FactId::kImageRaw, FactId::kBothSidesReset, FactId::kRstSeqLadder, FactId::kAckExact})
    f.set(id);
  EXPECT_EQ(attribute(f, false).cause, Cause::kIpsResetBoth);
  f.set(FactId::kRstSegmentLadder, 1460);
  EXPECT_EQ(attribute(f, false).cause, Cause::kCensorInjection);
}

TEST(Attribute, OneSidedIsNeverSure) {
  Facts f = refused();
  f.set(FactId::kTosCopied);
  f.set(FactId::kTtlMatchesSender);
  EXPECT_GT(attribute(f, false).confidence, kOneSidedCap);
  f.set(FactId::kOneSided);
  EXPECT_LE(attribute(f, false).confidence, kOneSidedCap);
}

TEST(Attribute, IcmpNamesItsSender) {
  Facts f;
  f.stage = Stage::kSyn;
  f.ending = Ending::kRejected;
  f.sender = Side::kServer;
  f.set(FactId::kIcmpCode, 3 * 256 + 13);
  EXPECT_EQ(attribute(f, false).origin, Origin::kMiddlebox);
  EXPECT_EQ(attribute(f, true).origin, Origin::kServer);
}

TEST(Attribute, AnyMixOfFactsGivesABoundedAnswer) {
  // Contradictory evidence, all of it at once and in every stage: some answer, shares below one, no crash.
  for (size_t stage = 0; stage < kStageCount; ++stage) {
    for (size_t ending = 0; ending < kEndingCount; ++ending) {
      for (size_t step = 1; step < 8; ++step) {
        Facts f;
        f.stage = static_cast<Stage>(stage);
        f.ending = static_cast<Ending>(ending);
        f.sender = step % 2 == 0 ? Side::kClient : Side::kServer;
        for (size_t id = step; id < kFactIdCount; id += step) f.set(static_cast<FactId>(id), INT64_MIN);
        const Verdict v = attribute(f, false);
        EXPECT_LE(v.confidence, 1.0F);
        EXPECT_LE(v.deciding_count, kMaxDeciding);
      }
    }
  }
}

}  // namespace
}  // namespace rs::attribute
