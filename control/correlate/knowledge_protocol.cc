// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/knowledge_table.h"

namespace rs::correlate {
namespace {

constexpr CauseText kTexts[] = {
    {.cause = Cause::kTlsFailure,
     .title = "TLS handshake failed",
     .why = "the TLS handshake failed, refused by {refuser_the}",
     .meaning =
         "Client and server could not agree on TLS: a certificate that is expired, for another name or from an unknown "
         "authority, no common version or cipher, or a missing client certificate. The alert names the reason (in TLS "
         "1.3 mostly encrypted: then the log of who refused does); the "
         "reset "
         "is only how the program closed afterwards.",
     .whose_side = "the side that refused: {refuser}; the mistake is often in the other's certificate or settings",
     .confused_with = "A filter that blocks the name: that shows no TLS alert.",
     .checks = {{{"{client_ip}", "openssl s_client -connect {server}{sni_option} </dev/null",
                  "the verify error, version and alert"},
                 {"{client_ip}",
                  "openssl s_client -connect {server}{sni_option} </dev/null 2>/dev/null | openssl x509 -noout "
                  "-dates -subject -issuer -ext subjectAltName",
                  "expired, wrong name, unknown issuer?"},
                 {"{server_ip}", "{journal}", "the server's own TLS error"}}},
     .usual_fix = "Renew or complete the certificate chain, install the authority at the side that refused, give the "
                  "client the certificate it is asked for, or enable a common TLS version."},
    {.cause = Cause::kAppProtocolError,
     .title = "Protocol error",
     .why = "the two programs did not understand each other",
     .meaning = "One side sent what the other does not accept: plain HTTP to a TLS port, a wrong protocol version, a "
                "malformed "
                "request. The receiver said so (or simply gave up) and closed.",
     .whose_side = "usually the client's configuration; {sender} is who gave up",
     .confused_with = "An overloaded server, whose message says so.",
     .checks = {{{"{server_ip}", "{journal}", "bad request, wrong version, unexpected packet"},
                 {"{client_ip}", "curl -sv --max-time 5 http://{server}/",
                  "what the port says to plain HTTP: an answer, \"plain HTTP sent to HTTPS port\", a banner"},
                 {"anywhere",
                  "resetscope resets list --server-ip {server_ip} --port {server_port} --cause app_protocol_error "
                  "--since 24h",
                  "one client or all"}}},
     .usual_fix = "Point the client at the right port and protocol; align versions."},
    {.cause = Cause::kHalfOpenDiscovery,
     .title = "Old half-open connection found",
     .why = "the server still held an old connection with the same ports; the client reset that one to connect anew",
     .note_origin = Origin::kClient,
     .note = "the new attempt follows",
     .meaning = "The client started a connection with an address and port pair that the server still holds from "
                "before. The server "
                "answered with an acknowledgement of the old one, the client reset it, and the next SYN works. It "
                "shows that the "
                "client restarted or lost the old connection without closing it.",
     .whose_side = "client side: {client_ip} lost the earlier connection (restart, or a NAT reused its port)",
     .confused_with =
         "A collision with TIME_WAIT, where the old connection had been closed. DDoS protection, which does this to "
         "every new client.",
     .checks = {{{"{client_ip}", "uptime -s", "a restart before {time}? Else a NAT in front of it reused the port"},
                 {"{server_ip}", "ss -tno dst {ss_client}", "dead connections that nobody closes"},
                 {"{server_ip}", "sysctl net.ipv4.tcp_keepalive_time",
                  "with keepalive the server would have noticed"}}},
     .usual_fix = "None needed: TCP healed itself. Keepalive at the server removes the dead half sooner."},
    {.cause = Cause::kTimewaitCollision,
     .title = "Collision with a connection in TIME_WAIT",
     .why = "the port pair was used again while its last connection still stood in TIME_WAIT",
     .meaning = "A client reused its source port so soon that the other side still remembered the closed connection. "
                "It answers "
                "with an old acknowledgement, the client resets it, and usually the next attempt works.",
     .whose_side = "client side: {client_ip} (or its NAT) runs through its ports too fast",
     .confused_with = "A half-open old connection, where no FIN had been seen before.",
     .checks = {{{"{server_ip}", "ss -tan state time-wait | grep -c {client_ip}", "thousands: ports run out"},
                 {"{client_ip}", "sysctl net.ipv4.ip_local_port_range net.ipv4.tcp_tw_reuse",
                  "the number of ports it has"},
                 {"{client_ip}", "ss -s", "connections per second and in timewait"}}},
     .usual_fix = "Keep connections alive instead of opening one for each request; widen ip_local_port_range; add "
                  "addresses to the NAT."},
    {.cause = Cause::kBlindRstAttempt,
     .title = "Blind reset attempt",
     .what = "Somebody tried to reset the connection of {client} with {server} in the name of {claimed} and failed",
     .why = "the sequence number was not the exact one, so the receiver only challenged it and the connection lives",
     .meaning = "A reset with a guessed or outdated sequence number came in. Modern TCP (RFC 5961) honours only the "
                "exact number "
                "and asks back otherwise. Somebody off the path is guessing, or a device works with stale numbers.",
     .whose_side = "a forger, or a device with stale state; neither {client_ip} nor {server_ip}",
     .confused_with = "An inspection device, which sees the traffic and hits the exact number.",
     .checks = {{{"{peer_ip}", "nstat -az TcpExtTCPChallengeACK TcpExtTCPSYNChallenge", "rising: the attempts go on"},
                 {"the border routers", "", "source address checks (uRPF, BCP 38): spoofed sources must not come in"},
                 {"anywhere", "resetscope resets list --cause blind_rst_attempt --since 24h",
                  "which other connections"}}},
     .usual_fix = "Filter spoofed sources at the border; protect long sessions (BGP) with TCP-AO, MD5 or GTSM."},
};

}  // namespace

std::span<const CauseText> protocol_texts() { return kTexts; }

}  // namespace rs::correlate
