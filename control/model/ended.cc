// SPDX-License-Identifier: Apache-2.0
#include "control/model/ended.h"

#include <algorithm>

namespace rs::model {
namespace {

uint16_t mark_of(FactId id) {
  switch (id) {
    case FactId::kIdleSpontaneous:
      return kIdleSpontaneous;
    case FactId::kRequestAtEndOfIdle:
    case FactId::kKeepaliveProbeBefore:
      return kDrawnAfterIdle;
    case FactId::kSynRetries:
      return kSynRetried;
    case FactId::kScannerSyn:
      return kScannerSyn;
    case FactId::kFinFromClient:
    case FactId::kFinFromServer:
      return kFinBefore;
    case FactId::kBothSidesReset:
      return kBothReset;
    case FactId::kTtlMatchesSender:
      return kTtlOfSender;
    case FactId::kImageStateless:
    case FactId::kImageStatelessAck:
      return kStateless;
    case FactId::kPeerAliveAfter:
      return kPeerWentOn;
    default:
      return 0;
  }
}

bool is_gateway_error(const std::string& meaning) {
  return meaning == "http.status=502" || meaning == "http.status=503" || meaning == "http.status=504";
}

}  // namespace

Ended ended(const Event& e, SensorNumber sensor) {
  Ended out;
  out.id = e.id;
  out.cursor = e.cursor;
  out.time_ns = e.time_ns;
  out.start_ns = e.start_ns;
  out.idle_ns = e.idle_ns;
  out.rtt_client_ns = e.rtt_client_ns;
  out.rtt_server_ns = e.rtt_server_ns;
  out.count = e.count;
  out.client = e.client;
  out.server = e.server;
  out.confidence = static_cast<float>(e.confidence);
  out.sensor = sensor;
  out.flags = e.flags;
  out.claimed_sender = e.claimed_sender;
  out.origin = e.origin;
  out.stage = e.stage;
  out.ending = e.ending;
  out.cause = e.cause;
  out.severity = e.severity;
  for (const Fact& fact : e.evidence) {
    out.marks = static_cast<uint16_t>(out.marks | mark_of(fact.id));
    if (fact.id == FactId::kRstTtl) out.rst_ttl = static_cast<uint8_t>(std::clamp<int64_t>(fact.value, 0, 255));
  }
  if (std::ranges::any_of(e.meanings, is_gateway_error)) out.marks = static_cast<uint16_t>(out.marks | kGatewayError);
  return out;
}

}  // namespace rs::model
