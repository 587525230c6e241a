// SPDX-License-Identifier: Apache-2.0
//
// Two parsed packets, field by field.
#pragma once

#include "dataplane/packet/view.h"

namespace rs::test {

inline bool same(const Bytes& a, const Bytes& b) { return a.data() == b.data() && a.size() == b.size(); }

// Everything both hold. Of a packet quoted by ICMP only what every quote tells: the rest of its view is left as it was.
inline bool same(const packet::PacketView& a, const packet::PacketView& b) {
  const bool told = a.time == b.time && a.src == b.src && a.dst == b.dst && a.src_port == b.src_port &&
                    a.dst_port == b.dst_port && a.seq == b.seq && a.ack == b.ack && a.flags == b.flags &&
                    a.payload_bytes == b.payload_bytes && same(a.payload, b.payload) && a.ttl == b.ttl &&
                    a.network_tag == b.network_tag && same(a.outer, b.outer) && a.ipv6 == b.ipv6 &&
                    a.tunnel == b.tunnel && a.outer_ttl == b.outer_ttl && a.icmp == b.icmp;
  if (a.icmp) return told && a.icmp_type == b.icmp_type && a.icmp_code == b.icmp_code && a.icmp_src == b.icmp_src;
  return told && a.window == b.window && a.opts == b.opts && a.ip_id == b.ip_id && a.tcp_checksum == b.tcp_checksum &&
         a.tos == b.tos && a.df == b.df && a.exact_time == b.exact_time && a.tsval == b.tsval && a.tsecr == b.tsecr &&
         a.flow_label == b.flow_label && a.mss == b.mss && a.window_scale == b.window_scale &&
         a.mptcp_reason == b.mptcp_reason && a.mptcp_fastclose == b.mptcp_fastclose;
}

}  // namespace rs::test
