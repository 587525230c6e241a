// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/knowledge_table.h"

namespace rs::correlate {
namespace {

constexpr CauseText kTexts[] = {
    {.cause = Cause::kKeepaliveTimeout,
     .title = "Keepalive unanswered",
     .what = "{sender} gave up its connection with {peer} after {unheard} without a word from it",
     .why = "its keepalive probes went unanswered",
     .meaning =
         "{sender_ip} sent TCP keepalive probes over an idle connection, got no answer to any, and gave up. The peer "
         "is down, unreachable, or a device on the path has forgotten the connection and drops its packets.",
     .whose_side = "{peer_ip} or the path to it; {sender_ip} only noticed",
     .confused_with = "An idle timeout, which needs no probes. The equally spaced unanswered probes decide.",
     .checks = {{{"{sender_ip}", "ping -c3 {peer_ip}", "is the peer reachable at all?"},
                 {"{sender_ip}", "ss -tno dst {ss_peer}", "timer:(keepalive,...) shows time and retries of others"},
                 {"{sender_ip}",
                  "sysctl net.ipv4.tcp_keepalive_time net.ipv4.tcp_keepalive_intvl "
                  "net.ipv4.tcp_keepalive_probes",
                  "how soon it gives up, unless the program sets TCP_USER_TIMEOUT"},
                 {"the firewalls between", "conntrack {conntrack_family}-L -p tcp -s {client_ip} -d {server_ip}",
                  "no entry: state expired before the first probe"}}},
     .usual_fix =
         "If the peer was alive: keepalive_time must be shorter than the shortest idle timeout on the path. If it "
         "was dead, keepalive did its work."},
    {.cause = Cause::kRetransTimeout,
     .title = "Peer stopped answering",
     .why = "{silent} stopped acknowledging and the retransmissions ran out",
     .meaning =
         "Data was sent again and again with growing pauses and never acknowledged. The peer or the path died in "
         "the middle of the conversation. Linux then drops the connection without a reset; other systems send one.",
     .whose_side = "{silent_ip}, which fell silent, or the path to it",
     .confused_with = "An expired firewall entry, which needs a long silence first. Here the exchange was running.",
     .checks = {{{"{waiting_ip}", "tracepath -n {silent_ip}",
                  "loss begins at a hop, or a smaller MTU: a path-MTU black hole"},
                 {"{waiting_ip}", "ss -tin dst {ss_silent}", "retrans, rto and mss of connections to the same peer"},
                 {"{waiting_ip}", "nstat -az TcpExtTCPTimeouts TcpRetransSegs TcpExtTCPAbortOnTimeout",
                  "host-wide or this "
                  "peer only"}}},
     .usual_fix =
         "Repair the path or the dead host. If only large packets vanish: allow ICMP \"fragmentation needed\", clamp "
         "MSS, or set net.ipv4.tcp_mtu_probing=1."},
    {.cause = Cause::kZeroWindowAbort,
     .title = "Receiver stopped reading",
     .why = "{peer} kept its window closed and the sender gave up",
     .meaning = "{peer_ip} advertised a zero window and kept it: its program does not read. {sender_ip} probed for a "
                "while and "
                "then gave the connection up.",
     .whose_side = "the program at {peer}, which does not read its socket",
     .confused_with = "A dead peer. Here the peer is alive and answers probes, but with window 0.",
     .checks = {{{"{peer_ip}", "ss -tnp dst {ss_sender}", "Recv-Q large and constant: this program does not read"},
                 {"{sender_ip}", "ss -tno dst {ss_peer}", "Send-Q full, timer:(persist,...): others wait as well"},
                 {"{peer_ip}", "", "a stack trace of the process (gdb -p, jstack, py-spy) shows what it hangs on"}}},
     .usual_fix =
         "Unblock the reader (a stuck worker, a full disk, a lock); use flow control or time limits above TCP."},
    {.cause = Cause::kIdleTimeoutRst,
     .title = "Idle timeout, ended with a reset",
     .why = "an idle timer{of_idle} ran out",
     .meaning =

         "Nobody spoke for {idle}, and a device or program that limits silence ended the connection with a "
         "reset, when its limit passed or at the first packet after it. Well-known values: 60 s and 350 s "
         "(AWS), 240 s (Azure), 300 s (F5), 3600 s (firewalls).",
     .whose_side = "{actor_side}: whoever limits idle connections to about {idle_limit}",
     .confused_with =

         "Keepalive failure, which shows unanswered probes. A forgotten NAT entry, which resets only when "
         "somebody speaks again, in the fields of the translating router's own TCP.",
     .checks = {{{"anywhere",
                  "resetscope resets list --server-ip {server_ip} --port {server_port} --cause idle_timeout_rst "
                  "--since 24h -o wide",
                  "always the same silence? Then it is a configured value"},
                 {"{server_limiter}", "", "its idle timeout: a value near {idle_limit}?"},
                 {"{server_ip}", "sysctl net.ipv4.tcp_keepalive_time", "{server_keepalive}"}}},
     .usual_fix =
         "If a device on the path limits it: switch TCP keepalive on (interval well below {idle_limit}) or raise its "
         "idle "
         "timeout. If a program or proxy does (HAProxy's timeout client and server), probes do not count: raise its "
         "limit, or let pools drop connections sooner."},
    {.cause = Cause::kIdleTimeoutFin,
     .title = "Idle timeout, closed in order",
     .what = "{sender} closed its connection with {peer} and reset what still came",
     .why = "an idle timer{of_idle} had run out",
     .meaning =
         "Nobody spoke for {idle}, and {sender_ip} closed the connection with a FIN as its idle limit says. That alone "
         "is harmless; the reset answers what {peer_ip} still sent on it.",
     .whose_side = "{sender}: its keep-alive or idle limit",
     .confused_with = "A normal close, which has no fixed silence before it.",
     .checks = {{{"{sender_ip}", "nginx -T 2>/dev/null | grep -n keepalive_timeout",
                  "or your server's keep-alive limit: near {idle_limit}?", "http"},
                 {"{sender_ip}", "psql -h {server_ip} -p {server_port} -Atc 'show idle_session_timeout'",
                  "near {idle_limit}?", "pgsql"},
                 {"{sender_ip}", "sshd -T | grep -iE 'logingracetime|clientalive'", "near {idle_limit}?", "ssh"},
                 {"{sender_ip}", "", "the service's own idle limit (Redis: timeout): near {idle_limit}?", "other"},
                 {"{peer_ip}", "ss -tn state close-wait", "connections it still takes for usable"}}},
     .usual_fix = "Order the idle limits: each client's pool shorter than the server it talks to."},
    {.cause = Cause::kKeepaliveRace,
     .title = "Request met the idle close",
     .why = "the server closed it, most likely by an idle timer, at the very moment the next request left",
     .meaning =

         "The server closed, as a rule because its keep-alive limit ran out, just when the client reused the "
         "connection. FIN and request crossed on the wire; the request was answered with a reset. With "
         "proxies this shows as sporadic 502s.",
     .whose_side = "shared: both idle limits are too close to each other",
     .confused_with = "Data long after a close. Here the request left before the FIN could have been seen.",
     .checks = {{{"{server_ip}", "nginx -T 2>/dev/null | grep -n keepalive_timeout",
                  "or your server's keep-alive limit"},
                 {"{client_ip}", "grep -riE 'keepalive|idle' /etc/haproxy /etc/nginx /etc/envoy 2>/dev/null",
                  "the client's or "
                  "proxy's idle limit"},
                 {"anywhere",
                  "resetscope resets list --server-ip {server_ip} --port {server_port} --cause keepalive_race "
                  "--since 24h",
                  "how often, and always near {idle_limit}?"}}},
     .usual_fix = "Make the server's idle limit longer than the client's (for example 65 s behind a balancer with 60 "
                  "s), and let "
                  "the client retry idempotent requests once."},
    {.cause = Cause::kSilentStateExpiry,
     .title = "Path forgot the connection and drops it",
     .why = "a device on the path had forgotten it and now drops its packets",
     .meaning =
         "After a long silence somebody spoke again and only retransmissions followed: no answer, no reset. A stateful "
         "firewall, NAT or balancer has expired its entry and drops packets that do not start a connection.",
     .whose_side = "a stateful device between {client_ip} and {server_ip}",
     .confused_with =
         "A dead path, which needs no silence before. If many connections die after the same silence it is a timer.",
     .checks = {{{"the firewalls between",
                  "conntrack {conntrack_family}-L -p tcp -s {client_ip} -d {server_ip} --dport "
                  "{server_port}",
                  "no entry while both ends show the connection"},
                 {"the firewalls between", "sysctl net.netfilter.nf_conntrack_tcp_timeout_established",
                  "or the device's TCP "
                  "idle limit; below "
                  "{idle_limit}?"},
                 {"{server_ip}", "ss -tno dst {ss_client}",
                  "no keepalive timer: nothing keeps the path's state alive"}}},
     .usual_fix =
         "Switch TCP keepalive on at either end with an interval below the device's idle limit, or raise that limit, "
         "or let the device reset what it drops."},
    {.cause = Cause::kNatExpiryRst,
     .title = "NAT forgot the connection and reset it",
     .why = "a NAT on the path had forgotten it and answered for itself",
     .note_origin = Origin::kMiddlebox,
     .note = "the host behind it may still hold the connection",
     .meaning =
         "After {idle} of silence the translating device no longer knew the connection, took the packet for its own, "
         "and its own TCP answered with a reset. The host behind most likely still believes in the connection.",
     .whose_side = "the NAT or balancer before {server_ip}, or {server_ip} itself if it is a published address",
     .confused_with = "A restarted server, which would answer with the server's own TTL.",
     .checks = {{{"the NAT", "conntrack {conntrack_family}-L -p tcp --dport {server_port} | grep {client_ip}",
                  "no entry any more"},
                 {"the NAT", "sysctl net.netfilter.nf_conntrack_tcp_timeout_established; conntrack -C",
                  "the limit, and whether "
                  "the table is full"},
                 {"the host behind the NAT", "ss -tno dst {ss_client}", "the connection still stands here"}}},
     .usual_fix = "TCP keepalive below the NAT's idle limit, or a longer limit there."},
    {.cause = Cause::kRequestTimeout,
     .title = "Request not complete in time",
     .why = "{server_heard} before the server's time limit",
     .meaning =

         "The client connected and began a request, or sent none at all, or had not logged in, and the server "
         "stopped waiting. Slow or stuck clients, lost packets on the upload, or a slow-request attack look "
         "like this.",
     .whose_side = "client side: {client_ip} or its path; the limit is set at {server}",
     .confused_with =
         "A slow-request attack: the same from many connections of one source. An idle limit applies between "
         "requests, this one inside a request.",
     .checks = {{{"{server_ip}", "grep -F {client_ip} /var/log/nginx/*.log | grep -E ' 408 |timed out'",
                  "the server's own word (or your server's log)", "http"},
                 {"{server_ip}", "nginx -T 2>/dev/null | grep -nE 'client_(header|body)_timeout'",
                  "the limits (Apache: RequestReadTimeout, Node: headersTimeout, requestTimeout)", "http"},
                 {"{server_ip}", "sshd -T | grep -i logingracetime", "the time to log in", "ssh"},
                 {"{server_ip}", "mysql -h {server_ip} -P {server_port} -e \"show global variables like '%timeout'\"",
                  "connect_timeout is the time to log in", "mysql"},
                 {"{server_ip}", "{journal}", "the server's own word", "other"},
                 {"anywhere",
                  "resetscope top --by client_ip --cause request_timeout --server-ip {server_ip} --since 1h",
                  "one source or many"}}},
     .usual_fix = "Find why the client stalls; raise the limit for honest slow uploads; limit connections per source "
                  "against abuse."},
};

}  // namespace

std::span<const CauseText> timers_texts() { return kTexts; }

}  // namespace rs::correlate
