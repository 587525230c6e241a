// SPDX-License-Identifier: Apache-2.0
#include "control/correlate/knowledge_fill.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <ctime>

#include "control/correlate/knowledge.h"

namespace rs::correlate {
namespace {

using std::string;
using std::string_view;
using std::to_string;

constexpr uint64_t kSecond = 1'000'000'000;

bool is_ipv6(const model::Event& e) { return ip_text(e.server.ip).find(':') != string::npos; }

string_view side_word(Side side) {
  switch (side) {
    case Side::kClient:
      return "the client";
    case Side::kServer:
      return "the server";
    case Side::kUnknown:
      break;
  }
  return "one side";
}

Side opposite(Side side) {
  if (side == Side::kClient) return Side::kServer;
  if (side == Side::kServer) return Side::kClient;
  return Side::kUnknown;
}

string opposite_word(Side side) {
  return side == Side::kUnknown ? "the other side" : string(side_word(opposite(side)));
}

string iso(uint64_t ns) {
  string text = utc_text(ns);
  if (text.size() > 10) text[10] = 'T';
  return text + "Z";
}

uint64_t before(uint64_t ns) { return ns > 60 * kSecond ? ns - 60 * kSecond : 0; }

string number(string_view one, string_view many, int64_t n) { return string(n == 1 ? one : many); }

string icmp_words(int64_t value, bool ipv6) {
  const int64_t type = value >> 8, code = value & 0xff;
  struct Row {
    bool ipv6;
    int type, code;
    string_view text;
  };
  // RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1; RFC 4443 3.1
  static constexpr std::array kRows = {
      Row{false, 3, 0, "network unreachable"},
      Row{false, 3, 1, "host unreachable"},
      Row{false, 3, 2, "protocol unreachable"},
      Row{false, 3, 3, "port unreachable"},
      Row{false, 3, 4, "fragmentation needed"},
      Row{false, 3, 6, "network unknown"},
      Row{false, 3, 7, "host unknown"},
      Row{false, 3, 9, "network prohibited by an administrator"},
      Row{false, 3, 10, "host prohibited by an administrator"},
      Row{false, 3, 13, "communication prohibited by an administrator"},
      Row{false, 11, 0, "time to live exceeded"},
      Row{true, 1, 0, "no route to the destination"},
      Row{true, 1, 1, "communication prohibited by an administrator"},
      Row{true, 1, 2, "beyond the scope of the source address"},
      Row{true, 1, 3, "address unreachable"},
      Row{true, 1, 4, "port unreachable"},
      Row{true, 1, 5, "source address failed a policy"},
      Row{true, 1, 6, "route rejected"},
      Row{true, 2, 0, "packet too big"},
      Row{true, 3, 0, "hop limit exceeded"},
  };
  const string numbers = (ipv6 ? "ICMPv6 " : "ICMP ") + to_string(type) + "/" + to_string(code);
  for (const Row& row : kRows)
    if (row.ipv6 == ipv6 && row.type == type && row.code == code)
      return string("\"").append(row.text).append("\" (").append(numbers).append(")");
  return numbers;
}

string mptcp_words(int64_t value) {
  // RFC 8684 section 3.6
  static constexpr std::array<string_view, 7> kReasons = {
      "unspecified error",         "Multipath TCP error",      "lack of resources",     "administratively prohibited",
      "too much outstanding data", "unacceptable performance", "middlebox interference"};
  if (value >= 0 && static_cast<size_t>(value) < kReasons.size())
    return string(kReasons[static_cast<size_t>(value)]) + " (reason " + to_string(value) + ")";
  return "reason " + to_string(value);
}

string bytes_off(int64_t value) {
  if (value < 0) return to_string(-value) + number(" byte", " bytes", -value) + " behind the sender's next";
  return to_string(value) + number(" byte", " bytes", value) + " ahead of the sender's next";
}

// From a minute before `from_ns` to a minute after the end.
string journal(const model::Event& e, uint64_t from_ns) {
  const string since = utc_text(before(from_ns)), until = utc_text(e.time_ns + 60 * kSecond);
  return "journalctl --no-pager --since '" + since + " UTC' --until '" + until + " UTC'";
}

string ttl_pair(const FillContext& c) {
  const model::Fact* ttl = find_fact(c.event, FactId::kRstTtl);
  const int64_t diff = c.fact != nullptr ? c.fact->value : 0;
  const string whose = string(side_word(c.event.claimed_sender)) + "'s own packets";
  if (ttl != nullptr) return to_string(ttl->value) + ", " + whose + " carry " + to_string(ttl->value - diff);
  return to_string(diff < 0 ? -diff : diff) + (diff < 0 ? " lower than " : " higher than ") + "in " + whose;
}

string scanner(int64_t value) {
  static constexpr std::array<string_view, 5> kTools = {"unknown tool", "nmap", "masscan", "zmap",
                                                        "bare SYN without options"};
  return string(kTools[value >= 0 && static_cast<size_t>(value) < kTools.size() ? static_cast<size_t>(value) : 0]);
}

string tunnel(int64_t value) {
  static constexpr std::array<string_view, 11> kTunnels = {
      "unknown kind", "MPLS",  "PPPoE",     "IP in IP", "GRE",  "Ethernet over GRE",
      "ERSPAN",       "VXLAN", "VXLAN-GPE", "GENEVE",   "GTP-U"};
  return string(kTunnels[value >= 0 && static_cast<size_t>(value) < kTunnels.size() ? static_cast<size_t>(value) : 0]);
}

string times(int64_t n) {
  if (n == 1) return "once";
  if (n == 2) return "twice";
  return to_string(n) + " times";
}

string icmp_of(const FillContext& c) {
  const model::Fact* fact = find_fact(c.event, FactId::kIcmpCode);
  return fact == nullptr ? string("an ICMP error") : "the ICMP error " + icmp_words(fact->value, is_ipv6(c.event));
}

string mptcp_of(const FillContext& c) {
  const model::Fact* fact = find_fact(c.event, FactId::kMptcpReason);
  return fact == nullptr ? string() : ": " + mptcp_words(fact->value);
}

string scan_result(const FillContext& c) {
  if (c.event.stage == Stage::kSyn) return c.event.ending == Ending::kRefused ? " and found it closed" : "";
  if (c.event.stage == Stage::kSynAck || c.event.stage == Stage::kEstablished) return " and found it open";
  return "";
}

// Who repeated what was never acknowledged. When that is not on record: who reset at last, else the client.
Side waiting_side(const model::Event& e) {
  for (auto step = e.timeline.rbegin(); step != e.timeline.rend(); ++step)
    if (step->kind == StepKind::kRetransmission && step->side != Side::kUnknown) return step->side;
  return e.claimed_sender == Side::kUnknown ? Side::kClient : e.claimed_sender;
}

// Whose part in the end the facts tell: the RST's bearer. Where there is none, who failed to answer.
Side fact_side(const model::Event& e) {
  if (e.claimed_sender != Side::kUnknown) return e.claimed_sender;
  if (e.ending == Ending::kRejected) return Side::kServer;
  if (e.ending != Ending::kTimedOut) return Side::kUnknown;
  return e.stage == Stage::kSynAck ? Side::kClient : opposite(waiting_side(e));
}

// More than one message tells a reason: then whose is which is not on record.
bool both_said(const model::Event& e) { return std::ranges::count_if(e.evidence, is_said, &model::Fact::id) > 1; }

// Who a message that tells the reason came from.
Side saying_side(const model::Event& e) {
  return find_fact(e, FactId::kSaidByPeer) != nullptr ? opposite(fact_side(e)) : fact_side(e);
}

const model::Endpoint& endpoint_of(const model::Event& e, Side side) {
  return side == Side::kClient ? e.client : e.server;
}

bool forged(const model::Event& e) { return e.origin == Origin::kMiddlebox || e.origin == Origin::kOffPath; }

// The RST's own acknowledgement counts, and who forged the RST made that up, too.
string acked_by(const FillContext& c) {
  const string whose(side_word(fact_side(c.event)));
  return forged(c.event) ? "by the RST's own word " + whose + " had received everything it was sent"
                         : whose + " had acknowledged everything it was sent";
}

// The silence that the cause is about; 0 when none is on record.
uint64_t silence_ns(const model::Event& e) {
  if (const model::Fact* fin = find_fact(e, FactId::kFinAtEndOfIdle); fin != nullptr && fin->value > 0)
    return static_cast<uint64_t>(fin->value) * 1'000'000;
  return e.idle_ns;
}

string idle_text(const FillContext& c, const char* unknown) {
  const uint64_t ns = silence_ns(c.event);
  return ns == 0 ? string(unknown) : duration_text(ns);
}

// How long the other side had not been heard of when the RST went out.
string unheard(const FillContext& c) {
  const model::Fact* since = find_fact(c.event, FactId::kReactionUs);
  const uint64_t ns = since != nullptr && since->value > 0 ? static_cast<uint64_t>(since->value) * 1'000 : 0;
  return duration_text(std::max(ns, c.event.idle_ns));
}

string step_accepts(const FillContext& c) {
  const string side(side_word(c.step == nullptr ? Side::kUnknown : c.step->side));
  if (find_fact(c.event, FactId::kSynAckWrong) == nullptr) return side + " accepts";
  return "an answer in the name of " + side + " acknowledges what was never sent";
}

string step_reset(const FillContext& c) {
  const Side side = c.step == nullptr ? Side::kUnknown : c.step->side;
  const bool own = (c.event.origin == Origin::kClient && side == Side::kClient) ||
                   (c.event.origin == Origin::kServer && side == Side::kServer);
  return own ? string(side_word(side)) + " sends a reset" : "reset in the name of " + string(side_word(side));
}

string actor_side(const FillContext& c) {
  switch (c.event.origin) {
    case Origin::kClient:
      return "client side";
    case Origin::kServer:
      return "server side";
    case Origin::kMiddlebox:
      return "a device on the path";
    case Origin::kOffPath:
      return "somebody off the path";
    case Origin::kUnknown:
      break;
  }
  return "either end or a device between";
}

// The name came over the wire from anybody; into a command to paste goes only what a host name may be made of.
bool safe_in_shell(string_view host) {
  return !host.empty() && host.front() != '-' && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  });
}

// What was spoken, else what the port is for.
string scheme(const FillContext& c) {
  for (const string_view said : c.event.meanings) {
    if (said.starts_with("tls.")) return "https";
    if (said.starts_with("http.")) return "http";
  }
  return c.event.server.port == 80 || c.event.server.port == 8080 ? "http" : "https";
}

// The name asked for at the address that was called, for curl; without a name the address alone.
string named_site(const FillContext& c) {
  const string port = to_string(c.event.server.port), name = c.event.server_name;
  if (!safe_in_shell(name)) return scheme(c) + "://" + endpoint_text(c.event.server) + "/";
  string ip = ip_text(c.event.server.ip);
  if (ip.find(':') != string::npos) ip = "[" + ip + "]";
  return "--resolve '" + name + ":" + port + ":" + ip + "' " + scheme(c) + "://" + name + ":" + port + "/";
}

// As ss takes it in a filter; brackets are quoted from the shell.
string ss_address(const model::Endpoint& endpoint) {
  const string ip = ip_text(endpoint.ip);
  return ip.find(':') == string::npos ? ip : "'[" + ip + "]'";
}

// Of a proxy that resets as a client, the other leg is the one it serves.
bool leg_is_in_front(const FillContext& c) { return acting_side(c.event) == Side::kClient; }

string sequence(const FillContext& c) {
  if (c.step == nullptr) return {};
  const auto off = static_cast<int32_t>(c.step->value);
  if (off == 0) return "sequence exact";
  const auto first = std::ranges::find(c.event.timeline, StepKind::kRst, &model::Step::kind);
  if (first != c.event.timeline.end() && first->at_ns == c.step->at_ns && first->side == c.step->side &&
      find_fact(c.event, FactId::kSeqIsTriggerAck) != nullptr)
    return "sequence as acknowledged by " + opposite_word(c.step->side);
  return "sequence " + bytes_off(off);
}

int64_t fact_value(const FillContext& c) { return c.fact == nullptr ? 0 : c.fact->value; }
uint64_t positive(int64_t v) { return v > 0 ? static_cast<uint64_t>(v) : 0; }

struct Placeholder {
  string_view name;
  string (*value)(const FillContext&);
};

// Sorted by name: fill() searches by halves.
constexpr Placeholder kPlaceholders[] = {
    {"acked_by", acked_by},
    {"actor_side", actor_side},
    {"around_since", [](const FillContext& c) { return iso(before(c.event.time_ns)); }},
    {"around_until", [](const FillContext& c) { return iso(c.event.time_ns + 60 * kSecond); }},
    {"bytes",
     [](const FillContext& c) {
       const int64_t n = c.step == nullptr ? 0 : c.step->value;
       return to_string(n) + number(" byte", " bytes", n);
     }},
    {"bytes_off", [](const FillContext& c) { return bytes_off(fact_value(c)); }},
    {"claimed", [](const FillContext& c) { return string(side_word(fact_side(c.event))); }},
    {"claimed_peer", [](const FillContext& c) { return opposite_word(fact_side(c.event)); }},
    {"claimed_the", [](const FillContext& c) { return string(side_word(fact_side(c.event))); }},
    {"claimed_whose", [](const FillContext& c) { return string(side_word(fact_side(c.event))) + "'s"; }},
    {"client", [](const FillContext& c) { return endpoint_text(c.event.client); }},
    {"client_ip", [](const FillContext& c) { return ip_text(c.event.client.ip); }},
    {"client_port", [](const FillContext& c) { return to_string(c.event.client.port); }},
    {"connections", [](const FillContext& c) { return number("connection", "connections", fact_value(c)); }},
    {"conntrack_family", [](const FillContext& c) { return string(is_ipv6(c.event) ? "-f ipv6 " : ""); }},
    {"drawn_by_first",
     [](const FillContext& c) {
       return string(c.event.ending == Ending::kTimedOut ? "nothing answered the first packet after the silence"
                                                         : "the first packet after the silence drew the ending");
     }},
    {"icmp", icmp_of},
    {"icmp_value", [](const FillContext& c) { return icmp_words(fact_value(c), is_ipv6(c.event)); }},
    {"idle", [](const FillContext& c) { return idle_text(c, "some time"); }},
    {"idle_limit", [](const FillContext& c) { return idle_text(c, "the silence seen"); }},
    {"iptables", [](const FillContext& c) { return string(is_ipv6(c.event) ? "ip6tables" : "iptables"); }},
    {"journal", [](const FillContext& c) { return journal(c.event, c.event.time_ns); }},
    {"journal_idle",
     [](const FillContext& c) {
       return journal(c.event, c.event.time_ns > c.event.idle_ns ? c.event.time_ns - c.event.idle_ns : 0);
     }},
    {"last_message",
     [](const FillContext& c) {
       if (both_said(c.event)) return string("one of the last messages");
       return forged(c.event) ? string("the last message")
                              : "the last message of " + string(side_word(saying_side(c.event)));
     }},
    {"mptcp", mptcp_of},
    {"mptcp_value", [](const FillContext& c) { return mptcp_words(fact_value(c)); }},
    {"named_site", named_site},
    {"octets", [](const FillContext& c) { return number("byte", "bytes", fact_value(c)); }},
    {"of_idle",
     [](const FillContext& c) { return silence_ns(c.event) == 0 ? string() : " of about " + idle_text(c, ""); }},
    {"of_sayer",
     [](const FillContext& c) {
       return both_said(c.event) ? string() : " of " + string(side_word(saying_side(c.event)));
     }},
    {"other", [](const FillContext& c) { return opposite_word(c.step == nullptr ? Side::kUnknown : c.step->side); }},
    {"packets", [](const FillContext& c) { return number("packet", "packets", fact_value(c)); }},
    {"peer", [](const FillContext& c) { return endpoint_text(other_endpoint(c.event)); }},
    {"peer_ip", [](const FillContext& c) { return ip_text(other_endpoint(c.event).ip); }},
    {"ports", [](const FillContext& c) { return number("port", "ports", fact_value(c)); }},
    {"probes", [](const FillContext& c) { return number("probe", "probes", fact_value(c)); }},
    {"refuser", [](const FillContext& c) { return endpoint_text(endpoint_of(c.event, saying_side(c.event))); }},
    {"refuser_the", [](const FillContext& c) { return string(side_word(saying_side(c.event))); }},
    {"retransmissions",
     [](const FillContext& c) { return number("retransmission", "retransmissions", fact_value(c)); }},
    {"rst_ttl",
     [](const FillContext& c) {
       const model::Fact* ttl = find_fact(c.event, FactId::kRstTtl);
       return ttl == nullptr ? string() : string(" (").append(to_string(ttl->value)).append(")");
     }},
    {"scan_result", scan_result},
    {"scanner", [](const FillContext& c) { return scanner(fact_value(c)); }},
    {"scheme", scheme},
    {"sender", [](const FillContext& c) { return endpoint_text(acting_endpoint(c.event)); }},
    {"sender_ip", [](const FillContext& c) { return ip_text(acting_endpoint(c.event).ip); }},
    {"sender_leg", [](const FillContext& c) { return string(leg_is_in_front(c) ? "in front of" : "behind"); }},
    {"sender_leg_filter",
     [](const FillContext& c) { return string(leg_is_in_front(c) ? "--server-ip" : "--client-ip"); }},
    {"sender_leg_log",
     [](const FillContext& c) {
       return string(leg_is_in_front(c)
                         ? "HAProxy termination state CD or CH; nginx status 499, \"client prematurely closed\""
                         : "HAProxy termination state SD or SH; nginx \"upstream prematurely closed\"");
     }},
    {"sender_port", [](const FillContext& c) { return to_string(acting_endpoint(c.event).port); }},
    {"sender_told",
     [](const FillContext& c) {
       const bool went_on = find_fact(c.event, FactId::kSenderContinued) != nullptr;
       const Side side = c.event.claimed_sender;
       return "only " + opposite_word(side) + " was told" +
              (went_on ? "; " + string(side_word(side)) + " kept talking" : "");
     }},
    {"sequence", sequence},
    {"server", [](const FillContext& c) { return endpoint_text(c.event.server); }},
    {"server_heard",
     [](const FillContext& c) {
       return string(c.event.client_bytes == 0 ? "the client sent nothing" : "the request did not arrive completely");
     }},
    {"server_icmp_device",
     [](const FillContext& c) {
       return c.event.origin == Origin::kServer ? ip_text(c.event.server.ip) : string("that device");
     }},
    {"server_icmp_side",
     [](const FillContext& c) {
       return c.event.origin == Origin::kServer
                  ? "server side: " + ip_text(c.event.server.ip) + " itself sent the error (its firewall or its routes)"
                  : "a router or firewall before " + ip_text(c.event.server.ip) +
                        ": the error's source address names it";
     }},
    {"server_ip", [](const FillContext& c) { return ip_text(c.event.server.ip); }},
    {"server_keepalive",
     [](const FillContext& c) {
       if (c.event.origin == Origin::kClient || c.event.origin == Origin::kServer) return string();  // of no use there
       return fill("must be below {idle_limit} (with SO_KEEPALIVE set) to keep the device's entry alive", c);
     }},
    {"server_limiter",
     [](const FillContext& c) {
       const bool end = c.event.origin == Origin::kClient || c.event.origin == Origin::kServer;
       return end ? ip_text(acting_endpoint(c.event).ip) : string("the firewall or balancer");
     }},
    {"server_name",
     [](const FillContext& c) {
       return c.event.server_name.empty() ? string() : " (" + printable(c.event.server_name) + ")";
     }},
    {"server_port", [](const FillContext& c) { return to_string(c.event.server.port); }},
    {"servers", [](const FillContext& c) { return number("server", "servers", fact_value(c)); }},
    {"side", [](const FillContext& c) { return string(side_word(c.step == nullptr ? Side::kUnknown : c.step->side)); }},
    {"signed_value",
     [](const FillContext& c) { return string(fact_value(c) > 0 ? "+" : "") + to_string(fact_value(c)); }},
    {"silent",
     [](const FillContext& c) { return endpoint_text(endpoint_of(c.event, opposite(waiting_side(c.event)))); }},
    {"silent_ip",
     [](const FillContext& c) { return ip_text(endpoint_of(c.event, opposite(waiting_side(c.event))).ip); }},
    {"since_utc", [](const FillContext& c) { return utc_text(before(c.event.time_ns)) + " UTC"; }},
    {"sni_option",
     [](const FillContext& c) {
       return safe_in_shell(c.event.server_name) ? string(" -servername ") + c.event.server_name : string();
     }},
    {"ss_client", [](const FillContext& c) { return ss_address(c.event.client); }},
    {"ss_peer", [](const FillContext& c) { return ss_address(other_endpoint(c.event)); }},
    // The program that acted, by the port of the service, which alone stays.
    {"ss_program",
     [](const FillContext& c) {
       return "'" + string(acting_side(c.event) == Side::kClient ? "dport" : "sport") +
              " = :" + to_string(c.event.server.port) + "'";
     }},
    {"ss_sender", [](const FillContext& c) { return ss_address(acting_endpoint(c.event)); }},
    {"ss_server", [](const FillContext& c) { return ss_address(c.event.server); }},
    {"ss_silent",
     [](const FillContext& c) { return ss_address(endpoint_of(c.event, opposite(waiting_side(c.event)))); }},
    {"step_accepts", step_accepts},
    {"step_after",
     [](const FillContext& c) {
       const int64_t n = c.step == nullptr ? 0 : c.step->value;
       return n == 0 ? string() : "; " + to_string(n) + number(" byte", " bytes", n) + " sent in all";
     }},
    {"step_anew",
     [](const FillContext& c) {
       return string(c.step != nullptr && c.step->at_ns > 0 ? " anew, on the same ports" : "");
     }},
    {"step_ms",
     [](const FillContext& c) { return duration_text(c.step == nullptr ? 0 : uint64_t{c.step->value} * 1'000'000); }},
    {"step_packets",
     [](const FillContext& c) {
       const int64_t n = c.step == nullptr ? 0 : c.step->value;
       return to_string(n) + number(" packet", " packets", n);
     }},
    {"step_reset", step_reset},
    {"step_sent",
     [](const FillContext& c) {
       return c.step == nullptr || c.step->value <= 1 ? string() : ", sent " + times(c.step->value);
     }},
    {"step_times",
     [](const FillContext& c) { return times(c.step == nullptr || c.step->value == 0 ? 1 : c.step->value); }},
    {"time", [](const FillContext& c) { return utc_text(c.event.time_ns) + " UTC"; }},
    {"times", [](const FillContext& c) { return times(fact_value(c)); }},
    {"ttl_pair", ttl_pair},
    {"tunnel", [](const FillContext& c) { return tunnel(fact_value(c)); }},
    {"unheard", unheard},
    {"value", [](const FillContext& c) { return to_string(fact_value(c)); }},
    {"value_ms", [](const FillContext& c) { return duration_text(positive(fact_value(c)) * 1'000'000); }},
    {"value_steps",
     [](const FillContext& c) {
       // Beyond the largest window without scaling nobody aims at what is under way: it goes through the number space.
       return string(fact_value(c) > UINT16_MAX ? ", window after window, as a blind guesser's do"
                                                : ", as an injector's do that sees the traffic");
     }},
    {"value_us", [](const FillContext& c) { return duration_text(positive(fact_value(c)) * 1'000); }},
    {"waiting_ip", [](const FillContext& c) { return ip_text(endpoint_of(c.event, waiting_side(c.event)).ip); }},
};
static_assert(std::ranges::is_sorted(kPlaceholders, {}, &Placeholder::name));

}  // namespace

string fill(string_view text, const FillContext& context) {
  string out;
  out.reserve(text.size() + 64);
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if ((c == '{' || c == '}') && i + 1 < text.size() && text[i + 1] == c) {
      out += c;
      i += 2;
      continue;
    }
    const size_t end = c == '{' ? text.find('}', i) : string_view::npos;
    if (end == string_view::npos) {
      out += c;
      ++i;
      continue;
    }
    const string_view key = text.substr(i + 1, end - i - 1);
    const auto* row = std::ranges::lower_bound(kPlaceholders, key, {}, &Placeholder::name);
    if (row != std::end(kPlaceholders) && row->name == key)
      out += row->value(context);
    else
      out += text.substr(i, end - i + 1);
    i = end + 1;
  }
  return out;
}

string printable(string_view text) {
  string out(text);
  std::ranges::replace_if(
      out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

string duration_text(uint64_t ns) {
  char buffer[48];
  const double s = static_cast<double>(ns) / 1e9;
  if (ns < 1'000)
    std::snprintf(buffer, sizeof buffer, "%" PRIu64 " ns", ns);
  else if (ns < 1'000'000)
    std::snprintf(buffer, sizeof buffer, "%" PRIu64 " us", ns / 1'000);
  else if (ns < 10'000'000)
    std::snprintf(buffer, sizeof buffer, "%.1f ms", s * 1e3);
  else if (ns < kSecond)
    std::snprintf(buffer, sizeof buffer, "%.0f ms", s * 1e3);
  else if (ns < 10 * kSecond)
    std::snprintf(buffer, sizeof buffer, "%.1f s", s);
  else if (ns < 600 * kSecond)
    std::snprintf(buffer, sizeof buffer, "%.0f s", s);
  else if (ns < 7200 * kSecond)
    std::snprintf(buffer, sizeof buffer, "%" PRIu64 " min %" PRIu64 " s", ns / kSecond / 60, ns / kSecond % 60);
  else
    std::snprintf(buffer, sizeof buffer, "%" PRIu64 " h %" PRIu64 " min", ns / kSecond / 3600, ns / kSecond / 60 % 60);
  return buffer;
}

string utc_text(uint64_t ns) {
  const auto seconds = static_cast<time_t>(ns / kSecond);
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  char buffer[48];
  const size_t n = std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M:%S", &tm);
  return {buffer, n};
}

Side acting_side(const model::Event& event) {
  if (event.origin == Origin::kClient) return Side::kClient;
  if (event.origin == Origin::kServer) return Side::kServer;
  return event.claimed_sender == Side::kUnknown ? Side::kServer : event.claimed_sender;
}

const model::Endpoint& acting_endpoint(const model::Event& event) {
  return acting_side(event) == Side::kClient ? event.client : event.server;
}

const model::Endpoint& other_endpoint(const model::Event& event) {
  return acting_side(event) == Side::kClient ? event.server : event.client;
}

const model::Fact* find_fact(const model::Event& event, FactId id) {
  for (const model::Fact& fact : event.evidence)
    if (fact.id == id) return &fact;
  return nullptr;
}

}  // namespace rs::correlate
