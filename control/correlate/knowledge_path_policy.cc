// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/knowledge_table.h"

namespace rs::correlate {
namespace {

constexpr CauseText kTexts[] = {
    {.cause = Cause::kFwMidstreamReject,
     .title = "Firewall rejected a running connection",
     .why = "a firewall rule rejects packets of the running connection",
     .note_origin = Origin::kMiddlebox,
     .note = "{sender_told}",
     .meaning =

         "The connection was up, then a device on the path answered a packet of one side with a reset in the "
         "other side's name. A rule was added or changed, or the device lost track of the connection and "
         "rejects what it does not know. The other end was not told.",
     .whose_side = "a firewall between {client_ip} and {server_ip}",
     .confused_with =
         "An inspection device, which resets both sides at once. The connection's own peer, which would not go on "
         "talking after its reset.",
     .checks = {{{"the firewalls between", "nft -a list ruleset | grep -n reject",
                  "a reject rule whose counter rises, or one "
                  "changed at {time}"},
                 {"the firewalls between", "{iptables} -L FORWARD -vn --line-numbers", "the same for iptables"},
                 {"the firewalls between", "conntrack {conntrack_family}-L -p tcp -s {client_ip} -d {server_ip}",
                  "no entry: "
                  "it lost track"}}},
     .usual_fix =
         "Let the rules accept established connections first, and load rule changes without flushing the state."},
    {.cause = Cause::kIpsResetBoth,
     .title = "Inspection device reset both sides",
     .why = "an inspection device reset both ends at once",
     .note_origin = Origin::kMiddlebox,
     .note = "neither client nor server sent it",
     .meaning =
         "Both ends were reset within a moment, each in the other's name, by hand-made packets. That is how intrusion "
         "prevention systems, proxies and content filters end a connection whose content they object to.",
     .whose_side = "a security device between {client_ip} and {server_ip}",
     .confused_with =
         "A filter of names or URLs, often in the same device: there other names pass. Censorship, which goes on "
         "resetting the same pair for a minute or more. A firewall's reject tells one side only.",
     .checks = {{{"the security device", "",
                  "its alert log for {client_ip} and {server} at {time} names the rule that fired"},
                 {"a Suricata sensor",
                  "jq -c 'select(.event_type==\"alert\" and (.src_ip==\"{client_ip}\" or .dest_ip==\"{client_ip}\"))' "
                  "/var/log/suricata/eve.json",
                  "signature and action"},
                 {"{client_ip}", "sleep 9 | curl -sv telnet://{server}",
                  "does a connection without a request live for 9 s? Then the content is the trigger"}}},
     .usual_fix = "Tune or except the rule if the traffic is legitimate; else it did its work."},
    {.cause = Cause::kSniUrlBlock,
     .title = "Blocked by name or URL",
     .why = "a filter on the path objects to what was asked for{server_name}",
     .note_origin = Origin::kMiddlebox,
     .note = "the server did not send this",
     .meaning = "The connection was reset right after the client named what it wants (the TLS server name or the "
                "HTTP request), before the server had answered. A web filter, a proxy policy or the provider objects "
                "to it; when other names on the same address pass, it is the name.",
     .whose_side = "a web filter between {client_ip} and {server_ip}",
     .confused_with = "An inspection device that reacts to content, and a firewall rule that rejects whatever is sent. "
                      "Here the first "
                      "request or TLS hello drew it; that other names pass decides.",
     .checks = {{{"{client_ip}",
                  "curl -svo /dev/null --resolve example.com:{server_port}:{server_ip} "
                  "{scheme}://example.com:{server_port}/ -k",
                  "a neutral name at the same address passes: the name "
                  "is filtered"},
                 {"the proxy or filter", "", "its policy log for {client_ip} at {time} names category and rule"},
                 {"another network", "curl -svko /dev/null {named_site}",
                  "works from outside: the filter is near the "
                  "client"}}},
     .usual_fix = "Ask for an exception in the filter's policy, or correct the name's category."},
    {.cause = Cause::kCensorInjection,
     .title = "Injected resets (censorship pattern)",
     .why = "resets were injected from the path, in series",
     .note_origin = Origin::kMiddlebox,
     .note = "neither client nor server sent them",
     .meaning = "Several hand-made resets came in a row, with stepped sequence numbers, or with windows or TTLs that "
                "no single host would send. National or provider filters work like this, and often go on resetting "
                "the same pair for a minute or more.",
     .whose_side = "a device on the path outside your network",
     .confused_with = "An inspection device of your own, which resets once and stops.",
     .checks = {{{"{client_ip}", "tcptraceroute -n {server_ip} {server_port}", "the networks on the way"},
                 {"a host of another provider or country", "curl -svo /dev/null {scheme}://{server}/ -k",
                  "it works there: the path is filtered"},
                 {"anywhere", "resetscope resets list --client-ip {client_ip} --server-ip {server_ip} --since 1h",
                  "resets that go "
                  "on for 1 to 3 "
                  "minutes"}}},
     .usual_fix = "Use another path (VPN, other provider, other region); nothing on client or server helps."},
    {.cause = Cause::kIspThrottle,
     .title = "Provider resets a class of traffic",
     .why = "a provider's traffic management injects resets into this class of traffic",
     .note_origin = Origin::kMiddlebox,
     .note = "neither end sent it",
     .meaning =

         "The resets came from neither end, and the connection carries file sharing. Traffic "
         "management of providers has been seen to end such transfers while it lets all else pass.",
     .whose_side = "a provider between {client_ip} and {server_ip}",
     .confused_with =
         "Censorship, which goes by name or content and not by kind of traffic. An inspection device of your "
         "own, which shows in its alert log.",
     .checks = {{{"{client_ip}", "",
                  "try the same transfer through a VPN or SSH tunnel; if it passes, the provider looks at the traffic"},
                 {"anywhere", "resetscope top --by port --origin middlebox --client-ip {client_ip} --since 24h",
                  "only some ports"}}},
     .usual_fix = "Encrypt or tunnel the traffic; take it up with the provider."},
    {.cause = Cause::kStateLossFailover,
     .title = "Device on the path lost its connections",
     .why = "a firewall or balancer on the path lost its connection table",
     .note_origin = Origin::kMiddlebox,
     .note = "several servers at the same instant",
     .meaning =

         "Connections of several servers were reset in the same instant, or the device itself says that it knows "
         "no such connection. A stateful device on their common path restarted or failed over without taking "
         "its table along.",
     .whose_side = "the firewall or balancer that these connections share",
     .confused_with =
         "A crashed server, which hits that one server only. A route change shows a step in the TTL just before.",
     .checks = {{{"the firewall pair", "", "its high-availability log: a switch at {time}? Is state synchronised?"},
                 {"the firewall pair", "conntrack -S; conntrackd -s", "with Linux: synchronisation and drops"},
                 {"anywhere", "resetscope top --by server_ip --since {around_since} --until {around_until}",
                  "how many servers"}}},
     .usual_fix = "Switch on state synchronisation between the pair, and test failover with connections running."},
    {.cause = Cause::kPathChange,
     .title = "Path changed under the connection",
     .why = "its packets took another way, past a device that does not know it",
     .meaning = "Shortly before the end the packets began to arrive with another TTL: the route changed. Stateful "
                "devices on the "
                "new way (or another server behind the same anycast address) do not know the connection.",
     .whose_side = "routing between {client_ip} and {server_ip}",
     .confused_with = "A failover of one firewall, where the way stays the same.",
     .checks =
         {{{"{client_ip}", "mtr -n -r -c 20 --tcp -P {server_port} {server_ip}", "more than one way, or a new hop"},
           {"the routers", "", "their BGP and interface logs around {time}: a withdrawn or new route to {server_ip}?"},
           {"the routers", "ip route get {server_ip} from {client_ip}", "how the hash over equal paths falls"}}},
     .usual_fix = "Pin flows to a path (hash over the five-tuple), keep both ways through the same stateful device, "
                  "dampen flaps."},
    {.cause = Cause::kCtInvalidLeak,
     .title = "Packet leaked past the address translation",
     .why = "a packet slipped past its NAT untranslated and was reset by a host that knows no such connection",
     .meaning =
         "A node's connection tracking called a packet invalid and let it out without translation. The receiver sees "
         "an "
         "unknown address speak and resets it, which kills the translated connection. Known from Kubernetes services.",
     .whose_side = "the node or balancer that translates for {server_ip}",
     .confused_with = "Backscatter of an attack, where no translated twin of the connection exists.",
     .checks = {{{"the node", "conntrack -S | grep -o 'invalid=[0-9]*'", "rising counts"},
                 {"the node", "{iptables} -L KUBE-FORWARD -vn | grep -i invalid",
                  "a DROP for ctstate INVALID must stand first"},
                 {"the node", "sysctl net.netfilter.nf_conntrack_tcp_be_liberal",
                  "0: packets outside the window count as "
                  "invalid"}}},
     .usual_fix = "Drop ctstate INVALID before forwarding, or set nf_conntrack_tcp_be_liberal=1 on the nodes."},
};

}  // namespace

std::span<const CauseText> path_policy_texts() { return kTexts; }

}  // namespace rs::correlate
