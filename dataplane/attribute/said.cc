// SPDX-License-Identifier: Apache-2.0
#include "dataplane/attribute/said.h"

#include <string_view>

namespace rs::attribute {

using context::Class;
using context::Meaning;
using context::Place;
using flow::End;

namespace {

// What a class says of the ending; kNone: nothing by itself.
constexpr FactId fact_of(Class c) {
  switch (c) {
    case Class::kNone:
    case Class::kRequest:
    case Class::kClientHello:
      return FactId::kNone;
    case Class::kOverload:
      return FactId::kSaysOverload;
    case Class::kRateLimit:
      return FactId::kSaysRateLimit;
    case Class::kTlsFailure:
      return FactId::kSaysTlsFailure;
    case Class::kAppProtocolError:
      return FactId::kSaysProtocolError;
    case Class::kAdminKill:
      return FactId::kSaysAdminKill;
    case Class::kRequestError:
      return FactId::kSaysRequestError;
    case Class::kTooLarge:
      return FactId::kSaysTooLarge;
    case Class::kAuth:
      return FactId::kSaysAuthFailed;
    case Class::kTimeout:
      return FactId::kSaysTimeout;
    case Class::kIdleTimeout:
      return FactId::kSaysIdleTimeout;
    case Class::kNoBackend:
      return FactId::kSaysNoBackend;
    case Class::kBlocked:
      return FactId::kSaysBlocked;
    case Class::kUnknownConnection:
      return FactId::kSaysUnknownConnection;
    case Class::kNotListening:
      return FactId::kSaysNotListening;
    case Class::kPeerReset:
      return FactId::kSaysPeerReset;
    case Class::kPeerSilent:
      return FactId::kSaysPeerSilent;
    case Class::kPeerToPeer:
      return FactId::kPeerToPeer;
  }
  return FactId::kNone;
}

bool opens(const Meaning& m) { return m.cls == Class::kRequest || m.cls == Class::kClientHello; }

bool begins_with(const Meaning& m, std::string_view text) {
  return std::string_view(m.text.data()).substr(0, text.size()) == text;
}

}  // namespace

void gather_said(const track::Ending& e, const context::Context& c, Facts& f) {
  const Meaning& client = c.of(Place::kClient);
  const Meaning& server = c.of(Place::kServer);
  const Meaning& own = c.of(Place::kRst);
  const End s = e.client() == End::kHi ? End::kLo : End::kHi;
  const bool client_spoke_last =
      (e.hot.marks & flow::kAnyData) != 0 && ((e.hot.marks & flow::kLastDataIsHi) != 0) != (s == End::kHi);
  const auto say = [&f](const Meaning& m) {
    const FactId id = m.seen ? fact_of(m.cls) : FactId::kNone;
    if (id != FactId::kNone) f.set(id, m.value != 0 ? m.value : 1);
    return id != FactId::kNone;
  };

  // A new request after the server's answer makes that answer old; more of the same request does not.
  const bool server_stale = client_spoke_last && opens(client) && !server.final;
  const bool by_server = !server_stale && say(server);
  // What the client said holds until the server answers it.
  const bool by_client = (client_spoke_last || client.final) && say(client);
  say(own);
  say(c.window);
  if (e.cold.message_cut != 0) f.set(FactId::kMessageCut);
  const bool sender_is_server = f.sender == Side::kServer;
  if (e.rsts != 0 && ((by_server && !sender_is_server) || (by_client && sender_is_server && !by_server)))
    f.set(FactId::kSaidByPeer);
  if (client.seen && client_spoke_last) {
    if (client.cls == Class::kClientHello) f.set(FactId::kClientHelloLast);
    if (client.cls == Class::kRequest) f.set(FactId::kRequestLast);
  }
  // A server that agrees (101, 2xx to CONNECT) may go on in another protocol.
  const bool agreed = server.value == 101 || server.value / 100 == 2;
  if (client.protocol != context::kNoProtocol && server.protocol != context::kNoProtocol &&
      client.protocol != server.protocol && !agreed)
    f.set(FactId::kProtocolMismatch);
  // Nothing but an alert's size follows the client's Finished: it went wrong there, or there was nothing to say.
  if (!client_spoke_last && server.seen && client.seen && begins_with(server, "tls.data=alert_size") &&
      begins_with(client, "tls.finished"))
    f.set(FactId::kAlertAfterHandshake);
  if (own.seen && begins_with(own, "f5.")) f.set(FactId::kF5Text);
  if (own.seen && begins_with(own, "rst.diagnostic")) f.set(FactId::kRstDiagnostic);
  if (c.window.seen) f.set(FactId::kWindowReasonCode, c.window.value);
}

}  // namespace rs::attribute
