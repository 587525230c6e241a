// SPDX-License-Identifier: Apache-2.0
//
// One sentence a fact, one phrase a step. {value} is the fact's value in the unit event.fbs gives it.
#include "control/correlate/knowledge_table.h"

namespace rs::correlate {
namespace {

constexpr FactText kFacts[] = {
    {FactId::kNone, "no fact"},
    // shape of the terminating RST
    {FactId::kImageActive,
     "the RST has the shape of a live socket: RST with ACK, and its window, options or sequence kept"},
    {FactId::kImageStateless,
     "the RST has the shape a kernel gives it without a usable socket: bare RST, window 0, no options"},
    {FactId::kImageStatelessAck,
     "the RST has the shape of a refusal: RST with ACK, sequence 0, it acknowledges what it answers"},
    {FactId::kImageRaw, "the RST has neither shape a TCP stack gives it: it was built by hand"},
    {FactId::kRstWindow, "the RST's window field was {value}"},
    {FactId::kRstTtl, "the RST's TTL was {value}"},
    {FactId::kTtlMatchesSender, "the RST's TTL{rst_ttl} is within the range of {claimed_whose} other packets"},
    {FactId::kTtlDiffersFromSender, "the RST's TTL was {ttl_pair}"},
    {FactId::kTtlOffByOne, "the RST's TTL was {ttl_pair}: one hop apart"},
    {FactId::kNoTtlBaseline, "{claimed_the} sent nothing else to compare the RST's TTL with"},
    {FactId::kIpIdContinues, "the RST's IP-ID goes on from {claimed_whose} last packet (+{value})"},
    {FactId::kIpIdZero, "the RST's IP-ID is 0 with don't-fragment set, as in a kernel's stateless reply"},
    {FactId::kIpIdBreaks, "the RST's IP-ID jumps by {signed_value} from {claimed_whose} last packet"},
    {FactId::kDfClear, "the RST allows fragmentation (don't-fragment clear), unlike a modern stack"},
    {FactId::kDfDiffersFromSender, "the RST's don't-fragment bit differs from {claimed_whose} other packets"},
    {FactId::kTosCopied, "the RST copied the type of service of the packet it answers, as a kernel does"},
    {FactId::kTosNotCopied,
     "the RST did not copy the type of service of the packet it answers, as a packet filter does not"},
    {FactId::kTosUnmarked, "the packet it answers had type of service 0, so that test says nothing"},
    {FactId::kFlowLabelZero, "the RST's IPv6 flow label is 0, as in a packet filter's reject"},
    {FactId::kFlowLabelKept, "the RST carries the connection's own IPv6 flow label"},
    {FactId::kFlowLabelOther, "the RST carries another, non-zero IPv6 flow label, as a kernel's stateless reply may"},
    {FactId::kTimestampsKept, "the RST carries the TCP timestamps the connection had negotiated"},
    {FactId::kTimestampsMissing, "the RST lacks the TCP timestamps the connection had negotiated"},
    {FactId::kRstPayload, "the RST carried {value} bytes of payload"},
    // sequence
    {FactId::kSeqExact, "the RST's sequence number is exactly {claimed_whose} next"},
    {FactId::kSeqIsTriggerAck, "the RST's sequence number is the acknowledgement number of the packet it answers"},
    {FactId::kSeqAfterFin, "the RST's sequence number is one beyond {claimed_whose} FIN"},
    {FactId::kSeqInWindow, "the RST's sequence number is inside the window but {bytes_off}"},
    {FactId::kSeqOutOfWindow, "the RST's sequence number is outside the window: {bytes_off}"},
    {FactId::kSeqBehindSender, "the RST's sequence number is {bytes_off}: its maker had not seen the latest data"},
    {FactId::kSeqZero, "the RST's sequence number is 0 although the packet it answers carried an acknowledgement"},
    {FactId::kAckExact, "the RST acknowledges exactly what had been received"},
    {FactId::kAckWrong, "the RST acknowledges something else than had been received"},
    // trigger and timing
    {FactId::kAnswersSyn, "the RST answers a SYN"},
    {FactId::kAnswersSynAck, "the RST answers a SYN-ACK"},
    {FactId::kAnswersAck, "the RST answers a bare acknowledgement"},
    {FactId::kAnswersData, "the RST answers data"},
    {FactId::kAnswersFin, "the RST answers a FIN"},
    {FactId::kSpontaneous, "no packet of {claimed_peer} came shortly before the RST: it was sent of its own accord"},
    {FactId::kReactionUs, "the RST came {value_us} after the last packet of {claimed_peer}"},
    {FactId::kFasterThanSender,
     "the RST came after {value} % of the least round trip to {claimed_the}: too soon to be from there"},
    {FactId::kIdleMs, "the connection had been silent for {value_ms}"},
    {FactId::kIdleWholeSeconds,
     "the silence lasted a whole number of seconds ({value} s), as a configured timer's does"},
    {FactId::kIdleKnownDefault, "the silence is a well-known default timeout ({value} s)"},
    // after the RST
    {FactId::kSenderContinued,
     "{claimed_the} went on after \"its\" RST as if nothing had happened ({value} {packets})"},
    {FactId::kFlowSurvived, "both sides went on: the RST had no effect"},
    {FactId::kChallengeAckSeen, "the receiver answered the RST with a challenge ACK instead of obeying"},
    {FactId::kBothSidesReset, "both directions were reset, {value_us} apart"},
    {FactId::kRepeatedRst, "{value} RSTs came in the name of {claimed_the}"},
    {FactId::kRstSeqLadder, "the RSTs' sequence numbers rise in steps of {value} bytes, as injectors make them"},
    // what the connection had done
    {FactId::kHandshakeFull, "the handshake was complete"},
    {FactId::kHandshakeHalf, "the server had answered, but the client never completed the handshake"},
    {FactId::kSynOnly, "only SYNs were seen"},
    {FactId::kSynRetries, "the SYN was repeated {times}"},
    {FactId::kMidstreamStart, "the connection's start was not seen"},
    {FactId::kOneSided, "only one direction was captured, which limits what can be known"},
    {FactId::kClientBytes, "the client had sent {value} bytes"},
    {FactId::kServerBytes, "the server had sent {value} bytes"},
    {FactId::kRequestUnanswered, "{value} bytes of {claimed_peer} had got no answer"},
    {FactId::kRequestAnswered, "every request had been answered"},
    {FactId::kResponseInFlight, "an answer was still in flight"},
    {FactId::kResponseComplete, "the answer had arrived and been acknowledged completely"},
    {FactId::kDataAfterFin, "data came {value_us} after the FIN"},
    {FactId::kFinFromClient, "the client had sent a FIN"},
    {FactId::kFinFromServer, "the server had sent a FIN"},
    {FactId::kFinFromRstSender, "{claimed_the} had itself sent a FIN before the RST"},
    {FactId::kFinFromPeer, "{claimed_peer} had sent a FIN before the RST"},
    {FactId::kFinCrossedData, "the FIN and the late data crossed on the wire: the data's sender could not yet know"},
    {FactId::kNeverAnswered, "the other side never sent a packet"},
    {FactId::kKeepaliveProbes, "{value} keepalive {probes} went unanswered"},
    {FactId::kProbeIntervalMs, "the keepalive probes came every {value_ms}"},
    {FactId::kRetransmissions, "{value} {retransmissions} in a row went unanswered"},
    {FactId::kZeroWindow, "the peer had announced a closed window"},
    {FactId::kSynAckResent, "the server repeated its SYN-ACK {times}"},
    {FactId::kLateHandshake, "the answer to the SYN came {value_ms} after it"},
    {FactId::kPeerAliveAfter, "{claimed_peer} was alive and went on sending after the RST"},
    // who is talking
    {FactId::kScannerSyn, "the SYN was made by a scanner ({scanner}), not by an operating system"},
    {FactId::kWindowReasonCode, "the RST's window field carries a NetScaler reset code: {value}"},
    {FactId::kF5Text, "the RST carries the reset-cause text of an F5 device"},
    {FactId::kRstDiagnostic, "the RST carries a diagnostic payload (IETF draft)"},
    {FactId::kMptcpReason, "the RST carries a Multipath TCP reason: {mptcp_value}"},
    {FactId::kIcmpCode, "an ICMP error came for it: {icmp_value}"},
    {FactId::kMirrorDuplicate, "the mirror port shows packets more than once, which was taken into account"},
    {FactId::kLossyCapture, "the sensor missed packets at that time, so something may be unseen"},
    {FactId::kReordered, "{value} {packets} arrived out of order here"},
    {FactId::kClockBackwards, "the capture's clock went backwards"},
    {FactId::kAnsweredLateData, "the RST answers data that came after the close"},
    {FactId::kTriggerUnknownFlow, "the packet it answers belongs to a connection not seen before"},
    {FactId::kKeepaliveProbeBefore, "a keepalive probe drew the RST"},
    {FactId::kRequestAtEndOfIdle, "the first packet after the silence drew the ending"},
    {FactId::kServerNeverSpoke, "the server never sent any data"},
    {FactId::kRstBeforeSynAck, "the RST came before any SYN-ACK"},
    {FactId::kGenuineSynAckAfterRst, "the server's genuine SYN-ACK came after the RST"},
    {FactId::kSynOnLiveConnection, "a new SYN met this connection while it was still held"},
    {FactId::kSenderSilent, "{claimed_the} had sent nothing before the RST"},
    {FactId::kUnsolicited, "nothing at all was seen before the RST"},
    {FactId::kPeerResetToo, "{claimed_peer} sent a RST too, {value_us} later, as its kernel's reply"},
    {FactId::kAckedAll, "{claimed_the} had acknowledged everything it was sent"},
    {FactId::kUnackedInbound, "{claimed_the} had not acknowledged the last {value} bytes it was sent"},
    {FactId::kPeerDataInFlight, "{claimed_peer} sent {value} more {packets} with new data after the RST"},
    {FactId::kIdleSpontaneous, "it ended in the middle of a silence; no packet drew the end"},
    {FactId::kRepeatIntervalMs, "the latest repeats came {value_ms} apart"},
    {FactId::kTunnelled, "it was seen inside a tunnel ({tunnel})"},
    {FactId::kOuterTtl, "the tunnel's own TTL was {value}"},
    // what the last messages said
    {FactId::kSaysOverload, "the last message says that the server has no capacity left"},
    {FactId::kSaysRateLimit, "the last message says that this client asks too much or too often"},
    {FactId::kSaysTlsFailure, "a fatal TLS alert came before the end"},
    {FactId::kSaysProtocolError, "the last message says that one end does not understand the other"},
    {FactId::kSaysAdminKill, "the last message says that the session was ended on purpose or the server is stopping"},
    {FactId::kSaysRequestError, "the last message says that the request was wrong"},
    {FactId::kSaysTooLarge, "the last message says that the request was too large"},
    {FactId::kSaysAuthFailed, "the last message says that the client is not allowed in"},
    {FactId::kSaysTimeout, "the last message says that something took too long"},
    {FactId::kSaysIdleTimeout, "the last message says that the connection was idle for too long"},
    {FactId::kSaysNoBackend, "the last message says that there was no server behind to pass the request to"},
    {FactId::kSaysBlocked, "the last message says that a policy forbids it"},
    {FactId::kSaysUnknownConnection, "the RST itself says that its sender did not know the connection"},
    {FactId::kSaysNotListening, "the RST itself says that nothing listens there"},
    {FactId::kSaysPeerReset, "the RST itself says that its sender passes on a reset from the other side"},
    {FactId::kSaysPeerSilent, "the last message says that its sender had given up waiting for the other side"},
    {FactId::kSaidByPeer, "it was {claimed_peer} that said so"},
    {FactId::kClientHelloLast, "the last thing the client sent was the opening of TLS, which names the site in clear"},
    {FactId::kRequestLast, "the last thing the client sent was a request in plain text"},
    {FactId::kProtocolMismatch, "client and server spoke different protocols"},
    {FactId::kPeerToPeer, "the connection carried a file-sharing protocol"},
    {FactId::kSynAckWrong, "the answer to the SYN acknowledged something the client had not sent"},
    {FactId::kFinAtEndOfIdle, "{claimed_the} ended {value_ms} of silence with its FIN"},
};

// {side} is the packet's bearer, {other} the side it is meant for.
constexpr StepText kSteps[] = {
    {StepKind::kNone, "nothing"},
    {StepKind::kSyn, "{side} asks to connect (SYN)"},
    {StepKind::kSynRetry, "{side} asks again (SYN repeated {step_times})"},
    {StepKind::kSynAck, "{side} accepts (SYN-ACK)"},
    {StepKind::kEstablished, "connected: {side} completes the handshake"},
    {StepKind::kFirstData, "{side} sends its first data ({bytes})"},
    {StepKind::kLastData, "{side} sends its last data ({bytes})"},
    {StepKind::kFin, "{side} closes its direction (FIN)"},
    {StepKind::kKeepaliveProbe, "{side} probes whether {other} is alive (keepalive {step_times})"},
    {StepKind::kRetransmission, "{side} sends the same data again (retransmitted {step_times})"},
    {StepKind::kZeroWindow, "{side} announces a closed window"},
    {StepKind::kRst, "reset in the name of {side} ({sequence})"},
    {StepKind::kChallengeAck, "{side} does not believe the reset and asks back (challenge ACK)"},
    {StepKind::kDataAfterRst, "{side} still sends after the reset ({bytes})"},
    {StepKind::kIcmp, "an ICMP error comes back to {other}"},
    {StepKind::kGaveUp, "nothing more comes; the connection is taken for dead"},
};

}  // namespace

std::span<const FactText> fact_texts() { return kFacts; }
std::span<const StepText> step_texts() { return kSteps; }

std::string_view fact_template(FactId id) {
  const auto i = static_cast<size_t>(id);
  return i < std::size(kFacts) ? kFacts[i].text : std::string_view{};
}

std::string_view step_template(StepKind kind) {
  const auto i = static_cast<size_t>(kind);
  return i < std::size(kSteps) ? kSteps[i].text : std::string_view{};
}

}  // namespace rs::correlate
