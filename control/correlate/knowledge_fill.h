// SPDX-License-Identifier: Apache-2.0
//
// Fills {placeholders} of the knowledge tables with what one event says. "{{" and "}}" stand for single braces.
//
//   by case     scheme (http or https, as spoken), server_heard (how much of a request came), sender_told (whom a
//               firewall told), server_icmp_side server_icmp_device (who sent an ICMP error), server_limiter (who
//               limits silence), server_keepalive (what keepalive does there); of a proxy the other leg: sender_leg
//               sender_leg_filter sender_leg_log
//   addresses   client client_ip client_port server server_ip server_port
//   roles       sender sender_ip sender_port (who acted: the origin if it is an end, else the claimed sender)
//               peer peer_ip (its other side), claimed ("the server"), actor_side
//   time        time since_utc around_since around_until journal; of a silence: idle idle_limit of_idle unheard
//               journal_idle (from its beginning on)
//   commands    iptables conntrack_family sni_option named_site; ss_client ss_server ss_sender ss_peer ss_silent
//               ss_program (in a filter of ss)
//   findings    icmp mptcp server_name scan_result; silent silent_ip waiting_ip (who did not answer whom), refuser
//               refuser_the (who said no)
//   of a fact   value signed_value value_us value_ms value_steps times rst_ttl ttl_pair bytes_off scanner icmp_value
//               mptcp_value claimed_the claimed_whose claimed_peer packets probes retransmissions octets connections
//               ports servers tunnel acked_by drawn_by_first last_message of_sayer
//   of a step   side other bytes step_packets step_sent step_times step_anew step_accepts step_after step_ms
//               step_reset sequence
#pragma once

#include <string>
#include <string_view>

#include "control/model/event.h"

namespace rs::correlate {

struct FillContext {
  const model::Event& event;
  const model::Fact* fact = nullptr;
  const model::Step* step = nullptr;
};

// A placeholder the context cannot fill is left as it stands; knowledge_test.cc proves that none is.
std::string fill(std::string_view text, const FillContext& context);

// "350 s", "12 ms", "2 h 5 min".
std::string duration_text(uint64_t ns);
// "2026-11-21 10:43:18", UTC.
std::string utc_text(uint64_t ns);

// What came over the wire, made fit for a terminal and for UTF-8: anything but printable ASCII becomes '?'.
std::string printable(std::string_view text);

// Who acted, as far as addresses go.
Side acting_side(const model::Event& event);
const model::Endpoint& acting_endpoint(const model::Event& event);
const model::Endpoint& other_endpoint(const model::Event& event);

// Whether a fact is the reason that a message itself gave.
constexpr bool is_said(FactId id) { return id >= FactId::kSaysOverload && id <= FactId::kSaysPeerSilent; }

// The fact of this id, or nullptr.
const model::Fact* find_fact(const model::Event& event, FactId id);

}  // namespace rs::correlate
