// SPDX-License-Identifier: Apache-2.0
#include "control/access/caller.h"

#include <grpc/grpc_security_constants.h>

namespace rs::access {
namespace {

// As gRPC writes them: "unix:", "ipv4:127.0.0.1:4711", "ipv6:%5B::1%5D:4711"; the web page's own calls, which do not
// leave the process, are "unknown", as no connection's are.
bool on_this_machine(const std::string& peer) {
  return peer.starts_with("unix") || peer == "inproc" || peer == "unknown" || peer.starts_with("ipv4:127.") ||
         peer.starts_with("ipv6:%5B::1%5D:") || peer.starts_with("ipv6:[::1]:");
}

}  // namespace

Caller caller_of(const grpc::ServerContextBase& context) {
  Caller caller;
  caller.address = context.peer();
  const auto shown = context.auth_context()->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (shown.empty()) {
    // Listeners with TLS demand a certificate, those without are on this machine only: the second look is a guard.
    caller.local = on_this_machine(caller.address);
    caller.name = caller.local ? "local" : "nobody";
    if (!caller.local) caller.fault = "a certificate is needed";
    return caller;
  }
  auto certificate = tls::parse_certificate({shown[0].data(), shown[0].size()});
  if (!certificate) {
    caller.name = "nobody";
    caller.fault = certificate.error().text;
    return caller;
  }
  return caller_of(std::move(*certificate), std::move(caller.address));
}

Caller caller_of(tls::Certificate certificate, std::string address) {
  Caller caller;
  caller.address = std::move(address);
  caller.name = std::move(certificate.name);
  caller.names = std::move(certificate.names);
  caller.units = std::move(certificate.units);
  if (caller.name.empty() && !caller.names.empty()) caller.name = caller.names[0];
  if (caller.name.empty()) caller.fault = "the certificate has no name: neither a common name nor a DNS name or URI";
  return caller;
}

grpc::Status refusal(const Error& error) {
  return {error.code == Code::kResource ? grpc::StatusCode::RESOURCE_EXHAUSTED : grpc::StatusCode::PERMISSION_DENIED,
          error.text};
}

}  // namespace rs::access
