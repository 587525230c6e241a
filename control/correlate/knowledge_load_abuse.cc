// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/knowledge_table.h"

namespace rs::correlate {
namespace {

constexpr CauseText kTexts[] = {
    {.cause = Cause::kRateLimit,
     .title = "Rate limited",
     .why = "a limit on how often or how many may connect turned this client away",
     .meaning = "The server or a proxy before it turns this client away because it connects or asks too often, while "
                "others are "
                "served. Often a message such as HTTP 429 stands before the reset.",
     .whose_side = "client side causes it: {client_ip}; the limit is set at {server}",
     .confused_with = "Overload, which hits all clients alike, as does sshd's MaxStartups.",
     .checks = {{{"anywhere", "resetscope top --by client_ip --server-ip {server_ip} --port {server_port} --since 1h",
                  "one client far ahead of all others"},
                 {"{server_ip}", "nginx -T 2>/dev/null | grep -nE 'limit_(req|conn)'",
                  "the limits (or your proxy's stick tables)", "http"},
                 {"{server_ip}", "sshd -T | grep -iE 'maxstartups|persource'", "the limits", "ssh"},
                 {"{server_ip}", "{journal}", "its own word; its limits, or the stick tables of the proxy before it",
                  "other"},
                 {"{server_ip}", "grep -hE 'limiting (requests|connections)' /var/log/nginx/error.log | tail",
                  "the server's own word", "http"},
                 {"{server_ip}", "{journal}", "MaxStartups, \"exceeded\"", "ssh"}}},
     .usual_fix = "Slow the client down or let it reuse connections; raise the limit if its rate is legitimate."},
    {.cause = Cause::kOverload,
     .title = "Server overloaded",
     .why = "the server had reached its limit of connections or work",
     .meaning = "The service turns clients away because it is full: \"too many connections\", HTTP 503, \"max number "
                "of clients reached\". As a rule many clients are hit at the same time.",
     .whose_side = "server side: capacity of {server}",
     .confused_with = "A rate limit, which hits one client.",
     .checks = {{{"{server_ip}", "ss -Htn state established 'sport = :{server_port}' | wc -l",
                  "connections now, against the "
                  "service's limit"},
                 {"{server_ip}", "{journal}", "\"too many connections\" and the like"},
                 {"{server_ip}", "vmstat 1 5; uptime", "processor, memory and load"},
                 {"anywhere", "resetscope top --by client_network --server-ip {server_ip} --since 1h",
                  "all clients alike?"}}},
     .usual_fix = "Raise the limit (max_connections, maxclients) and memory with it, pool connections at the clients, "
                  "add capacity, shed "
                  "load earlier."},
    {.cause = Cause::kPortScan,
     .title = "Port scan",
     .what = "{client_ip} probed {server}{scan_result}",
     .why = "a port scan",
     .meaning = "The client opens connections only to see whether they are answered: a scanner's hand-made packets, "
                "or attempts at many ports of a host or at one port of many hosts within a second, with hardly any "
                "of them served.",
     .whose_side = "client side: {client_ip}",
     .confused_with =
         "A health check, which is periodic and keeps to one port. A client that cancels one attempt. A busy "
         "address with many clients behind it, which meets closed ports too but is mostly served.",
     .checks = {{{"anywhere", "resetscope top --by server_ip,port --client-ip {client_ip} --benign --since 24h",
                  "how wide it scans"},
                 {"anywhere", "whois {client_ip}", "whose it is, if it is not yours"},
                 {"{client_ip}", "", "who owns it: your own vulnerability scanner, or a compromised host?"}}},
     .usual_fix = "If it is your scanner: none. Else block the source, and look what answered it."},
    {.cause = Cause::kHealthCheck,
     .title = "Health check",
     .what = "{client_ip} checked that {server} answers and dropped the connection",
     .why = "a load balancer's health check; nothing is wrong",
     .meaning = "The client connects, sends nothing or one short question, and resets: a health check. Its steady "
                "beat, or a reset in the place of the handshake's last packet, gives it away. It costs nothing but "
                "noise.",
     .whose_side = "client side: the balancer or monitor at {client_ip}, harmless",
     .confused_with = "A port scan, which is neither periodic nor limited to one port.",
     .checks =
         {{{"anywhere",
            "resetscope resets list --client-ip {client_ip} --server-ip {server_ip} --port {server_port} --benign "
            "--since {around_since} --until {around_until}",
            "a steady beat"}}},
     .usual_fix = "None needed. Put {client_ip} on the ignore list of alarms."},
    {.cause = Cause::kSynFlood,
     .title = "SYN flood",
     .what = "{client_ip} and others flood {server} with SYNs",
     .why = "handshakes are begun at a high rate and never completed",
     .meaning =
         "Connection attempts arrive far faster than they are completed, usually from forged addresses, to fill the "
         "server's queue of half-open connections.",
     .whose_side = "attackers; {server} is the victim",
     .confused_with = "A dead path, where the rate is that of ordinary clients.",
     .checks = {{{"{server_ip}", "nstat -az TcpExtTCPReqQFullDoCookies TcpExtTCPReqQFullDrop TcpExtSyncookiesSent",
                  "rising fast"},
                 {"{server_ip}", "ss -Htn state syn-recv 'sport = :{server_port}' | wc -l",
                  "half-open connections now"},
                 {"{server_ip}", "sysctl net.ipv4.tcp_syncookies net.ipv4.tcp_max_syn_backlog", "cookies must be 1"}}},
     .usual_fix = "Keep SYN cookies on, enlarge the backlog, filter or scrub upstream."},
    {.cause = Cause::kBackscatter,
     .title = "Backscatter of somebody else's attack",
     .what = "{server} answered {client}, which never asked",
     .why = "replies to packets that were forged with this address as their source",
     .meaning = "Answers arrive for connections that your host never began. Somebody attacks {server_ip} with forged "
                "sources, and "
                "one of the forged addresses is yours. Your host's resets are right and harmless.",
     .whose_side = "an attacker elsewhere; neither {client_ip} nor {server_ip}",
     .confused_with = "One-way capture of real connections, where the SYNs passed elsewhere.",
     .checks = {{{"anywhere", "resetscope top --by client_network --server-ip {server_ip} --benign --since 1h",
                  "spread over addresses "
                  "that are not in use?"},
                 {"{client_ip}", "ss -tan dst {ss_server}", "no connection: it never asked"}}},
     .usual_fix = "None needed; filter if the rate hurts."},
    {.cause = Cause::kDdosAuthReset,
     .title = "DDoS protection tests new clients",
     .why = "a protection device tests whether the client is real; its next attempt passes",
     .note_origin = Origin::kMiddlebox,
     .note = "the server did not send this",
     .meaning =
         "A scrubbing device answers the first SYN of each new client with a reset or a deliberately wrong SYN-ACK. A "
         "real "
         "TCP stack tries again and is then let through; a flood tool does not. Some clients take it for a refusal.",
     .whose_side = "the DDoS protection before {server_ip}",
     .confused_with = "Discovery of a half-open connection, which happens to known clients now and then, not to each "
                      "at first contact.",
     .checks = {{{"the protection device", "",
                  "its mitigation log for {server_ip} at {time}: was TCP authentication active?"},
                 {"{client_ip}", "for i in 1 2 3; do nc -vz {server_ip} {server_port}; done",
                  "the first fails, the next succeed"}}},
     .usual_fix =
         "End the mitigation when the attack is over; use a method without resets for clients that do not retry."},
    {.cause = Cause::kConnectCancel,
     .title = "Client cancelled its attempt",
     .why = "the client no longer wanted the connection when it was answered",
     .note_origin = Origin::kClient,
     .note = "its connect timeout had passed, or a parallel attempt won",
     .meaning = "The client reset its own attempt. Either the answer came after its connect timeout, or it tried two "
                "addresses at "
                "once (IPv6 and IPv4) and the other was faster.",
     .whose_side = "client side: {client_ip}; a slow path or server may be the reason",
     .confused_with = "A port scan, which touches many ports. A health check, which is periodic.",
     .checks = {{{"{client_ip}", "curl -so /dev/null -w '%{{time_connect}}\\n' --connect-timeout 10 http://{server}/",
                  "the time to connect, against its "
                  "connect timeout"},
                 {"{client_ip}", "ping -c5 {server_ip}", "the path's round trip"},
                 {"anywhere", "resetscope resets list --client-ip {client_ip} --cause connect_cancel --since 1h",
                  "always the same "
                  "server?"}}},
     .usual_fix = "Raise a connect timeout that is shorter than the path needs; none for parallel attempts."},
    {.cause = Cause::kStraySegment,
     .title = "Stray packet of an unknown connection",
     .what = "{sender} reset a packet of {peer}",
     .why = "it belongs to a connection that the host knows nothing of",
     .meaning = "A packet of a connection whose start was not seen here met a host that does not know it. A leftover "
                "of an old "
                "connection, of a restart before the capture began, or a probe.",
     .whose_side = "unclear: the packet came from {peer}",
     .confused_with = "A restarted host, where the connection had been seen alive before.",
     .checks = {{{"{sender_ip}", "uptime -s", "restarted before {time}?"},
                 {"{peer_ip}", "ss -tno dst {ss_sender}", "a connection that only this side still holds"},
                 {"anywhere", "resetscope resets list --client-ip {client_ip} --server-ip {server_ip} --since 1h",
                  "one, or many"}}},
     .usual_fix = "None for a single one. Many of them: look for a restart, an address moved, or routing that splits a "
                  "connection."},
    {.cause = Cause::kProxyRelayed,
     .title = "Passed on by a proxy",
     .why = "a proxy passed on how its connection {sender_leg} it ended",
     .meaning = "{sender} is a proxy. Its connection on the other side ended a moment before, and it ended this one in "
                "turn. The "
                "true reason is that other connection's.",
     .whose_side = "the connection {sender_leg} the proxy at {sender_ip}",
     .confused_with = "A reset of the proxy's own. That the other leg always ends just before speaks against it.",
     .checks = {{{"anywhere",
                  "resetscope resets list {sender_leg_filter} {sender_ip} --benign --since {around_since} --until "
                  "{around_until}",
                  "the leg {sender_leg} it and its cause"},
                 {"{sender_ip}", "{journal}", "{sender_leg_log}"}}},
     .usual_fix = "Repair the cause on the leg {sender_leg} the proxy."},
};

}  // namespace

std::span<const CauseText> load_abuse_texts() { return kTexts; }

}  // namespace rs::correlate
