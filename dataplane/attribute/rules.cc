// SPDX-License-Identifier: Apache-2.0
#include "dataplane/attribute/rules.h"

namespace rs::attribute {
namespace {

using F = FactId;

constexpr uint16_t at(Stage s) { return static_cast<uint16_t>(1U << static_cast<unsigned>(s)); }
constexpr uint16_t kSyn = at(Stage::kSyn);
constexpr uint16_t kSynAck = at(Stage::kSynAck);
constexpr uint16_t kOpen = at(Stage::kEstablished);
constexpr uint16_t kRequest = at(Stage::kRequest);
constexpr uint16_t kTalk = at(Stage::kExchange);
constexpr uint16_t kIdle = at(Stage::kIdle);
constexpr uint16_t kClosing = at(Stage::kClosing);
constexpr uint16_t kClosed = at(Stage::kClosed);
constexpr uint16_t kMid = at(Stage::kMidstream);
constexpr uint16_t kData = kRequest | kTalk | kIdle;
constexpr uint16_t kLive = kOpen | kData | kMid;
constexpr uint16_t kAny = 0xffff;

constexpr uint8_t how(Ending e) { return static_cast<uint8_t>(1U << static_cast<unsigned>(e)); }
constexpr uint8_t kReset = how(Ending::kReset);
constexpr uint8_t kRefused = how(Ending::kRefused);
constexpr uint8_t kTimedOut = how(Ending::kTimedOut);
constexpr uint8_t kRejected = how(Ending::kRejected);

constexpr Side kEither = Side::kUnknown;
constexpr Side kClient = Side::kClient;
constexpr Side kServer = Side::kServer;

// Sources, named once. "lab" is tests/lab, where the kernel's own reset reason is the truth.
constexpr std::string_view kRfc9293 = "RFC 9293 3.5.2, 3.10.7; Linux tcp_v4_send_reset, lab";
constexpr std::string_view kActive = "Linux tcp_send_active_reset, tcp_close; RFC 2525 2.17; lab";
constexpr std::string_view kNetfilter = "Linux nf_reject_ipv4.c, nf_reject_ipv6.c; lab";

// A row reads as a table, not as code.
// clang-format off
constexpr Rule kRules[] = {
    // ---- refusal ----
    {Cause::kPortClosed, Who::kSender, kServer, kSyn, kRefused, Severity::kProblem, 250,
     {F::kImageStatelessAck, F::kAckExact}, {}, {F::kFlowLabelZero, F::kTosNotCopied, F::kLateHandshake},
     {{{F::kTosCopied, 150}, {F::kTtlMatchesSender, 100}, {F::kFlowLabelOther, 100}, {F::kFlowLabelKept, 100},
       {F::kIpIdZero, 40}, {F::kGenuineSynAckAfterRst, -400}, {F::kScannerSyn, -100}}},
     kRfc9293},
    // The reject target builds its RST from nothing: TOS 0 and flow label 0 where the kernel would copy. Without a
    // marked SYN and over IPv4 nothing tells it from a closed port.
    {Cause::kHostFwReject, Who::kSender, kServer, kSyn, kRefused, Severity::kProblem, 130,
     {F::kImageStatelessAck, F::kAckExact}, {},
     {F::kTosCopied, F::kFlowLabelOther, F::kFlowLabelKept, F::kTtlDiffersFromSender},
     {{{F::kTosNotCopied, 300}, {F::kFlowLabelZero, 300}, {F::kTtlMatchesSender, 100}, {F::kTtlOffByOne, -150},
       {F::kIpIdZero, 40}, {F::kGenuineSynAckAfterRst, -300}, {F::kScannerSyn, -100}}},
     kNetfilter},
    // A window in a refusal is odd, but there are hosts that send one: where the distance is right it is theirs.
    {Cause::kPortClosed, Who::kSender, kServer, kSyn, kRefused, Severity::kProblem, 120,
     {F::kImageRaw, F::kAckExact, F::kTtlMatchesSender}, {}, {F::kLateHandshake, F::kRstFieldsVary},
     {{{F::kGenuineSynAckAfterRst, -400}, {F::kScannerSyn, -100}}}, "RFC 9293 3.10.7.1 asks for no window"},
    {Cause::kPathFwReject, Who::kMiddlebox, kServer, kSyn, kRefused, Severity::kProblem, -80,
     {F::kAckExact}, {F::kImageStatelessAck, F::kImageRaw}, {F::kTosCopied, F::kFlowLabelOther, F::kFlowLabelKept},
     {{{F::kTosNotCopied, 200}, {F::kFlowLabelZero, 200}, {F::kTtlMatchesSender, -100},
       {F::kGenuineSynAckAfterRst, 300}, {F::kScannerSyn, -100}, {F::kRstFieldsVary, -300}}},
     kNetfilter},
    {Cause::kListenOverflowRst, Who::kSender, kServer, kOpen | kRequest, kReset, Severity::kProblem, 250,
     {F::kImageStateless, F::kHandshakeFull, F::kServerNeverSpoke}, {F::kSeqExact, F::kSeqIsTriggerAck},
     {F::kTtlDiffersFromSender, F::kTosNotCopied, F::kFlowLabelZero, F::kFinFromRstSender},
     {{{F::kAnswersAck, 60}, {F::kTtlMatchesSender, 40}, {F::kTtlOffByOne, -200}, {F::kRequestAtEndOfIdle, -250},
       {F::kKeepaliveProbeBefore, -250}}},
     "Linux tcp_check_req with tcp_abort_on_overflow; reason INVALID_SYN; lab"},
    {Cause::kListenOverflowDrop, Who::kSender, kEither, kOpen | kRequest | kSynAck, kTimedOut, Severity::kProblem, 280,
     {F::kSynAckResent, F::kHandshakeFull, F::kServerNeverSpoke}, {}, {}, {{{F::kRetransmissions, 60}}},
     "Linux tcp_conn_request: a full accept queue drops the handshake's ACK; lab"},
    // With SYN cookies the SYN-ACK does not come again: a server that took the handshake and hears nothing of what follows.
    {Cause::kListenOverflowDrop, Who::kSender, kEither, kOpen | kRequest, kTimedOut, Severity::kProblem, 270,
     {F::kRetransmissions, F::kHandshakeFull, F::kServerNeverSpoke}, {}, {F::kRequestAtEndOfIdle}, {},
     "Linux tcp_get_cookie_sock with a full accept queue; lab"},
    {Cause::kListenerClosedBacklog, Who::kSender, kServer, kOpen, kReset, Severity::kProblem, 40,
     {F::kImageActive, F::kHandshakeFull}, {}, {F::kSenderContinued}, {{{F::kSpontaneous, 60}, {F::kEndedTogether, 250}}},
     "Linux inet_csk_listen_stop; reason TCP_STATE; lab"},
    // A system that hears nothing asks again: where it did not, somebody else ended it, or the answer was not seen.
    {Cause::kSynBlackhole, Who::kNobody, kEither, kSyn, kTimedOut, Severity::kProblem, 0,
     {F::kSynOnly, F::kNeverAnswered}, {}, {F::kOneSided}, {{{F::kSynRetries, 280}, {F::kScannerSyn, -250}}},
     "RFC 6298 5, RFC 9293 3.8.3; lab"},
    // A path that carries others' SYNs to the same port carries this one.
    {Cause::kListenOverflowDrop, Who::kSender, kEither, kSyn, kTimedOut, Severity::kProblem, 310,
     {F::kSynOnly, F::kNeverAnswered, F::kServedOthers, F::kSynRetries}, {}, {F::kScannerSyn}, {},
     "Linux tcp_conn_request: SYNs are ignored while the accept queue is full; lab"},
    {Cause::kIcmpReject, Who::kIcmpSender, kEither, kAny, kRejected, Severity::kProblem, 400,
     {F::kIcmpCode}, {}, {}, {},
     "RFC 792, RFC 4443, RFC 1122 4.2.3.9; lab"},
    {Cause::kLbNoBackend, Who::kSender, kServer, kSyn, kRefused, Severity::kProblem, 300,
     {F::kImageStatelessAck, F::kLateHandshake}, {}, {}, {},
     "HAProxy: refusal only after its own connect retries"},
    {Cause::kLbNoBackend, Who::kSender, kServer, kAny, kReset | kRefused, Severity::kProblem, 520,
     {F::kSaysNoBackend}, {}, {F::kFlowSurvived, F::kRstPayload}, {{{F::kSaidByPeer, -200}}}, kWords},
    // The RST itself says so: a device that answers in the name of its pool.
    {Cause::kLbNoBackend, Who::kMiddlebox, kServer, kAny, kReset | kRefused, Severity::kProblem, 620,
     {F::kSaysNoBackend, F::kRstPayload}, {}, {F::kFlowSurvived}, {}, kWords},
    // It took the request, tried its servers until a timer ended that, and closed without a word.
    {Cause::kLbNoBackend, Who::kSender, kServer, kClosing | kClosed, kReset, Severity::kProblem, 360,
     {F::kImageStateless, F::kFinAtEndOfIdle, F::kServerNeverSpoke, F::kIdleWholeSeconds}, {}, {F::kTtlDiffersFromSender},
     {{{F::kDataAfterFin, 40}, {F::kTtlMatchesSender, 60}}}, "HAProxy: timeout connect times retries, then FIN; lab"},
    {Cause::kPortClosed, Who::kSender, kServer, kAny, kReset | kRefused, Severity::kProblem, 500,
     {F::kSaysNotListening}, {}, {F::kFlowSurvived}, {}, kWords},
    {Cause::kPathFwReject, Who::kMiddlebox, kServer, kSyn, kReset | kRefused, Severity::kProblem, 500,
     {F::kSaysBlocked}, {}, {F::kFlowSurvived}, {}, kWords},

    // ---- endpoint_abort ----
    {Cause::kAppAbortUnread, Who::kSender, kServer, kData | kClosing, kReset, Severity::kProblem, 220,
     {F::kImageActive, F::kRequestUnanswered}, {}, {F::kKeepaliveProbes, F::kFlowSurvived, F::kFinFromRstSender},
     // A failing application does not wait for a full second; a timer does.
     {{{F::kSeqExact, 40}, {F::kUnackedInbound, 30}, {F::kSenderContinued, -300}, {F::kZeroWindow, -50},
       {F::kIdleWholeSeconds, -100}}},
     kActive},
    {Cause::kAppAbortUnread, Who::kSender, kClient, kTalk | kIdle, kReset, Severity::kNotice, 40,
     {F::kImageActive, F::kRequestUnanswered}, {}, {F::kKeepaliveProbes, F::kFlowSurvived},
     {{{F::kSenderContinued, -300}}}, kActive},
    // Nothing was left unread: only a deliberate abort (SO_LINGER 0) or a kill sends an active RST then.
    {Cause::kAppAbortLinger0, Who::kSender, kServer, kOpen | kData | kMid, kReset, Severity::kNotice, 180,
     {F::kImageActive}, {}, {F::kKeepaliveProbes, F::kFlowSurvived},
     {{{F::kSeqExact, 40}, {F::kRequestAnswered, 60}, {F::kSenderContinued, -300},
       {F::kIdleWholeSeconds, -60}, {F::kZeroWindow, -150}, {F::kIdleSpontaneous, -60}}},
     kActive},
    {Cause::kAppAbortLinger0, Who::kSender, kClient, kOpen | kData | kMid, kReset, Severity::kNotice, 40,
     {F::kImageActive}, {}, {F::kKeepaliveProbes, F::kFlowSurvived},
     {{{F::kResponseInFlight, -50}, {F::kSenderContinued, -300}, {F::kIdleWholeSeconds, -60}}}, kActive},
    // All its connections end in one moment: with a RST where the kernel held something it had not read.
    {Cause::kProcessCrash, Who::kSender, kServer, kData, kReset, Severity::kProblem, 430,
     {F::kImageActive, F::kRequestUnanswered, F::kEndedTogether, F::kSpontaneous}, {},
     {F::kKeepaliveProbes, F::kFlowSurvived, F::kFinFromRstSender},
     {{{F::kSenderContinued, -300}, {F::kIdleWholeSeconds, -150}}},
     "Linux do_exit closes every socket, tcp_close; reason TCP_ABORT_ON_CLOSE; lab"},
    {Cause::kProcessCrash, Who::kSender, kServer, kClosing | kClosed, kReset, Severity::kProblem, 440,
     {F::kImageStateless, F::kFinFromRstSender, F::kDataAfterFin, F::kEndedTogether}, {}, {F::kTtlDiffersFromSender},
     {{{F::kIdleWholeSeconds, -120}, {F::kTtlMatchesSender, 60}, {F::kTtlOffByOne, -200}, {F::kFinCrossedData, -50}}},
     "Linux do_exit closes every socket; reason TCP_TIMEWAIT_SOCKET; lab"},
    {Cause::kEarlyResponseAbort, Who::kSender, kServer, kTalk, kReset, Severity::kProblem, 30,
     {F::kImageActive, F::kRequestUnanswered}, {F::kPeerDataInFlight, F::kUnackedInbound}, {F::kFlowSurvived},
     {{{F::kPeerDataInFlight, 100}, {F::kUnackedInbound, 40}, {F::kSenderContinued, -300}}},
     "nginx lingering_close; RFC 9112 9.6"},
    // It said no before it had heard the client out, and the rest of the request met a closed socket.
    {Cause::kEarlyResponseAbort, Who::kSender, kServer, kTalk | kIdle | kClosing | kClosed, kReset,
     Severity::kProblem, 520,
     {F::kSaysTooLarge}, {F::kImageActive, F::kImageStateless}, {F::kFlowSurvived, F::kSaidByPeer},
     {{{F::kPeerDataInFlight, 60}, {F::kUnackedInbound, 40}, {F::kRequestUnanswered, 60}}},
     "nginx client_max_body_size; RFC 9112 9.6"},
    {Cause::kEarlyResponseAbort, Who::kSender, kServer, kTalk | kIdle | kClosing, kReset, Severity::kProblem, 480,
     {F::kRequestUnanswered}, {F::kSaysAuthFailed, F::kSaysRequestError, F::kSaysBlocked, F::kSaysTooLarge},
     {F::kFlowSurvived, F::kSaidByPeer, F::kRequestLast, F::kProtocolMismatch},
     {{{F::kPeerDataInFlight, 60}, {F::kUnackedInbound, 40}, {F::kImageActive, 40}}},
     "nginx lingering_close; RFC 9112 9.6"},
    {Cause::kCloseThenLateData, Who::kSender, kEither, kClosing | kClosed, kReset, Severity::kProblem, 300,
     {F::kImageStateless, F::kFinFromRstSender, F::kDataAfterFin}, {F::kSeqExact, F::kSeqIsTriggerAck},
     {F::kTtlDiffersFromSender},
     {{{F::kFinCrossedData, -250}, {F::kTtlMatchesSender, 60}, {F::kTtlOffByOne, -200}, {F::kFinAtEndOfIdle, -40}}},
     "RFC 9293 3.6, RFC 1122 4.2.2.13; reasons TCP_TIMEWAIT_SOCKET, TCP_ABORT_ON_DATA, TCP_FLAGS; lab"},
    // The kernel of a live host does not know a connection it once had, and never said goodbye.
    {Cause::kHostRestartStale, Who::kSender, kEither, kLive, kReset, Severity::kProblem, 170,
     {F::kImageStateless}, {F::kAnswersData, F::kAnswersAck, F::kKeepaliveProbeBefore, F::kAnswersFin},
     {F::kFinFromRstSender, F::kSenderSilent, F::kTosNotCopied, F::kFlowLabelZero},
     {{{F::kRequestAtEndOfIdle, 80}, {F::kKeepaliveProbeBefore, 80}, {F::kTtlMatchesSender, 60}, {F::kTosCopied, 120},
       {F::kTtlOffByOne, -150}, {F::kSenderContinued, -300}, {F::kBothSidesReset, -200}, {F::kFlowLabelOther, 60}}},
     kRfc9293},
    {Cause::kAdminKill, Who::kSender, kEither, kAny, kReset, Severity::kNotice, 600,
     {F::kSaysAdminKill}, {}, {F::kFlowSurvived}, {{{F::kSaidByPeer, -60}, {F::kSenderContinued, -200}}}, kWords},
    {Cause::kAdminKill, Who::kSender, kEither, kIdle | kOpen, kReset, Severity::kNotice, -60,
     {F::kImageActive, F::kSpontaneous}, {}, {F::kKeepaliveProbes, F::kFlowSurvived}, {}, "ss -K: reason TCP_STATE"},
    // A program acts on a packet or on its timer. In the middle of a silence that no timer measures it was told to.
    {Cause::kAdminKill, Who::kSender, kServer, kIdle, kReset, Severity::kNotice, 260,
     {F::kImageActive, F::kIdleSpontaneous}, {}, {F::kKeepaliveProbes, F::kFlowSurvived, F::kFinFromRstSender},
     {{{F::kIdleWholeSeconds, -250}, {F::kRequestUnanswered, -100}, {F::kZeroWindow, -200}, {F::kSenderRepeated, -200},
       {F::kEndedTogether, 200}}},
     "ss -K: reason TCP_STATE; lab"},
    {Cause::kClientCancel, Who::kSender, kClient, kTalk | kIdle | kClosing, kReset, Severity::kBenign, 290,
     {F::kResponseInFlight}, {F::kImageActive, F::kImageRaw}, {F::kFlowSurvived, F::kFinFromPeer},
     {{{F::kSenderContinued, -300}, {F::kPeerDataInFlight, 40}}}, kActive},
    // Its own data was the last: it gave up waiting for an answer.
    {Cause::kClientCancel, Who::kSender, kClient, kData, kReset, Severity::kBenign, 190,
     {F::kRequestAnswered}, {F::kImageActive, F::kImageRaw}, {F::kKeepaliveProbes, F::kFlowSurvived},
     {{{F::kSenderContinued, -300}, {F::kIdleKnownDefault, -60}}}, kActive},
    {Cause::kClientCancel, Who::kSender, kClient, kClosing, kReset, Severity::kBenign, 250,
     {F::kImageStateless, F::kFinFromRstSender, F::kFinCrossedData}, {}, {F::kFinFromPeer}, {}, kActive},
    // What looks like a whole response may be the part that had come: only its length, inside the payload, tells.
    {Cause::kClientCancel, Who::kSender, kClient, kTalk | kIdle, kReset, Severity::kBenign, 240,
     {F::kResponseComplete, F::kImageActive}, {}, {F::kFlowSurvived, F::kFinFromPeer, F::kKeepaliveProbes},
     {{{F::kSenderContinued, -300}, {F::kIdleWholeSeconds, -80}}}, kActive},
    {Cause::kClientFastClose, Who::kSender, kClient, kTalk | kIdle | kClosing, kReset, Severity::kBenign, 260,
     {F::kResponseComplete}, {F::kImageActive, F::kImageRaw}, {F::kKeepaliveProbes, F::kFlowSurvived},
     {{{F::kFinFromPeer, 60}, {F::kAckedAll, 30}, {F::kSenderContinued, -300}, {F::kIdleWholeSeconds, -80},
       {F::kIdleKnownDefault, -60}}},
     "Arlitt, Williamson, CCR 35(1) 2005; lab"},
    {Cause::kClientFastClose, Who::kSender, kClient, kClosing | kClosed, kReset, Severity::kBenign, 260,
     {F::kFinFromPeer}, {F::kImageActive, F::kImageStateless, F::kImageRaw, F::kImageStatelessAck}, {F::kFlowSurvived},
     {{{F::kDataAfterFin, -60}}}, "Arlitt, Williamson, CCR 35(1) 2005; lab"},
    // Both ends had said goodbye: a late repeat met a forgotten connection. Nothing was lost.
    {Cause::kClientFastClose, Who::kSender, kServer, kClosed, kReset, Severity::kBenign, 60,
     {F::kFinFromClient, F::kFinFromServer}, {}, {F::kFlowSurvived}, {{{F::kDataAfterFin, -200}}},
     "RFC 9293 3.6; Arlitt, Williamson, CCR 35(1) 2005"},
    {Cause::kMptcpReset, Who::kSender, kEither, kAny, kReset, Severity::kNotice, 450, {F::kMptcpReason}, {}, {}, {},
     "RFC 8684 3.5, 3.6"},

    // ---- timers ----
    {Cause::kKeepaliveTimeout, Who::kSender, kEither, kLive | kClosing, kReset, Severity::kProblem, 420,
     {F::kImageActive, F::kKeepaliveProbes}, {}, {F::kFlowSurvived}, {{{F::kSenderContinued, -300}}},
     "RFC 9293 3.8.4; reason TCP_KEEPALIVE_TIMEOUT; lab"},
    {Cause::kRetransTimeout, Who::kNobody, kEither, kLive | kClosing, kTimedOut, Severity::kProblem, 200,
     {F::kRetransmissions}, {}, {}, {{{F::kZeroWindow, -100}, {F::kRequestAtEndOfIdle, -100}}},
     "RFC 9293 3.8.3, RFC 6298; Linux tcp_write_err sends no RST"},
    {Cause::kRetransTimeout, Who::kSender, kEither, kLive | kClosing, kReset, Severity::kProblem, 480,
     {F::kSaysPeerSilent}, {}, {F::kFlowSurvived}, {{{F::kSaidByPeer, -100}}}, kWords},
    {Cause::kRetransTimeout, Who::kSender, kEither, kLive | kClosing, kReset, Severity::kProblem, 360,
     {F::kImageActive, F::kSenderRepeated}, {}, {F::kFlowSurvived, F::kZeroWindow}, {{{F::kSenderContinued, -300}}},
     "BSD tcp_drop; TCP_USER_TIMEOUT; lab"},
    {Cause::kZeroWindowAbort, Who::kSender, kEither, kData | kClosing, kReset, Severity::kProblem, 200,
     {F::kImageActive, F::kZeroWindow}, {}, {F::kFlowSurvived}, {{{F::kSpontaneous, 100}, {F::kIdleWholeSeconds, 60}}},
     "RFC 9293 3.8.6.1"},
    {Cause::kIdleTimeoutRst, Who::kMiddlebox, kEither, kIdle | kOpen | kRequest | kMid, kReset, Severity::kProblem, 40,
     {}, {F::kRequestAtEndOfIdle, F::kIdleWholeSeconds, F::kIdleSpontaneous}, {F::kFinFromRstSender, F::kFlowSurvived},
     {{{F::kIdleWholeSeconds, 120}, {F::kIdleKnownDefault, 120}, {F::kBothSidesReset, 120}, {F::kIdleSpontaneous, 200},
       {F::kImageRaw, 60}, {F::kImageActive, 60}, {F::kTtlMatchesSender, -100}, {F::kTosNotCopied, 200},
       {F::kFlowLabelZero, 200}, {F::kFlowLabelOther, -150}}},
     "vendor documents of Azure LB, ASA, F5; lab"},
    {Cause::kIdleTimeoutRst, Who::kSender, kEither, kIdle | kOpen, kReset, Severity::kProblem, 160,
     {F::kImageActive, F::kIdleWholeSeconds, F::kIdleSpontaneous}, {},
     {F::kKeepaliveProbes, F::kFlowSurvived, F::kFinFromRstSender},
     // Timers of connections opened at different times do not fire in one moment.
     {{{F::kIdleWholeSeconds, 220}, {F::kIdleKnownDefault, 100}, {F::kSenderContinued, -300}, {F::kEndedTogether, -250}}},
     "HAProxy kills its server side with linger 0 at timeout server; lab"},
    // … and says goodbye first where it may.
    {Cause::kIdleTimeoutRst, Who::kSender, kEither, kClosing, kReset, Severity::kProblem, 260,
     {F::kImageActive, F::kFinAtEndOfIdle, F::kIdleWholeSeconds}, {}, {F::kFlowSurvived, F::kDataAfterFin},
     {{{F::kIdleKnownDefault, 100}, {F::kIdleWholeSeconds, 120}, {F::kSenderContinued, -300}}},
     "HAProxy ends its server side at timeout server: FIN, then RST; lab"},
    {Cause::kIdleTimeoutRst, Who::kSender, kEither, kAny, kReset, Severity::kProblem, 560,
     {F::kSaysIdleTimeout}, {}, {F::kFlowSurvived, F::kFinFromRstSender}, {{{F::kSaidByPeer, -100}}}, kWords},
    // A keep-alive timer closed in the usual way; only what the client wrote long afterwards was reset.
    {Cause::kIdleTimeoutFin, Who::kSender, kEither, kClosing | kClosed, kReset, Severity::kProblem, 330,
     {F::kImageStateless, F::kDataAfterFin, F::kFinAtEndOfIdle}, {F::kSeqExact, F::kSeqIsTriggerAck},
     {F::kTtlDiffersFromSender},
     {{{F::kIdleWholeSeconds, 160}, {F::kIdleKnownDefault, 80}, {F::kFinCrossedData, -300}, {F::kTtlMatchesSender, 60},
       {F::kTtlOffByOne, -200}, {F::kServerNeverSpoke, -250}}},
     "nginx, HAProxy, Node, Redis: FIN at the timeout; lab"},
    {Cause::kIdleTimeoutFin, Who::kSender, kEither, kClosing | kClosed, kReset, Severity::kProblem, 600,
     {F::kSaysIdleTimeout, F::kFinFromRstSender}, {}, {F::kFlowSurvived}, {{{F::kSaidByPeer, -100}}}, kWords},
    {Cause::kKeepaliveRace, Who::kSender, kServer, kClosing | kClosed, kReset, Severity::kProblem, 300,
     {F::kImageStateless, F::kFinFromRstSender, F::kFinCrossedData}, {}, {F::kTtlDiffersFromSender},
     {{{F::kIdleWholeSeconds, 60}, {F::kTtlMatchesSender, 40}}},
     "RFC 9112 9.5; nginx, HAProxy keep-alive timeouts"},
    {Cause::kSilentStateExpiry, Who::kNobody, kEither, kLive, kTimedOut, Severity::kProblem, 200,
     {F::kRetransmissions, F::kRequestAtEndOfIdle}, {}, {}, {{{F::kIdleKnownDefault, 100}}},
     "nf_conntrack, firewall and NAT idle timeouts: state gone, packets dropped"},
    {Cause::kNatExpiryRst, Who::kMiddlebox, kEither, kIdle | kOpen | kRequest | kMid, kReset, Severity::kProblem, 60,
     {F::kImageStateless, F::kRequestAtEndOfIdle}, {F::kTtlDiffersFromSender, F::kTtlOffByOne},
     {F::kFinFromRstSender, F::kFlowSurvived},
     {{{F::kIpIdZero, 60}, {F::kTosCopied, 80}, {F::kFlowLabelOther, 150}, {F::kBothSidesReset, -250},
       {F::kIdleKnownDefault, -60}, {F::kIdleWholeSeconds, -60}}},
     "a router's own stack answers once its DNAT entry is gone; lab"},
    {Cause::kRequestTimeout, Who::kSender, kServer, kAny, kReset, Severity::kNotice, 540,
     {F::kSaysTimeout}, {}, {F::kFlowSurvived}, {{{F::kSaidByPeer, -200}}}, kWords},
    {Cause::kRequestTimeout, Who::kSender, kServer, kRequest | kOpen, kReset, Severity::kNotice, 60,
     {F::kImageActive, F::kSpontaneous, F::kIdleWholeSeconds}, {}, {F::kKeepaliveProbes, F::kFlowSurvived},
     {{{F::kIdleWholeSeconds, 210}, {F::kSenderContinued, -300}, {F::kEndedTogether, -250}}},
     "nginx reset_timedout_connection, client_header_timeout"},
    // The server greeted, and the client never said a word.
    {Cause::kRequestTimeout, Who::kSender, kServer, kTalk | kIdle, kReset, Severity::kNotice, 420,
     {F::kImageActive, F::kSpontaneous, F::kServerBytes}, {F::kIdleWholeSeconds, F::kAgeWholeSeconds},
     {F::kKeepaliveProbes, F::kFlowSurvived, F::kClientBytes}, {{{F::kIdleKnownDefault, 100}, {F::kEndedTogether, -250}}},
     "MariaDB connect_timeout; lab"},
    // A timer that ran from the handshake, whatever was said since: login grace.
    {Cause::kRequestTimeout, Who::kSender, kServer, kClosing | kClosed, kReset, Severity::kNotice, 430,
     {F::kImageStateless, F::kDataAfterFin, F::kFinAtEndOfIdle, F::kAgeWholeSeconds}, {},
     {F::kTtlDiffersFromSender, F::kIdleWholeSeconds}, {{{F::kTtlMatchesSender, 60}, {F::kTtlOffByOne, -200}}},
     "OpenSSH LoginGraceTime; lab"},
    {Cause::kRequestTimeout, Who::kSender, kServer, kClosing | kClosed, kReset, Severity::kNotice, 320,
     {F::kImageStateless, F::kFinAtEndOfIdle, F::kServerNeverSpoke, F::kIdleWholeSeconds}, {}, {F::kTtlDiffersFromSender},
     {{{F::kDataAfterFin, 40}, {F::kTtlMatchesSender, 60}}}, "nginx client_header_timeout: FIN at the timeout"},

    // ---- path_policy ----
    {Cause::kFwMidstreamReject, Who::kMiddlebox, kEither, kLive | kClosing, kReset, Severity::kProblem, 60,
     {}, {F::kImageStateless, F::kImageStatelessAck, F::kImageRaw},
     {F::kBothSidesReset, F::kRstSeqLadder, F::kFlowSurvived, F::kUnsolicited},
     {{{F::kSenderContinued, 150}, {F::kTosNotCopied, 250}, {F::kFlowLabelZero, 250}, {F::kRequestAtEndOfIdle, -100},
       {F::kTtlMatchesSender, -60}, {F::kFinFromRstSender, -150}, {F::kTtlStep, -100}, {F::kRstFieldsVary, -200}}},
     kNetfilter},
    // One that copies window or options as well is betrayed by what it cannot know.
    {Cause::kFwMidstreamReject, Who::kMiddlebox, kEither, kLive | kClosing, kReset, Severity::kProblem, 0,
     {F::kImageActive}, {F::kTtlDiffersFromSender, F::kSenderContinued, F::kIpIdBreaks, F::kTimestampsMissing},
     {F::kBothSidesReset, F::kRstSeqLadder, F::kFlowSurvived, F::kUnsolicited},
     {{{F::kSenderContinued, 100}, {F::kRequestAtEndOfIdle, -100}, {F::kTtlMatchesSender, -60},
       {F::kFinFromRstSender, -150}}},
     "proxies and IPS that copy the sender's fields; lab"},
    // The packets of an end began to come another way, and the device there has no state of the connection.
    {Cause::kPathChange, Who::kMiddlebox, kEither, kLive | kClosing, kReset, Severity::kProblem, 260,
     {F::kTtlStep}, {F::kImageStateless, F::kImageStatelessAck, F::kImageRaw},
     {F::kBothSidesReset, F::kFlowSurvived, F::kFinFromRstSender, F::kRstFieldsVary},
     {{{F::kSenderContinued, 150}, {F::kTosNotCopied, 250}, {F::kFlowLabelZero, 250}, {F::kRstSeqLadder, -250}}},
     "asymmetric routing past a stateful device; lab"},
    {Cause::kIpsResetBoth, Who::kMiddlebox, kEither, kLive | kClosing, kReset, Severity::kProblem, 120,
     {F::kBothSidesReset}, {}, {F::kFlowSurvived},
     // An inspecting device acts on a packet, only a timer acts on none.
     {{{F::kRstSegmentLadder, -250}, {F::kRstFieldsVary, -250}, {F::kRstSeqLadder, 60}, {F::kIdleSpontaneous, -300},
       {F::kIdleWholeSeconds, -60}, {F::kRequestAtEndOfIdle, -60}}},
     "Snort 2.9 manual 2.11; Suricata respond-reject-libnet11.c"},
    // Before the server has answered, only the name in the ClientHello can have displeased; a request in plain text may
    // as well have met a signature. Devices answer at once; a timer needs no message.
    {Cause::kSniUrlBlock, Who::kMiddlebox, kEither, kRequest, kReset, Severity::kProblem, 200,
     {F::kClientHelloLast}, {},
     {F::kFlowSurvived, F::kRstSeqLadder, F::kRequestAtEndOfIdle, F::kIdleSpontaneous},
     {{{F::kBothSidesReset, 200}, {F::kTtlMatchesSender, -60}, {F::kSenderContinued, 150}, {F::kImageActive, -100},
       {F::kFlowLabelZero, 250}, {F::kFinFromRstSender, -200}}},
     "Bock et al., USENIX Security 2021 (SNI filtering); lab"},
    {Cause::kSniUrlBlock, Who::kMiddlebox, kEither, kRequest, kReset, Severity::kProblem, 20,
     {F::kRequestLast}, {},
     {F::kFlowSurvived, F::kRstSeqLadder, F::kRequestAtEndOfIdle, F::kIdleSpontaneous},
     {{{F::kBothSidesReset, 20}, {F::kTtlMatchesSender, -60}, {F::kImageActive, -100}, {F::kTosNotCopied, -100},
       {F::kFinFromRstSender, -200}}},
     "proxy and DNS filter products answer a request by a reset; lab"},
    {Cause::kSniUrlBlock, Who::kSender, kEither, kData | kClosing, kReset, Severity::kProblem, 480,
     {F::kSaysBlocked}, {F::kClientHelloLast, F::kRequestLast, F::kF5Text, F::kWindowReasonCode}, {F::kFlowSurvived},
     {{{F::kSaidByPeer, -100}}}, kWords},
    // Injected on file sharing and on nothing else that is seen here.
    {Cause::kIspThrottle, Who::kMiddlebox, kEither, kLive | kClosing, kReset, Severity::kNotice, 80,
     {F::kPeerToPeer}, {}, {F::kFlowSurvived},
     {{{F::kBothSidesReset, 250}, {F::kRstSeqLadder, 120}, {F::kSenderContinued, 60}, {F::kTtlMatchesSender, -100}}},
     "Weaver, Sommer, Paxson, NDSS 2009: RST pairs into peer-to-peer transfers"},
    // One device answers for many servers in one moment: it forgot them all at once.
    {Cause::kStateLossFailover, Who::kMiddlebox, kEither, kLive | kClosing, kReset, Severity::kProblem, 280,
     {F::kImageStateless, F::kServersTogether}, {},
     {F::kFlowSurvived, F::kFinFromRstSender, F::kSenderSilent, F::kUnsolicited},
     {{{F::kSenderContinued, 150}, {F::kTosNotCopied, 250}, {F::kFlowLabelZero, 250}, {F::kTtlMatchesSender, -60},
       {F::kBothSidesReset, -200}}},
     "a firewall that fails over or flushes its table rejects what it does not know; lab"},
    {Cause::kStateLossFailover, Who::kSender, kEither, kLive, kReset, Severity::kProblem, 420,
     {F::kSaysUnknownConnection}, {}, {F::kRequestAtEndOfIdle, F::kFlowSurvived, F::kFinFromRstSender}, {}, kWords},
    {Cause::kNatExpiryRst, Who::kSender, kEither, kIdle | kOpen | kRequest | kMid, kReset, Severity::kProblem, 480,
     {F::kSaysUnknownConnection, F::kRequestAtEndOfIdle}, {}, {F::kFlowSurvived, F::kFinFromRstSender}, {}, kWords},
    // In one role it was reset, in the other it resets.
    {Cause::kProxyRelayed, Who::kSender, kEither, kOpen | kData, kReset, Severity::kNotice, 420,
     {F::kImageActive, F::kRelayedReset}, {}, {F::kFlowSurvived, F::kKeepaliveProbes}, {{{F::kSenderContinued, -200}}},
     "HAProxy, nginx: a client that goes away takes the connection behind along; lab"},
    {Cause::kProxyRelayed, Who::kSender, kEither, kAny, kReset, Severity::kNotice, 520,
     {F::kSaysPeerReset}, {}, {F::kFlowSurvived}, {}, kWords},
    {Cause::kCensorInjection, Who::kMiddlebox, kEither, kAny, kReset | kRefused, Severity::kHostile, 60,
     {F::kRstSegmentLadder}, {}, {F::kFlowSurvived}, {{{F::kRstSegmentLadder, 300}, {F::kRepeatedRst, 40}}},
     "Wang et al., IMC 2017 (X, X+1460, X+4380); lab"},
    {Cause::kCensorInjection, Who::kMiddlebox, kEither, kAny, kReset | kRefused, Severity::kHostile, 300,
     {F::kRstFieldsVary}, {}, {F::kFlowSurvived},
     {{{F::kGenuineSynAckAfterRst, 100}, {F::kSenderContinued, 60}, {F::kRstSegmentLadder, 100}}},
     "gfw.report 2025: three RST|ACK with rising windows and varying TTL; lab"},

    // The answer of a server whose address was not translated back meets a client that is talking to another address.
    {Cause::kCtInvalidLeak, Who::kSender, kEither, kLive | kClosing | kClosed, kReset, Severity::kProblem, 420,
     {F::kImageStateless, F::kMidstreamStart, F::kSenderSilent, F::kClientElsewhere}, {}, {F::kUnsolicited}, {},
     "netfilter: INVALID packets pass without translation; kube-proxy; lab"},

    // ---- protocol ----
    {Cause::kTlsFailure, Who::kSender, kEither, kAny, kReset, Severity::kProblem, 600,
     {F::kSaysTlsFailure}, {}, {F::kFlowSurvived},
     {{{F::kProtocolMismatch, -300}, {F::kSenderContinued, -200}, {F::kBothSidesReset, -100}}},
     "RFC 8446 6.2, RFC 5246 7.2.2; lab"},
    {Cause::kTlsFailure, Who::kSender, kServer, kAny, kReset, Severity::kProblem, 480,
     {F::kAlertAfterHandshake}, {}, {F::kFlowSurvived}, {{{F::kSenderContinued, -200}, {F::kBothSidesReset, -100}}},
     "RFC 8446 4.4.2.4, 5.2, D.4: what is wrong with the client's certificate comes encrypted; lab"},
    {Cause::kAppProtocolError, Who::kSender, kEither, kAny, kReset, Severity::kProblem, 560,
     {F::kSaysProtocolError}, {}, {F::kFlowSurvived}, {{{F::kSenderContinued, -200}, {F::kSaidByPeer, -60}}}, kWords},
    {Cause::kAppProtocolError, Who::kSender, kEither, kAny, kReset, Severity::kProblem, 520,
     {F::kProtocolMismatch}, {}, {F::kFlowSurvived}, {{{F::kSenderContinued, -200}}},
     "a client that speaks another protocol than the port; nginx: plain HTTP to an HTTPS port"},
    // A request it could not make sense of, with nothing of it left to come.
    {Cause::kAppProtocolError, Who::kSender, kServer, kAny, kReset, Severity::kProblem, 420,
     {F::kSaysRequestError}, {}, {F::kFlowSurvived, F::kSaidByPeer}, {{{F::kSenderContinued, -200}}}, kWords},
    {Cause::kHalfOpenDiscovery, Who::kSender, kClient, kSyn, kReset, Severity::kNotice, 300,
     {F::kImageStateless, F::kAnswersAck}, {}, {}, {{{F::kIpIdZero, 20}, {F::kTupleClosedBefore, -150}}},
     "RFC 9293 3.5.1; RFC 5961 4.2; lab"},
    {Cause::kHalfOpenDiscovery, Who::kSender, kClient, kLive, kReset, Severity::kNotice, 350,
     {F::kImageStateless, F::kSynOnLiveConnection}, {}, {F::kFinFromRstSender}, {},
     "RFC 9293 3.5.1; RFC 5961 4.2; lab"},
    {Cause::kTimewaitCollision, Who::kSender, kClient, kSyn, kReset, Severity::kNotice, 150,
     {F::kImageStateless, F::kAnswersAck}, {}, {}, {{{F::kTupleClosedBefore, 250}}}, "RFC 1337; RFC 9293 3.6.1; lab"},
    // A wrong number alone may be the mirror's loss of the packet before: that it had no effect, or was asked back for, is
    // what shows a guess.
    {Cause::kBlindRstAttempt, Who::kOffPath, kEither, kAny, kReset, Severity::kHostile, 40,
     {}, {F::kSeqInWindow, F::kSeqOutOfWindow, F::kSeqBehindSender, F::kSeqZero}, {F::kUnsolicited, F::kSenderSilent},
     {{{F::kFlowSurvived, 430}, {F::kChallengeAckSeen, 230}, {F::kBothSidesReset, -200}, {F::kRstSeqLadder, -150},
       {F::kFinFromRstSender, -250}, {F::kPeerResetToo, -150}}},
     "RFC 5961 3; Luckie et al., IMC 2015; lab"},

    // ---- load_abuse ----
    {Cause::kRateLimit, Who::kSender, kServer, kAny, kReset | kRefused, Severity::kProblem, 560,
     {F::kSaysRateLimit}, {}, {F::kFlowSurvived}, {{{F::kSaidByPeer, -200}, {F::kSenderContinued, -200}}}, kWords},
    // Accepted, and thrown out before it could speak, although the server takes others of its kind.
    {Cause::kRateLimit, Who::kSender, kServer, kOpen, kReset, Severity::kProblem, 330,
     {F::kImageActive, F::kServedBefore}, {}, {F::kSpontaneous, F::kFlowSurvived}, {{{F::kSenderContinued, -200}}},
     "HAProxy tcp-request connection reject; lab"},
    {Cause::kOverload, Who::kSender, kServer, kAny, kReset | kRefused, Severity::kProblem, 560,
     {F::kSaysOverload}, {}, {F::kFlowSurvived}, {{{F::kSaidByPeer, -200}, {F::kSenderContinued, -200}}}, kWords},
    // A limit on sessions is both: this client's share, or all there are.
    {Cause::kOverload, Who::kSender, kServer, kAny, kReset | kRefused, Severity::kProblem, 470,
     {F::kSaysRateLimit}, {}, {F::kFlowSurvived}, {{{F::kSaidByPeer, -200}, {F::kSenderContinued, -200}}}, kWords},
    // A client made to reset a wrong answer proves that it has a TCP stack; its next attempt is let through.
    {Cause::kDdosAuthReset, Who::kSender, kClient, kSyn | kSynAck, kReset, Severity::kNotice, 350,
     {F::kSynAckWrong}, {F::kImageStateless, F::kImageRaw}, {F::kSynOnLiveConnection}, {{{F::kScannerSyn, -200}}},
     "RFC 9293 3.10.7.3 (reset of an unacceptable ACK); scrubbing devices' safe-reset"},
    // The client's kernel knows nothing of the SYN that bears its address: a raw-socket scanner sent it. So does one whose
    // program has lost interest; but that kernel had sent the SYN itself, as far from here as the RST.
    {Cause::kPortScan, Who::kSender, kClient, kSynAck, kReset, Severity::kHostile, 250,
     {F::kAnswersSynAck}, {F::kImageStateless},
     {F::kLateHandshake, F::kSynRetries, F::kSynAckWrong, F::kMidstreamStart},
     {{{F::kScannerSyn, 200}, {F::kTtlMatchesSender, -180}, {F::kTtlDiffersFromSender, 450}}},
     "nmap -sS, masscan, zmap; reason NO_SOCKET at the client; lab"},
    {Cause::kPortScan, Who::kSender, kEither, kSyn | kSynAck, kRefused | kReset, Severity::kHostile, 420,
     {F::kScannerSyn}, {}, {F::kFlowSurvived}, {}, "nmap, masscan templ-pkt.c, zmap: SYN fingerprints; lab"},
    {Cause::kPortScan, Who::kNobody, kEither, kSyn | kSynAck, kTimedOut, Severity::kHostile, 300,
     {F::kScannerSyn}, {}, {}, {}, "nmap, masscan templ-pkt.c, zmap: SYN fingerprints; lab"},
    // One client at many ports of a host, or at one port of many hosts, and nothing was ever asked of them.
    {Cause::kPortScan, Who::kSender, kServer, kSyn, kRefused, Severity::kHostile, 620,
     {F::kImageStatelessAck, F::kPortsTried}, {}, {F::kFlowSurvived, F::kRegularClient}, {},
     "nmap -sT -p: RFC 9293 3.10.7.1 at every closed port; lab"},
    {Cause::kPortScan, Who::kSender, kServer, kMid, kReset, Severity::kHostile, 540,
     {F::kImageStateless, F::kPortsTried, F::kMidstreamStart, F::kSenderSilent}, {}, {F::kFlowSurvived}, {},
     "nmap -sA: RFC 9293 3.10.7.1, 3.10.7.2; lab"},
    {Cause::kPortScan, Who::kSender, kClient, kSyn | kSynAck | kOpen, kReset, Severity::kHostile, 400,
     {F::kPortsTried}, {F::kImageActive, F::kImageStateless, F::kImageRaw},
     {F::kClientBytes, F::kServerBytes, F::kSynOnLiveConnection, F::kRegularClient}, {}, "nmap -sT: connect() and close; lab"},
    // FIN, NULL and Xmas probes carry no ACK; a connection nobody opened, with such a segment and a closed port.
    {Cause::kPortScan, Who::kSender, kServer, kMid, kReset, Severity::kHostile, 200,
     {F::kImageStatelessAck, F::kMidstreamStart, F::kSenderSilent}, {}, {}, {}, "RFC 9293 3.10.7.1; nmap -sF -sN -sX"},
    {Cause::kHealthCheck, Who::kSender, kClient, kSynAck, kReset, Severity::kBenign, 250,
     {F::kAnswersSynAck}, {F::kImageActive, F::kImageRaw}, {F::kSynRetries, F::kLateHandshake, F::kScannerSyn}, {},
     "HAProxy check: SYN, SYN-ACK, RST|ACK with no ACK of its own; lab"},
    // A monitor knocks at equal intervals and asks nothing.
    {Cause::kHealthCheck, Who::kSender, kClient, kSynAck | kOpen, kReset, Severity::kBenign, 420,
     {F::kRegularClient}, {F::kImageActive, F::kImageRaw, F::kImageStateless},
     {F::kClientBytes, F::kServerBytes, F::kScannerSyn, F::kSynAckWrong}, {{{F::kMidstreamStart, -300}}},
     "HAProxy, keepalived TCP_CHECK: a fixed interval; lab"},
    {Cause::kHealthCheck, Who::kSender, kClient, kTalk | kClosing, kReset, Severity::kBenign, 150,
     {F::kRegularClient, F::kResponseComplete}, {F::kImageActive, F::kImageRaw}, {F::kFlowSurvived}, {},
     "checks over HTTP close fast; a fixed interval"},
    {Cause::kConnectCancel, Who::kSender, kClient, kSyn | kSynAck | kOpen, kReset, Severity::kNotice, 130,
     {}, {F::kImageActive, F::kImageStateless, F::kImageRaw}, {F::kSynOnLiveConnection},
     // What it answers was not seen: a SYN-ACK too late, or an old connection's ACK.
     {{{F::kLateHandshake, 200}, {F::kSynRetries, 150}, {F::kScannerSyn, -200}, {F::kAnswersAck, -60},
       {F::kOneSided, -200}}},
     "RFC 8305 (rival attempts); connect timeouts"},
    // One alone may be a client that went away, or an answer that got lost.
    {Cause::kSynFlood, Who::kNobody, kEither, kSynAck, kTimedOut, Severity::kHostile, -60,
     {F::kHandshakeHalf}, {}, {}, {{{F::kScannerSyn, 100}, {F::kUnansweredHandshakes, 460}}}, "RFC 4987; lab"},
    {Cause::kSynFlood, Who::kNobody, kEither, kSyn, kTimedOut, Severity::kHostile, -50,
     {F::kSynOnly, F::kUnansweredHandshakes}, {}, {F::kSynRetries}, {{{F::kScannerSyn, 400}}}, "RFC 4987"},
    // One may as well answer a SYN that was not captured.
    {Cause::kBackscatter, Who::kSender, kServer, kAny, kReset | kRefused, Severity::kNotice, 35,
     {F::kUnsolicited}, {F::kImageStatelessAck, F::kImageRaw}, {}, {}, "Moore et al., USENIX Security 2001"},
    // A SYN-ACK to a host that asked for nothing: somebody else used its address.
    {Cause::kBackscatter, Who::kSender, kClient, kSynAck, kReset, Severity::kNotice, 350,
     {F::kAnswersSynAck, F::kMidstreamStart}, {F::kImageStateless}, {}, {},
     "Moore et al., USENIX Security 2001; RFC 9293 3.10.7.1; lab"},
    {Cause::kStraySegment, Who::kSender, kEither, kLive | kClosing | kClosed, kReset, Severity::kNotice, 250,
     {F::kImageStateless, F::kMidstreamStart, F::kSenderSilent}, {}, {F::kUnsolicited}, {}, kRfc9293},
};
// clang-format on

constexpr auto kNeeds = [] {
  std::array<Needs, std::size(kRules)> out{};
  for (size_t i = 0; i < out.size(); ++i) {
    const auto add = [](FactSet& set, const std::array<FactId, kMaxNeeds>& ids) {
      for (const FactId id : ids)
        if (id != FactId::kNone) set.add(id);
    };
    add(out[i].all, kRules[i].all);
    add(out[i].any, kRules[i].any);
    add(out[i].none, kRules[i].none);
    out[i].any_is_empty = kRules[i].any[0] == FactId::kNone;
  }
  return out;
}();

constexpr Weight kOriginWeights[] = {
    {F::kTtlDiffersFromSender, 350},  // Linux and Windows never change a host's TTL for a RST; lab
    {F::kTtlOffByOne, 200},           // one hop nearer: a router, or two equal paths of unequal length
    {F::kTtlMatchesSender, -60},      // forgers copy it: little comfort
    {F::kFasterThanSender, 300},      // sooner than light allows from where the host is
    {F::kSenderContinued, 300},       // no stack talks on after its own RST
    {F::kBothSidesReset, 300},        // two programs do not give up in one millisecond
    {F::kRstSeqLadder, 300},
    {F::kIpIdBreaks, 100},
    {F::kIpIdContinues, -150},       // a forger would have to predict the counter
    {F::kDfDiffersFromSender, 100},  // libnet clears DF
    {F::kTimestampsMissing, 120},    // Linux and macOS keep them on an active RST, FreeBSD may not
    {F::kTimestampsKept, -200},
    {F::kImageRaw, 40},
    {F::kFlowLabelKept, -150},
    {F::kSeqBehindSender, 150},  // the injector lost the race
    {F::kAckWrong, 60},
};

}  // namespace

std::span<const Rule> rules() { return kRules; }
std::span<const Needs> needs() { return kNeeds; }
std::span<const Weight> origin_weights() { return kOriginWeights; }

}  // namespace rs::attribute
