// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/knowledge_table.h"

namespace rs::correlate {
namespace {

constexpr CauseText kTexts[] = {
    {.cause = Cause::kAppAbortUnread,
     .title = "Closed with unread data",
     .why = "the program closed its socket with received data still unread",
     .meaning =
         "The program at {sender_ip} closed the connection (or was killed) before it had read everything the other "
         "side sent. TCP must then send a reset so that the peer learns its data was not read. What the program "
         "itself had sent last may be thrown away at the peer, too.",
     .whose_side = "the program at {sender}",
     .confused_with = "A deliberate abort (SO_LINGER 0), which looks the same on the wire. Data of the peer that was "
                      "acknowledged but never answered speaks for unread data. Drawn at once by the first request: a "
                      "wrong protocol for that port (plain HTTP to a TLS port).",
     .checks = {{{"{sender_ip}", "perf trace -e tcp:tcp_send_reset",
                  "reason TCP_ABORT_ON_CLOSE (Linux 6.10 and later)"},
                 {"{sender_ip}", "{journal}", "an error, a worker killed or a request dropped at {time}"},
                 {"{sender_ip}", "nstat -az TcpExtTCPAbortOnClose", "rising: it happens again and again"}}},
     .usual_fix =
         "Read to the end (or shutdown for writing, then drain) before close. In a server behind a proxy: let it "
         "consume or limit the request body properly before it answers and closes."},
    {.cause = Cause::kAppAbortLinger0,
     .title = "Aborted on purpose (linger 0)",
     .why = "the program discarded the connection on purpose (linger 0 or an explicit abort)",
     .meaning =
         "The program at {sender_ip} closed with SO_LINGER 0, \"abort\" or \"destroy\", or the connection was killed "
         "with ss -K: the kernel sends a reset instead of the orderly FIN. Some proxies and load testers do this "
         "to avoid TIME_WAIT; Node's resetAndDestroy and HAProxy's timeouts toward servers do, too.",
     .whose_side = "the program at {sender}",
     .confused_with =

         "A close with unread data, which looks the same on the wire. That every request had been answered "
         "speaks for a deliberate abort.",
     .checks = {{{"{sender_ip}", "perf trace -e tcp:tcp_send_reset", "reason TCP_STATE (Linux 6.10 and later)"},
                 {"{sender_ip}",
                  "strace -f -e trace=setsockopt,close -p \"$(ss -tanpH {ss_program} | grep -om1 "
                  "'pid=[0-9]*' | cut -d= -f2)\"",
                  "SO_LINGER {{l_onoff=1, l_linger=0}}"},
                 {"{sender_ip}", "nstat -az TcpExtTCPAbortOnData TcpExtTCPAbortOnClose", "rising with each abort"}}},
     .usual_fix =
         "If the peer loses data: remove SO_LINGER 0 and close in order. If it is a proxy's timeout: raise that "
         "timeout. If nothing was lost it is harmless."},
    {.cause = Cause::kEarlyResponseAbort,
     .title = "Answered early and closed during the upload",
     .why = "the server answered before it had read the whole request and closed while the client still sent",
     .meaning =
         "The server rejected the request early (too large, not authorised, wrong type) and closed the connection "
         "while the upload was still coming. The reset often destroys the answer on its way, so the client sees "
         "\"connection reset\" instead of the 413 or 401.",
     .whose_side = "server side: {server} does not drain uploads it refuses",
     .confused_with = "A plain close with unread data. Here an answer was sent before the reset, during the upload.",
     .checks = {{{"{server_ip}",
                  "grep -E ' (400|401|403|408|413|431) ' /var/log/nginx/access.log | grep -F {client_ip}",
                  "the status it really answered (or your server's log)"},
                 {"{server_ip}", "nginx -T 2>/dev/null | grep -nE 'client_max_body_size|lingering'",
                  "the body limit and "
                  "whether it drains"},
                 {"{client_ip}", "", "does it send \"Expect: 100-continue\" and wait for the 100 before it uploads?"}}},
     .usual_fix =
         "Raise the limit if the upload is legitimate; else let the server drain (nginx: lingering_close always) "
         "or have the client send \"Expect: 100-continue\"."},
    {.cause = Cause::kCloseThenLateData,
     .title = "Data after close",
     .why = "the socket was already closed when more data from {peer} arrived",
     .meaning = "{sender} had closed in order (its FIN was sent). {peer} did not notice, or not in time, and sent more "
                "data. Nobody is there to read it, so the kernel of {sender_ip} answers with a reset.",
     .whose_side = "shared: {sender} closed first, {peer} went on writing after the FIN",
     .confused_with =
         "A keepalive race, where the data left before the FIN could have been seen. Here the FIN had long "
         "arrived.",
     .checks = {{{"{peer_ip}", "ss -tnpo state close-wait", "connections whose FIN the program has not read"},
                 {"{sender_ip}", "{journal}", "why it closed shortly before {time}: timeout, restart, error"},
                 {"anywhere",
                  "resetscope resets list --server-ip {server_ip} --port {server_port} --cause close_then_late_data "
                  "--since 24h",
                  "one client's pool, or all"}}},
     .usual_fix =
         "Let {peer_ip}'s program treat end-of-file as the end: watch for it while idle, and take a pooled "
         "connection out once its FIN has come. Make its pool's idle limit shorter than the other side's timeout."},
    {.cause = Cause::kProcessCrash,
     .title = "Process died",
     .why = "the process behind the port died and took all its connections with it",
     .meaning = "Several connections of this one service, opened at different times, ended in the same moment, with "
                "FINs and resets mixed as the kernel cleaned up. The host is alive; the process is not, or was "
                "restarted.",
     .whose_side = "server side: the process behind {server}",
     .confused_with =
         "A restart of the host, which sends nothing when it goes. A failover of a firewall hits many servers "
         "at once, not one.",
     .checks = {{{"{server_ip}", "coredumpctl list --since '{since_utc}'", "a crash of the service"},
                 {"{server_ip}", "{journal}", "exit status, signal, watchdog, \"Killed process\""},
                 {"{server_ip}", "dmesg -T | grep -iE 'killed process|segfault|out of memory'",
                  "the OOM killer or a fault"}}},
     .usual_fix = "Find why it died (core dump, out of memory, deploy). For planned restarts drain first."},
    {.cause = Cause::kHostRestartStale,
     .title = "Host no longer knows the connection",
     .why = "the host knows nothing of this connection any more because it restarted or lost its state",
     .note_origin = Origin::kServer,
     .note = "no FIN was ever seen",
     .meaning =
         "The connection was alive, then {sender_ip} answered its packets as if it had never existed, without having "
         "closed it. That is what a host does after a crash, a power cycle, a restored snapshot, or when another "
         "machine has taken over its address.",
     .whose_side = "{sender_ip}: restarted, replaced, or its address moved",
     .confused_with = "An expired NAT or firewall entry, whose reset shows another TTL while the host is still up.",
     .checks = {{{"{sender_ip}", "uptime -s; last -x reboot | head -3", "a boot shortly before {time}"},
                 {"{sender_ip}", "{journal_idle} -k", "what happened since its last sign of life"},
                 {"a neighbour", "ip neigh show {sender_ip}",
                  "another MAC address: the address moved (failover, keepalived)"}}},
     .usual_fix =
         "Nothing to repair in the network. Let clients reconnect on reset, and use keepalives or health checks so "
         "that they notice sooner."},
    {.cause = Cause::kAdminKill,
     .title = "Ended by an administrator or orchestrator",
     .why = "an operator or an orchestrator ended the connection",
     .meaning =
         "The server announced that it ends the session on command (a terminated backend, a shutdown), or a quiet "
         "connection was killed from outside the program.",
     .whose_side = "server side: whoever administers {server}",
     .confused_with =
         "A program's own abort. The text of the last message (for example SQL state 57P01) decides; without "
         "text this is only a guess.",
     .checks = {{{"{server_ip}", "{journal}", "a terminate, kill (ss -K), drain or shutdown at {time}"},
                 {"the orchestrator", "kubectl get events -A --sort-by=.lastTimestamp | tail -20",
                  "an eviction, rollout or "
                  "node drain"},
                 {"{server_ip}",
                  "psql -h {server_ip} -p {server_port} -c \"select pid, usename, client_addr, query from "
                  "pg_stat_activity where query ilike '%pg_terminate_backend%'\"",
                  "who terminated sessions and is still connected", "pgsql"}}},
     .usual_fix = "None if it was meant. Else have clients reconnect, and announce such work."},
    {.cause = Cause::kClientCancel,
     .title = "Client gave up during the answer",
     .why = "the client gave up while the answer was still coming",
     .note_origin = Origin::kClient,
     .note = "a cancelled download, a closed tab, a client-side timeout",
     .meaning =
         "The client aborted while the server was still sending. A user closed the page, a video was skipped, or the "
         "client's own deadline passed because the answer took too long.",
     .whose_side = "client side: {client_ip}, though a slow server may be the reason",
     .confused_with = "A client that closes fast after a complete answer; there nothing is left in flight.",
     .checks = {{{"{server_ip}", "grep -F {client_ip} /var/log/nginx/access.log | grep ' 499 '",
                  "status 499 and the "
                  "request's duration (or your "
                  "server's log)",
                  "http"},
                 {"anywhere",
                  "resetscope top --by client_network --cause client_cancel --server-ip {server_ip} --since 1h",
                  "one client, or all of them (then the server is slow)"},
                 {"{client_ip}", "", "compare its configured deadline with the time it waited"}}},
     .usual_fix = "None for people; for machines raise the client's timeout or make the server answer sooner."},
    {.cause = Cause::kClientFastClose,
     .title = "Client closed with a reset",
     .what = "{client} ended its connection with {server}",
     .why = "the client had its whole answer and closed with a reset instead of a FIN; nothing was lost",
     .meaning =
         "The exchange was complete. Some browsers, load testers and monitoring tools end with a reset to save the "
         "closing handshake and TIME_WAIT. Nobody lost anything.",
     .whose_side = "client side: {client_ip}, harmless",
     .confused_with =
         "A cancelled download. What had come was all acknowledged; whether more was to come stands in the "
         "answer's length, which is not read.",
     .checks = {{{"{server_ip}", "grep -F {client_ip} /var/log/nginx/access.log | tail",
                  "bytes sent: fewer than the whole answer mean that it was cancelled (or your server's log)", "http"},
                 {"anywhere", "resetscope top --by client_network --cause client_fast_close --benign --since 1h",
                  "which clients have this habit"}}},
     .usual_fix = "None needed."},
    {.cause = Cause::kKernelMemory,
     .title = "Host out of socket memory",
     .why = "the host ran out of TCP memory or had too many orphaned sockets",
     .meaning =
         "The kernel of {sender_ip} aborts connections when TCP uses more memory than tcp_mem allows, or more closed "
         "sockets linger than tcp_max_orphans. It hits any connection, all over the host.",
     .whose_side = "{sender_ip}: the kernel's memory limits",
     .confused_with =
         "A crashed process. Here connections of several services on the host are hit and the processes live.",
     .checks = {{{"{sender_ip}", "nstat -az TcpExtTCPAbortOnMemory TcpExtTCPMemoryPressures", "rising: this is it"},
                 {"{sender_ip}",
                  "dmesg -T | grep -iE 'out of memory -- consider tuning tcp_mem|too many orphaned sockets'",
                  "the kernel says so itself"},
                 {"{sender_ip}", "cat /proc/net/sockstat; sysctl net.ipv4.tcp_mem net.ipv4.tcp_max_orphans",
                  "\"mem\" near "
                  "the limit"}}},
     .usual_fix = "Find what leaks or floods sockets; raise tcp_mem and tcp_max_orphans if the load is legitimate."},
    {.cause = Cause::kMptcpReset,
     .title = "Multipath TCP ended a subflow",
     .why = "Multipath TCP ended this subflow{mptcp}",
     .meaning =

         "The reset carries a Multipath TCP option, or it is the answer to one: MP_FASTCLOSE, by which the "
         "other end asks to close at once. One subflow of a multipath connection ended; the connection as a "
         "whole may go on over another path.",
     .whose_side = "the Multipath TCP stack at {sender_ip}",
     .confused_with =
         "A program's own abort (linger 0, unread data) over Multipath TCP: the kernel then gives reason 0.",
     .checks = {{{"{sender_ip}", "ip mptcp monitor", "subflows as they close, with the same reason"},
                 {"{sender_ip}", "nstat -az 'MPTcpExt*' | grep -iE 'fail|rst|fallback'", "how often"},
                 {"{sender_ip}", "ip mptcp limits; ip mptcp endpoint show",
                  "limits and addresses of the path manager"}}},
     .usual_fix = "Reason 6 (middlebox interference): let firewalls pass TCP option 30. Reason 0: look for an abort by "
                  "the program "
                  "itself. Else adjust the path manager's limits."},
};

}  // namespace

std::span<const CauseText> endpoint_abort_texts() { return kTexts; }

}  // namespace rs::correlate
