// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/knowledge_table.h"

namespace rs::correlate {
namespace {

constexpr CauseText kTexts[] = {
    {.cause = Cause::kPortClosed,
     .title = "Port closed",
     .why = "nothing listens on that port",
     .note_origin = Origin::kServer,
     .note = "answered by the server's own kernel",
     .meaning =
         "The host is up and reachable, but no program has this port open on this address. Its kernel said so at "
         "once, which is why the client sees \"connection refused\" and not a timeout. The service is stopped, "
         "still starting, listening on another port, or bound to another address such as 127.0.0.1.",
     .whose_side = "server side: nothing listens on {server}",
     .confused_with =

         "A firewall that rejects with a reset looks almost the same. Linux' own, on the server or on a "
         "router, does not copy the type-of-service byte of the SYN; one on the path answers with another TTL "
         "or faster than the server can.",
     .checks = {{{"{server_ip}", "ss -ltnp 'sport = :{server_port}'",
                  "no line: nothing listens; 127.0.0.1 or ::1 only: "
                  "bound to the wrong address"},
                 {"{server_ip}", "systemctl list-units --failed --type=service",
                  "the service that should own port "
                  "{server_port}"},
                 {"{server_ip}", "{journal}", "when and why it stopped"},
                 {"{client_ip}", "nc -vz {server_ip} {server_port}", "refused now, too?"}}},
     .usual_fix =
         "Start the service or correct the address and port it binds to; make clients retry with back-off while "
         "it restarts, and let the load balancer's check take it out before it stops."},
    {.cause = Cause::kHostFwReject,
     .title = "Rejected by the server's own firewall",
     .why = "a firewall on the server itself rejects that port",
     .note_origin = Origin::kServer,
     .note = "nftables or iptables \"reject with tcp reset\"",
     .meaning =
         "The answer came from the server's host, but not from its TCP: a local packet filter answers for the port "
         "with a reset. To the client it looks like a closed port even when the service runs.",
     .whose_side = "server side: the packet filter on {server_ip}",
     .confused_with =
         "A closed port. The kernel's own refusal copies the type-of-service byte of the SYN and carries an "
         "IPv6 flow label; the filter's reject does neither. On an unmarked IPv4 SYN the two are identical.",
     .checks = {{{"{server_ip}", "nft list ruleset | grep -n -B2 -A2 reject",
                  "a rule that meets port {server_port} from "
                  "{client_ip}"},
                 {"{server_ip}", "{iptables} -L -vn --line-numbers", "a REJECT rule whose counter rises"},
                 {"{server_ip}", "ss -ltnp 'sport = :{server_port}'",
                  "a line here proves that the service itself runs"}}},
     .usual_fix =
         "Allow {client_ip} to port {server_port} in the host's rules, or move the client to an allowed network."},
    {.cause = Cause::kPathFwReject,
     .title = "Rejected by a firewall on the path",
     .why = "a firewall or router on the way rejects it in the server's name",
     .note_origin = Origin::kMiddlebox,
     .note = "the server itself did not send this",
     .meaning =
         "A device between client and server answered the connection attempt with a reset that bears the server's "
         "address. The server most likely never saw the SYN, so its logs show nothing.",
     .whose_side = "the network between {client_ip} and {server_ip}",
     .confused_with =
         "A closed port on the server. Distance tells them apart: the reset's TTL is not the server's, or it "
         "came sooner than anything from the server can.",
     .checks = {{{"{client_ip}", "tcptraceroute -n {server_ip} {server_port}", "the hop that answers is the device"},
                 {"the firewalls between", "",
                  "their logs should show a deny or reject from {client_ip} to {server} at {time}"},
                 {"{server_ip}", "tcpdump -nvi any host {client_ip} and port {server_port}",
                  "no SYN arrives: it is "
                  "rejected before"}}},
     .usual_fix =
         "Add the missing allow rule on that device, or correct the route if the traffic should not cross it."},
    {.cause = Cause::kListenOverflowRst,
     .title = "Accept queue full, connection reset",
     .why = "the server's accept queue was full and its kernel is set to reset on overflow",
     .note_origin = Origin::kServer,
     .note = "net.ipv4.tcp_abort_on_overflow=1",
     .meaning =
         "The service listens and the handshake ran, but the program did not accept connections fast enough. Its "
         "queue was full when the client's last handshake packet came, and this host answers that with a reset.",
     .whose_side = "server side: the program behind {server} accepts too slowly",
     .confused_with =

         "A program that closes right after accept. That reset keeps window and timestamps (a live socket); "
         "this one has neither, and follows the handshake's last packet at once. It mostly comes in bursts.",
     .checks =
         {{{"{server_ip}", "ss -ltn 'sport = :{server_port}'", "Recv-Q at or above Send-Q: the queue is full now"},
           {"{server_ip}", "nstat -az TcpExtListenOverflows TcpExtListenDrops", "run twice: rising means it goes on"},
           {"{server_ip}", "sysctl net.core.somaxconn net.ipv4.tcp_abort_on_overflow",
            "the queue's ceiling; 1 turns "
            "overflow into resets"}}},
     .usual_fix =
         "Give the program more workers or find what blocks its accept loop; raise its listen backlog together "
         "with net.core.somaxconn; leave tcp_abort_on_overflow at 0 so that short bursts are retried."},
    {.cause = Cause::kListenOverflowDrop,
     .title = "Accept queue full, connection dropped",
     .why = "the server's accept queue was full and its kernel dropped the attempt silently",
     .meaning =
         "The service listens but does not accept fast enough. The kernel then ignores SYNs or the last packet of "
         "the handshake, so the client retries and finally times out, or believes it is connected and gets no answer.",
     .whose_side = "server side: the program behind {server} accepts too slowly",
     .confused_with =
         "SYNs lost on the path. Here the server does answer others on the same port, or repeats its SYN-ACK "
         "although the client has acknowledged it.",
     .checks = {{{"{server_ip}", "ss -ltn 'sport = :{server_port}'",
                  "Recv-Q at or above Send-Q: the queue is full now"},
                 {"{server_ip}", "nstat -az TcpExtListenOverflows TcpExtListenDrops TcpExtTCPReqQFullDrop",
                  "run twice: rising means it goes on"},
                 {"{server_ip}", "sysctl net.core.somaxconn net.ipv4.tcp_max_syn_backlog", "the ceilings"}}},
     .usual_fix =
         "Give the program more workers or find what blocks its accept loop; raise its listen backlog together "
         "with net.core.somaxconn."},
    {.cause = Cause::kListenerClosedBacklog,
     .title = "Listener closed with connections waiting",
     .why = "the listening socket was closed while the connection still waited to be accepted",
     .meaning = "The kernel had completed the handshake, but the program closed its listening socket (a restart or a "
                "reload) before it accepted the connection. All that waited are reset in the same instant: others at "
                "the same moment make this sure.",
     .whose_side = "server side: the program behind {server} stopped or reloaded",
     .confused_with =

         "A program that aborts one connection. Several without any answer, reset in the same millisecond, "
         "speak against that.",
     .checks = {{{"{server_ip}", "{journal}", "a stop, restart or reload at {time}"},
                 {"anywhere",
                  "resetscope resets list --server-ip {server_ip} --port {server_port} --since {around_since} "
                  "--until {around_until}",
                  "others in the same instant"},
                 {"{server_ip}", "systemctl list-sockets", "whether a socket unit could hold the port over restarts"}}},
     .usual_fix = "Restart without closing the listener: socket activation, SO_REUSEPORT with an overlap, or drain the "
                  "load balancer before the restart."},
    {.cause = Cause::kSynBlackhole,
     .title = "Connection attempts vanish",
     .why = "the client's SYNs vanish on the way; neither a refusal nor an ICMP error came back",
     .meaning =

         "The client asked to connect, asked again, and nothing at all came back. Something drops the packets "
         "silently: a DROP rule, a security group, a wrong route, or the host is down. The client sees "
         "\"connection timed out\".",
     .whose_side = "the path to {server_ip}, or {server_ip} itself is down",
     .confused_with = "A full accept queue, where the same port still answers others. And a one-way capture, where the "
                      "answers merely were not seen here; such verdicts are marked one-sided.",
     .checks = {{{"{client_ip}", "tcptraceroute -n {server_ip} {server_port}",
                  "the last hop that answers is just before "
                  "the drop"},
                 {"{client_ip}", "ip route get {server_ip}", "the intended next hop and source address?"},
                 {"{server_ip}", "tcpdump -ni any host {client_ip} and port {server_port}",
                  "SYN arrives and no answer: "
                  "look at the local DROP rules"},
                 {"{server_ip}", "nft list ruleset | grep -n drop; {iptables} -L -vn | grep DROP",
                  "a rule whose counter "
                  "rises"}}},
     .usual_fix =
         "Open the port in the security group or firewall that drops it, or repair the route or the host. Prefer "
         "REJECT to DROP inside your own network: clients then fail at once and say why."},
    {.cause = Cause::kIcmpReject,
     .title = "Rejected with an ICMP error",
     .why = "{icmp} came back for it",
     .meaning =
         "A router, firewall or the host itself answered with an ICMP error that quotes this connection. The error's "
         "code says what is wrong: no route, host down, port or communication administratively prohibited.",
     .whose_side = "{server_icmp_side}",
     .confused_with =
         "Hardly anything: the error quotes the connection's own packet. A forged ICMP error would not stop a "
         "running connection.",
     .checks = {{{"{client_ip}", "tcpdump -nvi any 'icmp or icmp6'", "the source address of the error is the culprit"},
                 {"{client_ip}", "tcptraceroute -n {server_ip} {server_port}", "the hop marked !H, !N, !X or !A"},
                 {"{server_icmp_device}", "ip route get {server_ip}",
                  "unreachable or prohibit route? Else look at its REJECT rules"}}},
     .usual_fix =
         "\"Unreachable\": repair the route or the host. \"Prohibited\": add the allow rule on the device that sent "
         "the error."},
    {.cause = Cause::kLbNoBackend,
     .title = "Load balancer found no backend",
     .why = "the load balancer could not connect to any backend and gave up",
     .meaning =
         "{server} is a proxy or load balancer. It tried its backends and none accepted (then the answer takes a "
         "while), or it knew already that none is up, and it ended the client's connection.",
     .whose_side = "the backends behind {server}",
     .confused_with = "A closed port, which is refused at once and without a word; a balancer's connect retries take "
                      "time, or its reset says why. A time limit on the request, which would say so and meets requests "
                      "that are not complete.",
     .checks = {{{"{server_ip}", "echo 'show servers state' | socat stdio /run/haproxy/admin.sock",
                  "HAProxy; F5: tmsh show ltm pool; else your balancer's target health: all down?"},
                 {"anywhere",
                  "resetscope resets list --client-ip {server_ip} --since {around_since} --until "
                  "{around_until}",
                  "the balancer's own refused connections name the backends"},
                 {"{server_ip}", "{journal}", "health-check failures before {time}"}}},
     .usual_fix = "Bring the backends back, and correct the health check if it marked good ones as down."},
};

}  // namespace

std::span<const CauseText> refusal_texts() { return kTexts; }

}  // namespace rs::correlate
