// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/knowledge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "control/correlate/knowledge_fill.h"
#include "control/correlate/knowledge_table.h"

namespace rs::correlate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

model::Ip v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  model::Ip ip{};
  ip[10] = ip[11] = 0xff;
  ip[12] = a, ip[13] = b, ip[14] = c, ip[15] = d;
  return ip;
}

model::Event sample() {
  model::Event e;
  e.time_ns = 1'795'603'398'000'000'000;  // 2026-11-25 10:43:18 UTC
  e.start_ns = e.time_ns - 5'000'000'000;
  e.client = {v4(10, 0, 1, 7), 40123};
  e.server = {v4(10, 0, 2, 9), 8080};
  e.claimed_sender = Side::kServer;
  e.origin = Origin::kServer;
  e.stage = Stage::kExchange;
  e.ending = Ending::kReset;
  e.confidence = 0.9;
  e.idle_ns = 350'000'000'000;
  return e;
}

void expect_prose(const std::string& text, const std::string& where) {
  EXPECT_FALSE(text.empty()) << where;
  EXPECT_EQ(text.find("  "), text.find("   # on "))
      << where << ": " << text;  // no doubled blanks but before the remark
  EXPECT_EQ(text.find(" ."), std::string::npos) << where << ": " << text;
  EXPECT_EQ(text.find(" ,"), std::string::npos) << where << ": " << text;
}

// No {placeholder} may survive; braces that belong to a command are doubled in the table.
void expect_filled(std::string_view text, const std::string& where) {
  static const std::set<std::string> literal = {"{l_onoff=1, l_linger=0}", "{time_connect}"};
  for (size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    const size_t end = text.find('}', at);
    const std::string key(text.substr(at, end == std::string_view::npos ? end : end - at + 1));
    EXPECT_TRUE(literal.contains(key)) << where << ": unfilled " << key << " in: " << text;
  }
}

TEST(Knowledge, EveryCauseHasItsOwnRowInItsFamilysTable) {
  const std::pair<Family, std::span<const CauseText>> tables[] = {
      {Family::kRefusal, refusal_texts()},   {Family::kEndpointAbort, endpoint_abort_texts()},
      {Family::kTimers, timers_texts()},     {Family::kPathPolicy, path_policy_texts()},
      {Family::kProtocol, protocol_texts()}, {Family::kLoadAbuse, load_abuse_texts()},
  };
  std::set<Cause> seen = {Cause::kUnknown};
  for (const auto& [family, texts] : tables)
    for (const CauseText& text : texts) {
      EXPECT_EQ(family_of(text.cause), family) << name(text.cause);
      EXPECT_TRUE(seen.insert(text.cause).second) << name(text.cause) << " stands twice";
    }
  EXPECT_EQ(seen.size(), kCauseCount);
  for (size_t i = 0; i < kCauseCount; ++i) EXPECT_EQ(cause_text(static_cast<Cause>(i)).cause, static_cast<Cause>(i));
}

TEST(Knowledge, TitlesAreUnique) {
  std::set<std::string_view> titles;
  for (size_t i = 0; i < kCauseCount; ++i) EXPECT_TRUE(titles.insert(cause_text(static_cast<Cause>(i)).title).second);
}

TEST(Knowledge, EveryFactAndStepHasItsText) {
  ASSERT_EQ(fact_texts().size(), kFactIdCount);
  for (size_t i = 0; i < kFactIdCount; ++i) {
    EXPECT_EQ(fact_texts()[i].id, static_cast<FactId>(i)) << kFactIdNames[i] << " stands in the wrong place";
    EXPECT_FALSE(fact_texts()[i].text.empty());
  }
  ASSERT_EQ(step_texts().size(), kStepKindCount);
  for (size_t i = 0; i < kStepKindCount; ++i)
    EXPECT_EQ(step_texts()[i].kind, static_cast<StepKind>(i)) << kStepKindNames[i];
}

TEST(Knowledge, AdviceIsCompleteAndFilledForEveryCauseAndOrigin) {
  for (size_t i = 0; i < kCauseCount; ++i)
    for (size_t o = 0; o < kOriginCount; ++o) {
      model::Event e = sample();
      e.cause = static_cast<Cause>(i);
      e.origin = static_cast<Origin>(o);
      const Advice a = advice(e, e.cause);
      const std::string where(name(e.cause));
      for (const std::string& text : {a.title, a.meaning, a.whose_side, a.confused_with, a.usual_fix}) {
        expect_prose(text, where);
        expect_filled(text, where);
      }
      EXPECT_FALSE(a.check_first.empty()) << where;
      for (const std::string& line : a.check_first) {
        EXPECT_THAT(line, HasSubstr("# ")) << where;
        expect_filled(line, where);
      }
    }
}

TEST(Knowledge, SummaryReadsForEveryCombination) {
  std::set<std::string> all;
  for (size_t cause = 0; cause < kCauseCount; ++cause)
    for (size_t origin = 0; origin < kOriginCount; ++origin)
      for (size_t side = 0; side < kSideCount; ++side)
        for (size_t stage = 0; stage < kStageCount; ++stage)
          for (size_t ending = 0; ending < kEndingCount; ++ending) {
            model::Event e = sample();
            e.cause = static_cast<Cause>(cause);
            e.origin = static_cast<Origin>(origin);
            e.claimed_sender = static_cast<Side>(side);
            e.stage = static_cast<Stage>(stage);
            e.ending = static_cast<Ending>(ending);
            const std::string text = summary(e);
            ASSERT_FALSE(text.empty());
            EXPECT_EQ(text.back(), '.') << text;
            EXPECT_EQ(text.find("  "), std::string::npos) << text;
            EXPECT_THAT(text, HasSubstr("10.0.2.9:8080")) << text;
            EXPECT_THAT(text, HasSubstr("10.0.1.7")) << text;
            expect_filled(text, "summary");
          }
}

TEST(Knowledge, SummaryOfARefusalIsOnePlainSentence) {
  model::Event e = sample();
  e.cause = Cause::kPortClosed;
  e.stage = Stage::kSyn;
  e.ending = Ending::kRefused;
  EXPECT_EQ(summary(e),
            "10.0.2.9:8080 refused 10.0.1.7: nothing listens on that port (answered by the server's own kernel).");
  e.origin = Origin::kUnknown;
  EXPECT_EQ(summary(e), "10.0.1.7 was refused at 10.0.2.9:8080: nothing listens on that port.");
  e.confidence = 0.5;
  e.count = 12;
  EXPECT_EQ(summary(e),
            "10.0.1.7 was refused at 10.0.2.9:8080: probably nothing listens on that port (12 such endings within a "
            "second).");
}

TEST(Knowledge, SummaryNamesWhoReallySentIt) {
  model::Event e = sample();
  e.cause = Cause::kIpsResetBoth;
  e.origin = Origin::kMiddlebox;
  EXPECT_THAT(summary(e), HasSubstr("A device on the path reset the connection of 10.0.1.7:40123 with 10.0.2.9:8080"));
  e.origin = Origin::kUnknown;
  EXPECT_THAT(summary(e), HasSubstr("in the name of the server"));
  EXPECT_THAT(summary(e), Not(HasSubstr("neither client nor server sent it")));
}

TEST(Knowledge, TheNoteStandsBeforeTheLastMessage) {
  model::Event e = sample();
  e.cause = Cause::kIpsResetBoth;
  e.origin = Origin::kMiddlebox;
  e.meanings = {"http.request"};
  EXPECT_THAT(summary(e), HasSubstr("at once (neither client nor server sent it); the last message was http.request."));
}

TEST(Knowledge, ResetsBeyondTheRecordedOnesAreCounted) {
  model::Event e = sample();
  e.timeline = {{1'000, 0, StepKind::kRst, Side::kServer}, {2'000, 0, StepKind::kRst, Side::kServer}};
  e.origin = Origin::kMiddlebox;
  e.rst_count = 2;
  EXPECT_THAT(step_text(e, e.timeline[1]), Not(HasSubstr("more")));
  e.rst_count = 9;
  EXPECT_EQ(step_text(e, e.timeline[0]), "reset in the name of the server (sequence exact)");
  EXPECT_EQ(step_text(e, e.timeline[1]), "reset in the name of the server (sequence exact), 7 more follow");
}

TEST(Knowledge, CommandsForLinuxAreNoAdviceForWindows) {
  model::Event e = sample();
  e.cause = Cause::kAppAbortUnread;
  e.evidence = {{FactId::kRstTtl, 0, 63}};
  EXPECT_THAT(advice(e, e.cause).check_first.back(), Not(HasSubstr("Windows")));
  e.evidence = {{FactId::kRstTtl, 0, 127}};
  EXPECT_THAT(advice(e, e.cause).check_first.back(), HasSubstr("# on 10.0.2.9: its TTL began at 128"));
  e.origin = Origin::kMiddlebox;  // whose TTL that is nobody knows
  EXPECT_THAT(advice(e, e.cause).check_first.back(), Not(HasSubstr("Windows")));
}

TEST(Knowledge, TwoTellingMessagesAreNotAscribed) {
  model::Event e = sample();
  e.evidence = {{FactId::kSaysTlsFailure, 200, 1}};
  EXPECT_EQ(fact_text(e, e.evidence[0]), "a fatal TLS alert of the server came before the end");
  e.evidence.push_back({FactId::kSaysRequestError, 0, 400});
  EXPECT_EQ(fact_text(e, e.evidence[0]), "a fatal TLS alert came before the end");
  EXPECT_EQ(fact_text(e, e.evidence[1]), "one of the last messages says that the request was wrong");
}

TEST(Knowledge, ANumberTakenFromAnAcknowledgementIsTold) {
  model::Event e = sample();
  e.timeline = {{1'000, 5'000, StepKind::kRst, Side::kServer}};
  EXPECT_THAT(step_text(e, e.timeline[0]), HasSubstr("(sequence 5000 bytes ahead of the sender's next)"));
  e.evidence = {{FactId::kSeqIsTriggerAck, 0, 0}};
  EXPECT_THAT(step_text(e, e.timeline[0]), HasSubstr("(sequence as acknowledged by the client)"));
}

TEST(Knowledge, AProxysOtherLegIsInFrontWhereItResetsAsAClient) {
  model::Event e = sample();
  e.cause = Cause::kProxyRelayed;
  EXPECT_THAT(advice(e, e.cause).check_first[0], HasSubstr("--client-ip 10.0.2.9 "));
  EXPECT_THAT(advice(e, e.cause).usual_fix, HasSubstr("behind the proxy"));
  e.origin = Origin::kClient;
  EXPECT_THAT(advice(e, e.cause).check_first[0], HasSubstr("--server-ip 10.0.1.7 "));
  EXPECT_THAT(advice(e, e.cause).usual_fix, HasSubstr("in front of the proxy"));
}

TEST(Knowledge, KeepaliveIsNoAdviceAgainstAProgramsOwnLimit) {
  model::Event e = sample();
  e.cause = Cause::kIdleTimeoutRst;
  const auto with = [&](const char* text) {
    const Advice a = advice(e, e.cause);
    return std::ranges::any_of(a.check_first, [&](const std::string& line) { return line.find(text) != line.npos; });
  };
  EXPECT_TRUE(with("on 10.0.2.9: its idle timeout: a value near 350 s?"));
  EXPECT_FALSE(with("tcp_keepalive_time"));
  e.origin = Origin::kMiddlebox;
  EXPECT_TRUE(with("on the firewall or balancer: its idle timeout"));
  EXPECT_TRUE(with("tcp_keepalive_time   # on 10.0.2.9: must be below 350 s"));
}

TEST(Knowledge, TheReaderIsToldApartFromWhoGaveUp) {
  model::Event e = sample();
  e.cause = Cause::kZeroWindowAbort;
  EXPECT_THAT(advice(e, e.cause).whose_side, HasSubstr("10.0.1.7:40123"));
  EXPECT_THAT(advice(e, e.cause).check_first[0], HasSubstr("ss -tnp dst 10.0.2.9   # on 10.0.1.7: "));
  e.origin = Origin::kClient;
  EXPECT_THAT(advice(e, e.cause).whose_side, HasSubstr("10.0.2.9:8080"));
}

TEST(Knowledge, ProbesAreNoSilence) {
  model::Event e = sample();
  e.cause = Cause::kAppAbortLinger0;
  e.stage = Stage::kIdle;
  EXPECT_THAT(summary(e), HasSubstr(" after 350 s of silence: "));
  e.timeline = {{0, 2, StepKind::kKeepaliveProbe, Side::kServer}};
  EXPECT_THAT(summary(e), HasSubstr(" while it was idle: "));
  e.timeline.clear();
  e.idle_ns = 0;
  EXPECT_THAT(summary(e), HasSubstr(" while it was idle: "));
}

TEST(Knowledge, UnknownNamesTheBestGuess) {
  model::Event e = sample();
  e.second_cause = Cause::kAppAbortUnread;
  EXPECT_THAT(summary(e), HasSubstr("the packets do not tell why (best guess: closed with unread data)"));
  e.second_cause = Cause::kSynFlood;
  EXPECT_THAT(summary(e), HasSubstr("(best guess: SYN flood)"));
}

TEST(Knowledge, FactTextsCarryValueAndUnit) {
  model::Event e = sample();
  e.evidence = {
      {FactId::kRstTtl, 50, 57}, {FactId::kTtlDiffersFromSender, 200, 5}, {FactId::kIcmpCode, 0, 3 * 256 + 13}};
  EXPECT_EQ(fact_text(e, e.evidence[1]), "the RST's TTL was 57, the server's own packets carry 52");
  EXPECT_THAT(fact_text(e, e.evidence[2]), HasSubstr("communication prohibited by an administrator\" (ICMP 3/13)"));
  EXPECT_EQ(fact_text(e, {FactId::kReactionUs, 0, 1500}), "the RST came 1.5 ms after the last packet of the client");
  EXPECT_EQ(fact_text(e, {FactId::kIdleMs, 0, 350'000}), "the connection had been silent for 350 s");
  EXPECT_EQ(fact_text(e, {FactId::kKeepaliveProbes, 0, 1}), "1 keepalive probe went unanswered");
  EXPECT_EQ(fact_text(e, {FactId::kServedOthers, 0, 1}), "the server accepted 1 other connection meanwhile");
  EXPECT_EQ(fact_text(e, {FactId::kClientBytes, 0, 1}), "the client had sent 1 byte");
  EXPECT_EQ(fact_text(e, {FactId::kClientBytes, 0, 2}), "the client had sent 2 bytes");
  EXPECT_EQ(fact_text(e, {FactId::kSeqInWindow, 0, -1}),
            "the RST's sequence number is inside the window but 1 byte behind the sender's next");
}

TEST(Knowledge, FactTextsAreFilledForExtremeValues) {
  const int64_t values[] = {0, 1, 2, -1, INT64_MAX, INT64_MIN + 1};
  for (size_t i = 0; i < kFactIdCount; ++i)
    for (const int64_t value : values) {
      const std::string text = fact_text(sample(), {static_cast<FactId>(i), 0, value});
      expect_prose(text, std::string(kFactIdNames[i]));
      expect_filled(text, std::string(kFactIdNames[i]));
    }
}

TEST(Knowledge, NumbersOfANewerSensorAreNamedAsSuch) {
  EXPECT_EQ(fact_name(static_cast<FactId>(9999)), "fact_9999");
  EXPECT_EQ(fact_name(FactId::kRstTtl), "rst_ttl");
  EXPECT_THAT(fact_text(sample(), {static_cast<FactId>(9999), 0, 3}), HasSubstr("fact_9999"));
  EXPECT_FALSE(step_text(sample(), {0, 0, static_cast<StepKind>(200), Side::kClient}).empty());
  EXPECT_EQ(advice(sample(), static_cast<Cause>(250)).title, "Unknown");
}

TEST(Knowledge, StepTexts) {
  const model::Event e = sample();
  for (size_t i = 0; i < kStepKindCount; ++i)
    for (size_t side = 0; side < kSideCount; ++side) {
      const std::string text = step_text(e, {0, 3, static_cast<StepKind>(i), static_cast<Side>(side)});
      expect_prose(text, std::string(kStepKindNames[i]));
      expect_filled(text, std::string(kStepKindNames[i]));
    }
  EXPECT_EQ(step_text(e, {0, 0, StepKind::kRst, Side::kServer}), "the server sends a reset (sequence exact)");
  EXPECT_EQ(step_text(e, {0, 0, StepKind::kRst, Side::kClient}), "reset in the name of the client (sequence exact)");
  EXPECT_EQ(step_text(e, {0, 2, StepKind::kSynRetry, Side::kClient}), "the client has asked again twice by now (SYN)");
  EXPECT_EQ(step_text(e, {0, 1, StepKind::kSyn, Side::kClient}), "the client asks to connect (SYN)");
  EXPECT_EQ(step_text(e, {0, 3, StepKind::kSyn, Side::kClient}), "the client asks to connect (SYN, sent 3 times)");
  EXPECT_EQ(step_text(e, {5, 1, StepKind::kSyn, Side::kClient}),
            "the client asks to connect anew, on the same ports (SYN)");
  EXPECT_EQ(step_text(e, {0, 1, StepKind::kFin, Side::kClient}),
            "the client closes its direction (FIN; 1 byte sent in all)");
  EXPECT_EQ(step_text(e, {0, 0, StepKind::kFin, Side::kClient}), "the client closes its direction (FIN)");
  EXPECT_EQ(step_text(e, {0, 2004, StepKind::kSilence, Side::kUnknown}), "the last packet before 2.0 s of silence");
  EXPECT_EQ(step_text(e, {0, 1, StepKind::kDataAfterRst, Side::kServer}),
            "the server still sends after the reset (1 packet)");
  EXPECT_EQ(step_text(e, {0, 0, StepKind::kDataSoFar, Side::kServer}), "the server sends a bare acknowledgement (ACK)");
  EXPECT_EQ(step_text(e, {0, 9, StepKind::kDataSoFar, Side::kServer}),
            "the server sends a bare acknowledgement (ACK; 9 bytes sent in all by now)");
  EXPECT_EQ(step_text(e, {0, static_cast<uint32_t>(-20), StepKind::kRst, Side::kServer}),
            "the server sends a reset (sequence 20 bytes behind the sender's next)");
}

TEST(Knowledge, TheSilenceThatAFinEndedIsTheOneNamed) {
  model::Event e = sample();
  e.cause = Cause::kIdleTimeoutRst;
  e.origin = e.claimed_sender == Side::kServer ? Origin::kServer : Origin::kClient;
  e.idle_ns = 0;
  EXPECT_THAT(summary(e), HasSubstr(": an idle timer ran out"));
  e.evidence = {{FactId::kFinAtEndOfIdle, 86, 3001}};
  EXPECT_THAT(summary(e), HasSubstr("an idle timer of about 3.0 s ran out"));
  EXPECT_THAT(advice(e, e.cause).check_first[1], HasSubstr("a value near 3.0 s?"));
}

// Nobody's address is on a silence: the facts name who did not answer.
TEST(Knowledge, AConnectionThatDiedNamesWhoFellSilent) {
  model::Event e = sample();
  e.cause = Cause::kRetransTimeout;
  e.claimed_sender = Side::kUnknown;
  e.origin = Origin::kUnknown;
  e.ending = Ending::kTimedOut;
  const model::Fact unanswered{FactId::kRequestUnanswered, 0, 64};
  e.timeline = {{0, 6, StepKind::kRetransmission, Side::kClient}};
  EXPECT_THAT(summary(e), HasSubstr("10.0.2.9:8080 stopped acknowledging"));
  EXPECT_EQ(fact_text(e, unanswered), "the server had sent nothing since the last 64 bytes of the client");
  EXPECT_THAT(advice(e, e.cause).check_first[1], HasSubstr("ss -tin dst 10.0.2.9   # on 10.0.1.7:"));
  e.timeline = {{0, 6, StepKind::kRetransmission, Side::kServer}};
  EXPECT_THAT(summary(e), HasSubstr("10.0.1.7:40123 stopped acknowledging"));
  EXPECT_EQ(fact_text(e, unanswered), "the client had sent nothing since the last 64 bytes of the server");
  EXPECT_THAT(advice(e, e.cause).check_first[1], HasSubstr("ss -tin dst 10.0.1.7   # on 10.0.2.9:"));
  e.stage = Stage::kSyn;
  e.timeline.clear();
  EXPECT_EQ(fact_text(e, {FactId::kRequestAtEndOfIdle, 0, 0}), "nothing answered the first packet after the silence");
}

TEST(Knowledge, TheSideThatRefusedIsNotAlwaysTheOneThatReset) {
  model::Event e = sample();
  e.cause = Cause::kTlsFailure;
  e.origin = Origin::kClient;
  e.claimed_sender = Side::kClient;
  EXPECT_THAT(summary(e), HasSubstr("refused by the client"));
  e.evidence = {{FactId::kSaysTlsFailure, 200, 1}, {FactId::kSaidByPeer, 0, 1}};
  EXPECT_THAT(summary(e), HasSubstr("refused by the server"));
  EXPECT_THAT(advice(e, e.cause).whose_side, HasSubstr("10.0.2.9:8080"));
  EXPECT_EQ(fact_text(e, e.evidence[0]), "a fatal TLS alert of the server came before the end");
}

TEST(Knowledge, ChecksSuitTheProtocolThatWasSeen) {
  model::Event e = sample();
  e.cause = Cause::kRateLimit;
  const auto has = [&](const char* command) {
    const Advice a = advice(e, e.cause);
    return std::ranges::any_of(a.check_first, [&](const std::string& line) { return line.starts_with(command); });
  };
  EXPECT_FALSE(has("nginx") || has("sshd"));
  e.meanings = {"tls.data"};  // what it carries is HTTP as a rule
  EXPECT_TRUE(has("nginx") && !has("sshd"));
  e.meanings = {"ssh.refused=too_many", "ssh.banner"};
  EXPECT_TRUE(has("sshd") && !has("nginx"));
  EXPECT_THAT(summary(e), HasSubstr("the last message was ssh.banner"));
  e.evidence = {{FactId::kSaysRateLimit, 186, 1}};
  EXPECT_THAT(summary(e), HasSubstr("the message that tells was ssh.refused=too_many"));
}

TEST(Knowledge, TheProgramThatActedIsFoundByTheServicesPort) {
  model::Event e = sample();
  e.cause = Cause::kAppAbortLinger0;
  EXPECT_THAT(advice(e, e.cause).check_first[1], HasSubstr("ss -tanpH 'sport = :8080' |"));
  e.origin = Origin::kClient;
  EXPECT_THAT(advice(e, e.cause).check_first[1], HasSubstr("ss -tanpH 'dport = :8080' |"));
}

TEST(Knowledge, AForgedResetAcknowledgesForNobody) {
  model::Event e = sample();
  EXPECT_EQ(fact_text(e, {FactId::kAckedAll, 0, 0}), "the server had acknowledged everything it was sent");
  e.origin = Origin::kMiddlebox;
  EXPECT_EQ(fact_text(e, {FactId::kAckedAll, 0, 0}),
            "by the RST's own word the server had received everything it was sent");
  EXPECT_EQ(step_text(e, {0, 0, StepKind::kRst, Side::kServer}), "reset in the name of the server (sequence exact)");
}

TEST(Knowledge, AHostileServerNameStaysOutOfCommands) {
  model::Event e = sample();
  e.cause = Cause::kTlsFailure;
  e.server_name = "shop.example.com";
  EXPECT_THAT(advice(e, e.cause).check_first[0], HasSubstr("-servername shop.example.com "));
  for (const char* hostile : {"x; reboot", "$(reboot)", "-verify_quiet", "a'b", "a\nb"}) {
    e.server_name = hostile;
    EXPECT_THAT(advice(e, e.cause).check_first[0], Not(HasSubstr("-servername"))) << hostile;
  }
}

TEST(Knowledge, WhatCameOverTheWireIsMadePrintable) {
  model::Event e = sample();
  e.cause = Cause::kSniUrlBlock;
  e.server_name = "a\x1b[31m\xff";
  e.meanings = {"http.status=503", "text=\r\n"};
  const std::string text = summary(e);
  EXPECT_THAT(text, HasSubstr("(a?[31m?)"));
  EXPECT_THAT(text, HasSubstr("the last message was text=??"));
}

TEST(Knowledge, CommandsSuitIpv6) {
  model::Event e = sample();
  e.cause = Cause::kHostFwReject;
  e.server = {{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 443};
  EXPECT_EQ(endpoint_text(e.server), "[2001:db8::1]:443");
  EXPECT_THAT(advice(e, e.cause).check_first[1], HasSubstr("ip6tables -L"));
}

TEST(Knowledge, Durations) {
  EXPECT_EQ(duration_text(0), "0 ns");
  EXPECT_EQ(duration_text(999'000), "999 us");
  EXPECT_EQ(duration_text(1'500'000), "1.5 ms");
  EXPECT_EQ(duration_text(2'500'000'000), "2.5 s");
  EXPECT_EQ(duration_text(350'200'000'000), "350 s");
  EXPECT_EQ(duration_text(3'661'000'000'000), "61 min 1 s");
  EXPECT_EQ(duration_text(7'500'000'000'000), "2 h 5 min");
}

TEST(Knowledge, MappedAddressesPrintAsIpv4) {
  EXPECT_EQ(ip_text(v4(192, 0, 2, 1)), "192.0.2.1");
  EXPECT_EQ(ip_text({}), "::");
}

}  // namespace
}  // namespace rs::correlate
